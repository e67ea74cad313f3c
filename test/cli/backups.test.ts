import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Schema } from "effect"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import { BackupDb } from "../../src/services/BackupDb.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { populateBackups } from "../layers/sql/sample.js"
import { channel, channelId } from "../services/BackupDb/samples.js"
import { newClient, started } from "./wtclient.js"

const Listening = Schema.parseJson(Schema.Struct({ uri: Schema.String }))
const anything = Schema.parseJson(Schema.Unknown)
const parsed = (text: string) => Schema.decodeUnknownSync(anything)(text)

/** A client with a key, a database and no tower. */
const bound = Effect.gen(function* () {
  const client = yield* newClient
  yield* client.wtclient("init")
  yield* client.wtclient("db", "skip-keys")
  return client
})

/** Does something to the database as another program does. */
const elsewhere = <A, E>(
  { at }: Effect.Effect.Success<typeof bound>,
  use: (clients: ClientDb.Service, db: BackupDb.Service) => Effect.Effect<A, E>
) =>
  Effect.all([ClientDb, BackupDb]).pipe(
    Effect.flatMap(([clients, db]) => use(clients, db)),
    Effect.provide(SqliteClientDb.layer({ filename: at("wtclient.db") })),
    Effect.orDie
  )

/** A client with one tower, two sessions there (one of them lost), and two channels, of which the first has states of each kind. */
const withBackups = Effect.gen(function* () {
  const client = yield* bound
  const publicKey = publicKeyOf(1)
  yield* client.wtclient("add", `${publicKey}@127.0.0.1:1`)
  yield* elsewhere(client, populateBackups)
  return { ...client, publicKey }
})

describe("wtclient channels", () => {
  it.scoped("says how many states of each channel have their copies, and how many do not", () =>
    Effect.gen(function* () {
      const client = yield* withBackups
      yield* elsewhere(client, (_, db) => db.closeChannel(channelId(2)))
      const { code, stderr, stdout } = yield* client.wtclient("channels")
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.match(
        stdout,
        /^CHANNEL +TYPE +STATUS +HANDED IN +WITH ALL COPIES +MISSING +INELIGIBLE +LOST\n[0-9a-f]{16}… +anchors +open +7 +1 +4 +1 +1\n[0-9a-f]{16}… +\w+ +closed +0 +0 +0 +0 +0\n$/
      )
      const full = yield* client.wtclient("channels", "--full")
      assert.include(full.stdout, channelId(1))
      const json = yield* client.wtclient("channels", "--json")
      assert.deepStrictEqual(parsed(json.stdout), [
        { ...channel(1), isClosed: false, handedIn: 7, complete: 1, missing: 4, ineligible: 1, lost: 1 },
        { ...channel(2), isClosed: true, handedIn: 0, complete: 0, missing: 0, ineligible: 0, lost: 0 }
      ])
    })
  )

  it.scoped("lists more channels than a page has, each once", () =>
    Effect.gen(function* () {
      const client = yield* bound
      const count = 1001
      yield* elsewhere(client, (_, db) =>
        Effect.forEach(
          Array.from({ length: count }, (_, n) => channel(n + 1)),
          db.registerChannel,
          { discard: true }
        )
      )
      const { stdout } = yield* client.wtclient("channels", "--json")
      const Ids = Schema.parseJson(Schema.Array(Schema.Struct({ id: Schema.String })))
      assert.deepStrictEqual(
        Schema.decodeUnknownSync(Ids)(stdout).map(({ id }) => id),
        Array.from({ length: count }, (_, n): string => channelId(n + 1)).toSorted()
      )
    })
  )

  it.scoped("of a client without channels says who registers them", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* bound
      const { code, stdout } = yield* wtclient("channels")
      assert.deepStrictEqual([code, stdout], [0, "There are no channels. The node's program registers them.\n"])
      assert.strictEqual((yield* wtclient("channels", "--json")).stdout, "[\n]\n")
    })
  )
})

describe("wtclient stats", () => {
  it.scoped("sums up channels, states and sessions", () =>
    Effect.gen(function* () {
      const { publicKey, wtclient } = yield* withBackups
      const { code, stderr, stdout } = yield* wtclient("stats")
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.strictEqual(
        stdout,
        [
          "Channels: 2 open, 0 closed",
          "States handed in: 7; with all copies: 1, missing: 4, ineligible: 1, lost: 1",
          "Updates that towers have confirmed: 2",
          "Sessions acquired: 2; can take updates: 1 (1020 left), exhausted: 0",
          "Sessions out of use: 0 of removed or deactivated towers, 0 given up, 1 lost",
          ""
        ].join("\n")
      )
      yield* wtclient("deactivate", publicKey)
      assert.deepStrictEqual(parsed((yield* wtclient("stats", "--json")).stdout), {
        channels: { open: 2, closed: 0 },
        states: { handedIn: 7, complete: 1, missing: 4, ineligible: 1, lost: 1 },
        confirmedUpdates: 2,
        sessions: { acquired: 2, usable: 0, left: 0, exhausted: 0, inactive: 1, terminal: 0, lost: 1 }
      })
    })
  )
})

