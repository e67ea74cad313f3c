/**
 * The layers as an application provides them, with keys from a seed and SQLite, at real towers.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, LogLevel, Redacted } from "effect"
import * as NodeWatchtower from "../../src/layers/NodeWatchtower.js"
import * as Chain from "../../src/schema/Chain.js"
import { RootKey } from "../../src/schema/RootKey.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { familyTowerSession, KeyRing } from "../../src/services/KeyRing.js"
import { SessionNegotiator } from "../../src/services/SessionNegotiator.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"
import { temporary } from "./support/folder.js"
import { note } from "./support/matrix.js"
import * as Record from "./support/record.js"
import * as Tower from "./support/tower.js"

const applications = [
  { binary: "lnd", chain: Chain.bitcoinRegtest },
  { binary: "lnd-v0.17", chain: Chain.bitcoinRegtest },
  { binary: "dcrlnd", chain: Chain.decredRegnet }
] as const

for (const { binary, chain } of applications) {
  describe(binary, () => {
    it.scopedLive("gives sessions to an application, and to the same one when it runs again", (context) =>
      Effect.gen(function* () {
        const towers = yield* Effect.all([Tower.start(binary), Tower.start(binary)])
        const folder = yield* temporary
        // Both members of the union go the same way.
        const options = {
          chain,
          key: { root },
          database: { filename: `${folder}/client.db` }
        } as NodeWatchtower.Options

        const run = Effect.gen(function* () {
          const candidates = yield* TowerCandidates
          const db = yield* ClientDb
          const keys = yield* KeyRing
          const negotiator = yield* SessionNegotiator
          for (const tower of towers) yield* candidates.add(tower.publicKey, tower.address)
          const before = yield* db.listClientSessions()
          const fresh = yield* Effect.replicateEffect(negotiator.nextSession, 4)
          for (const { id, keyIndex } of fresh) {
            assert.strictEqual<string>(id, yield* keys.deriveKey({ family: familyTowerSession, index: keyIndex }))
          }
          return { before, fresh, after: yield* db.listClientSessions() }
        }).pipe(Effect.provide(NodeWatchtower.layer(options)), Logger.withMinimumLogLevel(LogLevel.None))

        const first = yield* run
        const second = yield* run
        assert.deepStrictEqual(first.before, [])
        assert.deepStrictEqual(second.before, first.after)
        assert.includeDeepMembers([...second.after], [...first.fresh, ...second.fresh])
        for (const tower of towers) {
          const ours = second.after.filter((session) => session.towerPublicKey === tower.publicKey)
          assert.lengthOf(ours, 4)
          assert.deepStrictEqual(
            (yield* tower.sessions).map((session) => session.encoded).toSorted(),
            ours.map((session) => Record.encoded(session)).toSorted()
          )
        }
        note(context, towers[0].version, 2, "NodeWatchtower on SQLite, run twice, two towers", "8 sessions, in turn")
      })
    )
  })
}

const root = RootKey.Seed({ bytes: Redacted.make(Uint8Array.from({ length: 32 }, (_, index) => index + 1)) })
