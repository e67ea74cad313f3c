/** Whose database it is, and where its key indexes start. Cases of every `ClientDb`. */
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { ChainHash, KeyIndex } from "../../../src/schema/Ids.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { bound, type Test, type } from "./contract.js"
import { address, identity, publicKey } from "./samples.js"

export const identityCases = (test: Test) =>
  describe("identity", () => {
    test(
      "is recorded once and compared afterwards",
      Effect.gen(function* () {
        const db = yield* ClientDb
        yield* db.bindIdentity(identity)
        yield* db.bindIdentity(identity)
        const chain = yield* Effect.flip(
          db.bindIdentity({ ...identity, chainHash: ChainHash.make("ab".repeat(32)), layout: "dcrlnd" })
        )
        const layout = yield* Effect.flip(db.bindIdentity({ ...identity, layout: "dcrlnd", publicKey: publicKey(1) }))
        const seed = yield* Effect.flip(db.bindIdentity({ ...identity, publicKey: publicKey(1) }))
        assert.deepStrictEqual(
          [chain, layout, seed].map((error) => (error._tag === "WrongDatabase" ? error.what : error._tag)),
          ["chain", "key layout", "seed"]
        )
        yield* db.bindIdentity(identity)
      })
    )

    test(
      "starts the key indexes, once",
      Effect.gen(function* () {
        const { db, take } = yield* bound
        assert.strictEqual((yield* take).keyIndex, 100)
        yield* db.bindIdentity({ ...identity, firstKeyIndex: KeyIndex.make(5) })
        assert.strictEqual((yield* take).keyIndex, 101)
      })
    )

    test(
      "starts them somewhere in the first half when it does not say where",
      Effect.gen(function* () {
        const db = yield* ClientDb
        yield* db.bindIdentity({ ...identity, firstKeyIndex: undefined })
        const tower = yield* db.createTower(publicKey(1), address(1))
        const { keyIndex } = yield* db.nextSessionKeyIndex(tower.id, type, "clear")
        assert.isAtLeast(keyIndex, 1)
        assert.isBelow(keyIndex, 2 ** 30)
      })
    )

    test(
      "comes before a key index",
      Effect.gen(function* () {
        const db = yield* ClientDb
        const tower = yield* db.createTower(publicKey(1), address(1))
        const reserve = yield* Effect.flip(db.nextSessionKeyIndex(tower.id, type, "clear"))
        const skip = yield* Effect.flip(db.skipSessionKeys(1))
        assert.deepStrictEqual([reserve._tag, skip._tag], ["DatabaseUnavailable", "DatabaseUnavailable"])
      })
    )
  })
