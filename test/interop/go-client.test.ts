/**
 * The real clients of lnd and dcrlnd negotiate with our loopback tower.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as LoopbackTower from "../../src/layers/tower/LoopbackTower.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as Chain from "../../src/schema/Chain.js"
import * as TowerUri from "../../src/schema/TowerUri.js"
import { temporary } from "./support/folder.js"
import * as GoClient from "./support/goClient.js"
import { note } from "./support/matrix.js"

const clients = [
  { binary: "lnd", chain: Chain.bitcoinRegtest, types: [2, 6, 10, 26], afterUsed: 1001 },
  { binary: "dcrlnd", chain: Chain.decredRegnet, types: [2, 6], afterUsed: 1 }
] as const

const startTower = (chain: Chain.AnyChain, options: Pick<LoopbackTower.Options, "onSession"> = {}) =>
  NodeLoopbackTower.make({ ...options, chain, secretKey: Redacted.make(FixedKeyRing.secretOf(1_000_000)) })

const policyOf = (session: GoClient.GoSession) => ({
  blobType: session.blobType,
  maxUpdates: session.maxUpdates,
  rewardBase: session.rewardBase,
  rewardRate: session.rewardRate,
  sweepFeeRate: BigInt(session.sweepFeeRate)
})

describe.each(clients)("the client for $chain.name", ({ afterUsed, binary, chain, types }) => {
  it.scopedLive("negotiates a session of every type, and takes them up again after a crash", (context) =>
    Effect.gen(function* () {
      const tower = yield* startTower(chain)
      const folder = yield* temporary
      const options = { folder, network: chain.network, types }
      const client = yield* GoClient.start(binary, { ...options, tower: TowerUri.print(tower.uri) })
      const sessions = yield* Effect.replicateEffect(client.nextSession, types.length)
      const byType = (one: { readonly blobType: number }, other: { readonly blobType: number }) =>
        one.blobType - other.blobType
      assert.deepStrictEqual(
        sessions.map((session) => session.blobType).toSorted((one, other) => one - other),
        [...types]
      )

      const kept = yield* tower.sessions
      assert.strictEqual(kept.size, types.length)
      for (const session of sessions) {
        const ours = kept.get(session.id)
        assert.deepStrictEqual<unknown>(ours?.policy, policyOf(session))
        assert.strictEqual(ours?.rewardScript, session.rewardScript)
        note(context, "our loopback tower", session.blobType, `client of ${client.version}`, "session, equal")
      }
      const ids = sessions.map((session) => session.id).toSorted()
      const takenUp = yield* Effect.replicateEffect(client.nextTakenUp, types.length)
      assert.deepStrictEqual(takenUp.toSorted(), ids)
      yield* client.kill

      const { served } = yield* tower.connections
      const again = yield* GoClient.start(binary, options)
      assert.deepStrictEqual(again.stored.toSorted(byType), sessions.toSorted(byType))
      const takenUpAgain = yield* Effect.replicateEffect(again.nextTakenUp, types.length)
      assert.deepStrictEqual(takenUpAgain.toSorted(), ids)
      assert.strictEqual(yield* again.acquired, 0)
      assert.strictEqual((yield* tower.connections).served, served)
      note(
        context,
        "our loopback tower",
        types.join(" "),
        `client of ${client.version}, killed and restarted`,
        "taken up"
      )
    })
  )

  it.scopedLive("meets our AlreadyExists after it lost its database", (context) =>
    Effect.gen(function* () {
      const tower = yield* startTower(chain)
      const start = Effect.flatMap(temporary, (folder) =>
        GoClient.start(binary, { folder, network: chain.network, types: [2], tower: TowerUri.print(tower.uri) })
      )
      const first = yield* start
      const before = yield* first.nextSession
      assert.strictEqual(before.keyIndex, 1)
      yield* first.kill
      yield* tower.markUsed(before.id, 7)

      const second = yield* start
      const after = yield* second.nextSession
      assert.strictEqual(after.keyIndex, afterUsed)
      assert.strictEqual(after.seqNum, 0)
      const lastApplied = (yield* tower.sessions).get(after.id)?.lastApplied
      // dcrlnd takes the refusal as success: its updates would always be refused (docs/negotiation.md, D3).
      assert.strictEqual(lastApplied, binary === "dcrlnd" ? 7 : 0)
      const what = binary === "dcrlnd" ? "takes it as success, sequence number 0" : `takes key index ${afterUsed}`
      note(context, "our loopback tower", 2, `client of ${second.version}, database lost, key used`, what)
    })
  )

  it.scopedLive("tries again when our tower loses its reply, under the same key", (context) =>
    Effect.gen(function* () {
      let requests = 0
      const mend: Effect.Effect<void> = Effect.suspend(() => tower.setFault(undefined))
      const tower = yield* startTower(chain, {
        onSession: () => Effect.suspend(() => (++requests === 3 ? mend : Effect.void))
      })
      yield* tower.setFault(LoopbackTower.Fault.HangUp({ before: "reply" }))
      const folder = yield* temporary
      const options = { folder, network: chain.network, types: [2], tower: TowerUri.print(tower.uri) }
      const client = yield* GoClient.start(binary, options)
      const session = yield* client.nextSession
      assert.strictEqual(session.keyIndex, 1)
      assert.strictEqual(requests, 3)
      assert.deepStrictEqual([...(yield* tower.sessions).keys()], [session.id])
      note(
        context,
        "our loopback tower",
        2,
        `client of ${client.version}, reply lost twice`,
        "session under the same key"
      )
    })
  )
})
