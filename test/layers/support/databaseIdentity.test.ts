import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { randomFirstKeyIndex } from "../../../src/layers/support/databaseIdentity.js"
import { Entropy } from "../../../src/services/Entropy.js"

describe("the first key index", () => {
  const range = 2 ** 30 - 1

  it.effect.each([
    [[0, 0, 0, 0, 0, 0], 1],
    [[0, 0, 0, 0, 1, 2], 1 + 0x0102],
    [[0, 0, 0x3f, 0xff, 0xff, 0xfe], range],
    [[0, 0, 0x3f, 0xff, 0xff, 0xff], 1],
    [[255, 255, 255, 255, 255, 255], 1 + ((2 ** 48 - 1) % range)]
  ] as const)("of the random bytes %j is %i: all 48 bits count, and it is below 2^30", ([bytes, expected]) =>
    Effect.gen(function* () {
      const entropy = { bytes: (count: number) => Effect.succeed(Uint8Array.from(bytes).subarray(0, count)) }
      assert.strictEqual(yield* Effect.provideService(randomFirstKeyIndex, Entropy, entropy), expected)
    })
  )
})
