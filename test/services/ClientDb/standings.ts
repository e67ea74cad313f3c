/** Standings: the whole value, for one tower, blob type and policy. Cases of every `ClientDb`. */
import { assert, describe } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import * as BlobType from "../../../src/schema/BlobType.js"
import * as Policy from "../../../src/schema/Policy.js"
import type { Standing } from "../../../src/schema/Standing.js"
import { bound, free, type Test, type } from "./contract.js"
import { address, policy, policyKey, publicKey, standing, start, update } from "./samples.js"

export const standingsCases = (test: Test) =>
  describe("standings", () => {
    test(
      "of towers never visited are absent",
      Effect.gen(function* () {
        const { db } = yield* bound
        assert.strictEqual((yield* db.loadStandings(type, policyKey)).size, 0)
      })
    )

    test(
      "come back as they were written, over what was there",
      Effect.gen(function* () {
        const { db, tower } = yield* bound
        yield* db.saveStanding(update(tower))
        yield* db.saveStanding({ ...update(tower), standing })
        assert.deepStrictEqual(yield* db.loadStandings(type, policyKey), new Map([[tower.id, standing]]))
        const { quarantine: _, ...without } = standing
        yield* db.saveStanding({ ...update(tower), standing: without })
        assert.deepStrictEqual(yield* db.loadStandings(type, policyKey), new Map([[tower.id, without]]))
      })
    )

    test(
      "belong to a blob type, and quarantines to a policy",
      Effect.gen(function* () {
        const { db, tower } = yield* bound
        const otherPolicy = Policy.keyOf({ ...policy, maxUpdates: 7 })
        yield* db.saveStanding({ ...update(tower), standing })
        const { quarantine: _, ...without } = standing
        assert.deepStrictEqual(yield* db.loadStandings(type, otherPolicy), new Map([[tower.id, without]]))
        assert.strictEqual((yield* db.loadStandings(BlobType.altruistAnchorCommit, policyKey)).size, 0)
        yield* db.saveStanding({ ...update(tower), policyKey: otherPolicy, standing: without })
        assert.deepStrictEqual(yield* db.loadStandings(type, policyKey), new Map([[tower.id, standing]]))
      })
    )

    test(
      "are written with a freed reservation",
      Effect.gen(function* () {
        const { db, take, tower } = yield* bound
        yield* db.freeSessionKeyIndex(yield* take, { outcome: free, update: { ...update(tower), standing } })
        assert.deepStrictEqual(yield* db.loadStandings(type, policyKey), new Map([[tower.id, standing]]))
      })
    )

    test(
      "lose their quarantines when the tower is added again, and only that tower's",
      Effect.gen(function* () {
        const { db, tower } = yield* bound
        const other = yield* db.createTower(publicKey(2), address(2))
        yield* db.saveStanding({ ...update(tower), standing })
        yield* db.saveStanding({ ...update(other), standing })
        yield* db.createTower(publicKey(1), address(1))
        const { quarantine: _, ...without } = standing
        assert.deepStrictEqual(
          yield* db.loadStandings(type, policyKey),
          new Map([
            [tower.id, without],
            [other.id, standing]
          ])
        )
      })
    )

    test(
      "are written without instants of the future",
      Effect.gen(function* () {
        const { db, tower } = yield* bound
        yield* db.saveStanding(update(tower, { lastVisit: start + 1000 }))
        // By now the instant has passed, so that it shows if it was written.
        yield* TestClock.setTime(start + 2000)
        assert.strictEqual((yield* db.loadStandings(type, policyKey)).get(tower.id)?.lastVisit, start)
      })
    )

    test(
      "hold no instant of the future after the clock went back",
      Effect.gen(function* () {
        const { db, tower } = yield* bound
        yield* db.saveStanding({ ...update(tower), standing })
        const now = start - 1500
        yield* TestClock.setTime(now)
        const expected: Standing = {
          ...standing,
          lastVisit: now,
          quarantine: { since: now, reason: "RejectSweepFeeRate" },
          addresses: {
            "tower-1.example:9911": { lastSuccess: start - 2000, lastFailure: now, failures: 2 },
            "[::1]:9911": { failures: 0 }
          }
        }
        assert.deepStrictEqual((yield* db.loadStandings(type, policyKey)).get(tower.id), expected)
        yield* TestClock.setTime(start)
        assert.deepStrictEqual((yield* db.loadStandings(type, policyKey)).get(tower.id), expected)
      })
    )
  })
