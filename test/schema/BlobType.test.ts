import { assert, describe, it } from "@effect/vitest"
import * as BlobType from "../../src/schema/BlobType.js"

describe("BlobType", () => {
  it("has the names and numbers of lnd", () => {
    assert.deepStrictEqual<Record<string, number>>(BlobType.byName, {
      legacy: 2,
      reward: 3,
      anchor: 6,
      taproot: 10,
      "taproot-final": 26
    })
    for (const [name, type] of Object.entries(BlobType.byName)) assert.strictEqual(BlobType.nameOf(type), name)
    assert.strictEqual(BlobType.nameOf(BlobType.BlobType.make(7)), "7")
  })

  it("has a flag only when it has all its bits", () => {
    const type = BlobType.BlobType.make(6)
    assert.isTrue(BlobType.has(type, BlobType.flagAnchorChannel))
    assert.isTrue(BlobType.has(type, BlobType.flagAnchorChannel | BlobType.flagCommitOutputs))
    assert.isFalse(BlobType.has(type, BlobType.flagAnchorChannel | BlobType.flagReward))
  })

  it("is 16 bits", () => {
    assert.throws(() => BlobType.BlobType.make(0x1_0000))
    assert.throws(() => BlobType.BlobType.make(-1))
  })
})
