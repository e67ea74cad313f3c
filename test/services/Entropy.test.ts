import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Effect } from "effect"
import * as Entropy from "../../src/services/Entropy.js"

afterEach(() => {
  vi.restoreAllMocks()
})

/** An operating system that counts: no byte of it is there twice within 64 KiB, if pairs are looked at. */
const counting = () => {
  const read: Array<Uint8Array> = []
  let next = 0
  vi.spyOn(globalThis.crypto, "getRandomValues").mockImplementation((into) => {
    if (!(into instanceof Uint8Array)) throw new Error("bytes were expected")
    const pairs = new DataView(into.buffer, into.byteOffset, into.length)
    for (let at = 0; at < into.length; at += 2) {
      next += 1
      pairs.setUint16(at, next)
    }
    read.push(into)
    return into
  })
  return read
}

const pairsOf = (bytes: Uint8Array): ReadonlyArray<number> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i))
}

describe("Entropy", () => {
  it.effect("gives each byte of the system once, and overwrites what it read ahead", () =>
    Effect.gen(function* () {
      const read = counting()
      const { bytes } = Entropy.make()
      const seen = new Set<number>()
      let wanted = 0
      for (let i = 0; i < 100; i++) {
        for (const count of [16, 32, 64, 24, 100]) {
          const given = yield* bytes(count)
          assert.strictEqual(given.length, count)
          for (const pair of pairsOf(given)) {
            assert.notStrictEqual(pair, 0, "a byte that was overwritten")
            seen.add(pair)
            wanted += 1
          }
          const ahead = read[0]
          const left = ahead === undefined ? [] : pairsOf(ahead).filter((pair) => seen.has(pair))
          assert.deepStrictEqual(left, [], "a byte that was given and is still there")
        }
      }
      assert.strictEqual(seen.size, wanted)
    })
  )

  it.effect("asks the system seldom", () =>
    Effect.gen(function* () {
      const read = counting()
      const { bytes } = Entropy.make()
      for (let i = 0; i < 64; i++) yield* bytes(32)
      assert.strictEqual(read.length, 2)
    })
  )

  it.effect("does not suffer from a count that makes no sense", () =>
    Effect.gen(function* () {
      const { bytes } = Entropy.make()
      for (const count of [Number.NaN, -1, -4, 0.5]) yield* Effect.exit(bytes(count))
      const given = [yield* bytes(8), yield* bytes(0), yield* bytes(64), yield* bytes(65)]
      assert.deepStrictEqual(
        given.map(({ length }) => length),
        [8, 0, 64, 65]
      )
      assert.notDeepEqual(given[0], new Uint8Array(8))
    })
  )

  it.effect("is a source of its own for each", () =>
    Effect.gen(function* () {
      const [one, other] = [Entropy.make(), Entropy.make()]
      assert.notDeepEqual(yield* one.bytes(32), yield* other.bytes(32))
    })
  )
})
