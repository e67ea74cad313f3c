/**
 * Many sessions: in a row, and from many towers.
 */
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect } from "effect"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import type { ClientSession } from "../../src/schema/ClientSession.js"
import { KeyIndex } from "../../src/schema/Ids.js"
import * as Client from "./support/client.js"
import { temporary } from "./support/folder.js"
import { note } from "./support/matrix.js"
import * as Record from "./support/record.js"
import * as Tower from "./support/tower.js"

const records = (sessions: ReadonlyArray<ClientSession>) =>
  sessions.map((session) => Record.encoded(session)).toSorted()

describe.each(Tower.binaries)("%s", (binary) => {
  const { chain } = Tower.kinds[binary]

  it.scopedLive(
    "gives 500 sessions in a row",
    (context) =>
      Effect.gen(function* () {
        const tower = yield* Tower.start(binary)
        const folder = yield* temporary
        const db = yield* SqliteClientDb.make({ filename: `${folder}/client.db` })
        const client = yield* Client.make({ db })
        yield* client.add(tower)
        const negotiator = yield* client.negotiator(Client.proposal(chain))
        const sessions = yield* Effect.replicateEffect(negotiator.nextSession, 500)
        assert.deepStrictEqual(
          sessions.map((session) => session.keyIndex),
          Arr.range(1, 500).map((index) => KeyIndex.make(index))
        )
        assert.deepStrictEqual(yield* db.listClientSessions({ limit: 1000 }), sessions)
        const kept = (yield* tower.sessions).map((session) => session.encoded)
        assert.deepStrictEqual(kept.toSorted(), records(sessions))
        note(context, tower.version, 2, "500 sessions in a row, into SQLite", "keys 1 to 500, equal byte for byte")
      }),
    300_000
  )

  it.scopedLive("gives its sessions to a client that begins again on its database", (context) =>
    Effect.gen(function* () {
      const tower = yield* Tower.start(binary)
      const filename = `${yield* temporary}/client.db`
      const run = (take: number) =>
        Effect.scoped(
          Effect.gen(function* () {
            const db = yield* SqliteClientDb.make({ filename })
            const client = yield* Client.make({ db })
            if (take === 1) yield* client.add(tower)
            const negotiator = yield* client.negotiator(Client.proposal(chain))
            yield* Effect.replicateEffect(negotiator.nextSession, take)
            return yield* db.listClientSessions()
          })
        )
      const before = yield* run(1)
      const after = yield* run(2)
      assert.deepStrictEqual(after.slice(0, 1), before)
      assert.deepStrictEqual(
        after.map((session) => session.keyIndex),
        [1, 2, 3].map((index) => KeyIndex.make(index))
      )
      assert.deepStrictEqual((yield* tower.sessions).map((session) => session.encoded).toSorted(), records(after))
      note(context, tower.version, 2, "our client restarted on its database", "same towers, next keys")
    })
  )
})

/** Eight towers of one chain each. */
const fleets = [
  ["4 of lnd v0.21 and 4 of lnd v0.17", ["lnd", "lnd-v0.17"]],
  ["8 of dcrlnd", ["dcrlnd"]]
] as const

describe.each(fleets)("%s", (name, binaries) => {
  const startAll = Effect.all(Arr.makeBy(8, (n) => Tower.start(binaries[n % binaries.length] ?? binaries[0])))
  const { chain } = Tower.kinds[binaries[0]]

  it.scopedLive("give one session each to eight requests at once", (context) =>
    Effect.gen(function* () {
      const towers = yield* startAll
      const client = yield* Client.make()
      for (const tower of towers) yield* client.add(tower)
      const negotiator = yield* client.negotiator(Client.proposal(chain))
      const sessions = yield* Effect.all(Arr.replicate(negotiator.nextSession, 8), { concurrency: "unbounded" })
      for (const tower of towers) {
        const given = sessions.filter((session) => session.towerPublicKey === tower.publicKey)
        assert.lengthOf(given, 1)
        assert.deepStrictEqual(
          (yield* tower.sessions).map((session) => session.encoded),
          records(given)
        )
      }
      assert.lengthOf(new Set(sessions.map((session) => session.keyIndex)), 8)
      note(context, name, 2, "8 requests at once, one client", "one session from each tower")
    })
  )

  it.scopedLive("serve eight negotiators over one database at once", (context) =>
    Effect.gen(function* () {
      const towers = yield* startAll
      const filename = `${yield* temporary}/client.db`
      // Each with a connection of its own, as eight processes would have.
      const open = SqliteClientDb.make({ filename })
      const db = yield* open
      for (const tower of towers) yield* db.createTower(tower.publicKey, tower.address)
      const ofEach = yield* Effect.all(
        Arr.makeBy(8, () =>
          Effect.gen(function* () {
            const client = yield* Client.make({ db: yield* open })
            const negotiator = yield* client.negotiator(Client.proposal(chain))
            return yield* Effect.replicateEffect(negotiator.nextSession, 8)
          })
        ),
        { concurrency: "unbounded" }
      )
      const sessions = ofEach.flat()
      assert.lengthOf(new Set(sessions.map((session) => session.keyIndex)), 64)
      assert.deepStrictEqual(
        new Set((yield* db.listClientSessions({ limit: 1000 })).map(({ id }) => id)),
        new Set(sessions.map(({ id }) => id))
      )
      for (const tower of towers) {
        const given = sessions.filter((session) => session.towerPublicKey === tower.publicKey)
        const kept = (yield* tower.sessions).map((session) => session.encoded)
        // Where a slower tower's session was overtaken by another's, it keeps one that we did not want.
        const ours = records(given)
        assert.deepStrictEqual(kept.filter((session) => ours.includes(session)).toSorted(), ours)
      }
      note(context, name, 2, "8 negotiators over one database, 8 sessions each", "64 sessions, equal byte for byte")
    })
  )

  it.scopedLive("give a session as long as one of them is there", (context) =>
    Effect.gen(function* () {
      const towers = yield* startAll
      const client = yield* Client.make()
      for (const tower of towers) yield* client.add(tower)
      const negotiator = yield* client.negotiator(Client.proposal(chain))
      for (const gone of towers.slice(0, 7)) {
        yield* gone.kill
        const session = yield* negotiator.negotiate
        assert.notStrictEqual(session.towerPublicKey, gone.publicKey)
      }
      const last = towers[7]
      const session = yield* negotiator.negotiate
      assert.strictEqual(session.towerPublicKey, last?.publicKey)
      note(context, name, 2, "7 of 8 killed, one after another", "a session each time")
    })
  )
})
