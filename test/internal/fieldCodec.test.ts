import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc } from "effect"
import { fromHex, toHex } from "../../src/internal/bytes.js"
import * as codec from "../../src/internal/fieldCodec.js"

describe("compactSize", () => {
  it.each([
    [0, "00"],
    [252, "fc"],
    [253, "fdfd00"],
    [65_535, "fdffff"],
    [65_536, "fe00000100"],
    [4_294_967_295, "feffffffff"],
    [4_294_967_296, "ff0000000001000000"]
  ])("%d is %s", (value, hex) => {
    assert.strictEqual(toHex(codec.compactSize.write(value)), hex)
    assert.deepStrictEqual(codec.compactSize.read(fromHex(hex), 0), Either.right([value, hex.length / 2] as const))
  })

  it("has one form for each value", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 9 }), (bytes) => {
        const read = codec.compactSize.read(bytes, 0)
        if (Either.isLeft(read) || read.right[0] > Number.MAX_SAFE_INTEGER) return
        const [value, end] = read.right
        assert.deepStrictEqual(codec.compactSize.write(value), bytes.slice(0, end))
      }),
      { numRuns: 2000 }
    )
  })
})

describe("featureVector", () => {
  it.each([
    [[], "0000"],
    [[0], "000101"],
    [[0, 2], "000105"],
    [[0, 4], "000111"],
    [[1, 3], "00010a"],
    [[2, 3, 7], "00018c"],
    [[2, 3, 8], "0002010c"]
  ])("%j is %s", (bits, hex) => {
    assert.strictEqual(toHex(codec.featureVector.write(bits)), hex)
    assert.deepStrictEqual(codec.featureVector.read(fromHex(hex), 0), Either.right([bits, hex.length / 2] as const))
  })
})

describe("struct", () => {
  const pair = codec.struct({ first: codec.u8, second: codec.u16 })

  it("writes and reads its fields in order, from any offset", () => {
    assert.strictEqual(toHex(pair.write({ second: 0x0203, first: 1 })), "010203")
    assert.deepStrictEqual(pair.read(fromHex("ff010203"), 1), Either.right([{ first: 1, second: 0x0203 }, 4] as const))
  })

  it("fails with its first field that fails", () => {
    assert.deepStrictEqual(pair.read(fromHex("0102"), 0)._tag, "Left")
  })
})