describe("wtclient deactivate", () => {
  it.scopedLive("keeps the tower and its sessions, and asks it for nothing until it is added again", () =>
    Effect.gen(function* () {
      const { flags, wtclient } = yield* newClient
      const { uri } = Schema.decodeUnknownSync(Listening)(
        yield* Queue.take(yield* started(["serve", "--json", ...flags]))
      )
      const publicKey = uri.slice(0, 66)
      yield* wtclient("init")
      yield* wtclient("add", uri)
      yield* wtclient("negotiate")
      const done = yield* wtclient("deactivate", publicKey)
      assert.deepStrictEqual([done.code, done.stderr], [0, ""])
      assert.strictEqual(
        done.stdout,
        `Deactivated tower 1, ${publicKey}: it gets no more sessions and updates until it is added again. Its sessions are kept.\n`
      )
      assert.match((yield* wtclient("towers")).stdout, /^1 .* deactivated {2}127\.0\.0\.1:\d+$/m)
      assert.match((yield* wtclient("tower", publicKey)).stdout, /\nis deactivated until it is added again\n/)
      assert.match((yield* wtclient("sessions", "--status", "inactive")).stdout, / inactive {2}/)
      const refused = yield* wtclient("negotiate")
      assert.match(refused.stderr, /^wtclient: No active tower is known\.\nNext: wtclient add PUBLICKEY@HOST /)
      assert.strictEqual(refused.code, 1)
      const checked = yield* wtclient("status", "--check", "--json")
      assert.strictEqual(checked.code, 1)
      assert.deepNestedInclude(parsed(checked.stdout), {
        "towers[0].state": "IsDeactivated",
        "towers[0].status": "inactive",
        "sessions[0].inactive": 1
      })
      yield* wtclient("add", uri)
      assert.strictEqual((yield* wtclient("status", "--check")).code, 0)
      assert.strictEqual((yield* wtclient("negotiate")).code, 0)
    })
  )

  it.scoped("takes what is behind an @ for an address, and refuses a tower that is not known", () =>
    Effect.gen(function* () {
      const { publicKey, wtclient } = yield* withBackups
      const json = yield* wtclient("deactivate", `${publicKey}@127.0.0.1:1`, "--json")
      assert.deepStrictEqual(parsed(json.stdout), {
        id: 1,
        publicKey,
        addresses: ["127.0.0.1:1"],
        status: "inactive"
      })
      const unknown = yield* wtclient("deactivate", publicKeyOf(2))
      assert.match(unknown.stderr, /^wtclient: No tower .* is known\.\nNext: wtclient towers /)
      assert.strictEqual(unknown.code, 1)
      const odd = yield* wtclient("deactivate", "tower.example")
      assert.match(odd.stderr, /^wtclient: .*public key/)
      assert.strictEqual(odd.code, 2)
      const nothing = yield* wtclient("deactivate")
      assert.match(nothing.stderr, /^wtclient: The command deactivate needs the argument PUBLICKEY\./)
      assert.strictEqual(nothing.code, 2)
    })
  )
})

describe("wtclient session terminate", () => {
  const Sessions = Schema.parseJson(Schema.Array(Schema.Struct({ id: Schema.String, status: Schema.String })))

  it.scoped("gives a session up, and says how many states go elsewhere", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* withBackups
      const sessions = Effect.map(wtclient("sessions", "--json"), ({ stdout }) =>
        Schema.decodeUnknownSync(Sessions)(stdout)
      )
      const [active, lost] = yield* sessions
      assert.deepStrictEqual([active?.status, lost?.status], ["active", "lost"])
      const id = active?.id ?? ""
      const { code, stderr, stdout } = yield* wtclient("session", "terminate", id.toUpperCase())
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.strictEqual(
        stdout,
        `Gave up session ${id}: it takes no more updates. States that other sessions take instead: 2.\n`
      )
      assert.deepStrictEqual(
        (yield* sessions).map(({ status }) => status),
        ["terminal", "lost"]
      )
      assert.match((yield* wtclient("sessions", "--status", "terminal")).stdout, / terminal {2}/)
      assert.match(
        (yield* wtclient("status")).stdout,
        /: 0 that can take updates \(0 left\), 0 full, 0 inactive, 1 given up, 1 lost\n/
      )
      const again = yield* wtclient("session", "terminate", id, "--json")
      assert.deepStrictEqual(parsed(again.stdout), { terminated: id, reopened: 0 })
    })
  )

  it.scoped("refuses what is no id, and one that no session has", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* withBackups
      for (const odd of ["7", "0".repeat(66), publicKeyOf(1).slice(0, 16)]) {
        const { code, stderr } = yield* wtclient("session", "terminate", odd)
        assert.match(stderr, /^wtclient: ".*" is no id of a session: .*\nNext: wtclient session terminate --help\n$/)
        assert.strictEqual(code, 2)
      }
      const unknown = yield* wtclient("session", "terminate", publicKeyOf(9), "--json")
      assert.match(unknown.stderr, /^wtclient: No session \w+ is stored\.\nNext: wtclient sessions --full --network/)
      assert.deepNestedInclude(parsed(unknown.stdout), {
        "error.tag": "SessionNotFound",
        "error.id": publicKeyOf(9)
      })
      assert.strictEqual(unknown.code, 1)
      const group = yield* wtclient("session", "end")
      assert.match(group.stderr, /^wtclient: There is no command "session end"\./)
      assert.strictEqual(group.code, 2)
    })
  )
})
