import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { Key } from "../../src/internal/aead.js"
import { concat, fromHex } from "../../src/internal/bytes.js"
import * as Cipher from "../../src/internal/cipher.js"
import * as Frame from "../../src/internal/frame.js"

/** Each side its own: the keys of a cipher that is used up are overwritten. */
const start = () => Cipher.make(new Key(fromHex("0a".repeat(32))), new Key(fromHex("0b".repeat(32))))

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7)

/** The bytes of all frames, one after another. */
const write = (bodies: ReadonlyArray<Uint8Array>): Uint8Array => {
  let cipher = start()
  const frames = bodies.map((body) => {
    const [next, frame] = Frame.encrypt(cipher, body)
    cipher = next
    return frame
  })
  return concat(...frames)
}

const read = (chunks: Iterable<Uint8Array>) => {
  let decoder = Frame.decoder(start())
  const bodies: Array<Uint8Array> = []
  for (const chunk of chunks) {
    const [next, more] = Frame.push(decoder, chunk)
    decoder = next
    bodies.push(...more)
  }
  return { decoder, bodies }
}

/** Cuts at the given places. */
const cut = (stream: Uint8Array, places: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const ends = [...places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b), stream.length]
  return ends.map((end, i) => stream.subarray(ends[i - 1] ?? 0, end))
}

const everyByte = (stream: Uint8Array) => Array.from(stream, (_, i) => stream.subarray(i, i + 1))

describe("frame", () => {
  it("costs 34 bytes, also when it is empty", () => {
    assert.strictEqual(write([bytes(0)]).length, 34)
    assert.strictEqual(write([bytes(5)]).length, 39)
    assert.strictEqual(write([bytes(Frame.maxBody)]).length, 65_569)
    assert.strictEqual(Frame.maxFrame, 65_569)
  })

  it("refuses a body that is too long before anything is encrypted, and takes the longest then", () => {
    assert.throws(() => Frame.encrypt(start(), bytes(65_536)), RangeError)
    assert.deepStrictEqual(read([write([bytes(65_535)])]).bodies, [bytes(65_535)])
    assert.throws(() => Frame.encrypt(start(), bytes(65_536)), RangeError)
  })

  it("is read however two of them are cut in two", () => {
    const bodies = [bytes(3), bytes(0), bytes(20)]
    const stream = write(bodies)
    for (let at = 0; at <= stream.length; at++) {
      assert.deepStrictEqual(read([stream.subarray(0, at), stream.subarray(at)]).bodies, bodies, `cut at ${at}`)
    }
  })

  it("is read a byte at a time", () => {
    const bodies = [bytes(0), bytes(1), bytes(300)]
    assert.deepStrictEqual(read(everyByte(write(bodies))).bodies, bodies)
  })

  it("is read however the stream is cut", () => {
    const body = FastCheck.uint8Array({ maxLength: 400 })
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(body, { maxLength: 5 }),
        FastCheck.array(FastCheck.nat(5_000), { maxLength: 30 }),
        (bodies, places) => {
          const result = read(cut(write(bodies), places))
          assert.deepStrictEqual(result.bodies, bodies)
          assert.strictEqual(result.decoder._tag, "Reading")
        }
      ),
      { numRuns: 50 }
    )
  })

  it("keeps few pieces of the longest body, and joins them cheaply, when it comes a byte at a time", () => {
    const stream = write([bytes(Frame.maxBody)])
    let decoder = Frame.decoder(start())
    let [most, copied] = [0, 0]
    for (const byte of everyByte(stream)) {
      const before = decoder._tag === "Reading" ? decoder.pieces : []
      const [next] = Frame.push(decoder, byte)
      decoder = next
      if (next._tag !== "Reading" || next.pieces.length === 0) continue
      most = Math.max(most, next.pieces.length)
      const last = next.pieces.at(-1)
      if (last !== undefined && !before.includes(last) && last.length > 1) copied += last.length
    }
    assert.isAtMost(most, 17)
    // Every piece that a byte is copied into is longer by half than the one before: log 65,551 to the base 1.5 is 27.4.
    assert.isAtMost(copied, 28 * stream.length)
  })

  it("hands out what came before a frame that does not decrypt, and nothing after it", () => {
    const stream = write([bytes(4), bytes(5), bytes(6)])
    stream[34 + 4 + 20] = (stream[34 + 4 + 20] ?? 0) ^ 1
    const whole = read([stream])
    assert.deepStrictEqual(whole.bodies, [bytes(4)])
    assert.strictEqual(whole.decoder._tag, "Broken")
    const [still, more] = Frame.push(whole.decoder, write([bytes(1)]))
    assert.deepStrictEqual([still._tag, more], ["Broken", []])
  })

  it("is refused with any bit changed", () => {
    const stream = write([bytes(9)])
    for (let i = 0; i < stream.length; i++) {
      const changed = Uint8Array.from(stream)
      changed[i] = (changed[i] ?? 0) ^ (1 << (i % 8))
      const result = read([changed])
      assert.deepStrictEqual([result.decoder._tag, result.bodies], ["Broken", []], `byte ${i}`)
    }
  })

  it("is refused when it comes twice, or not in its turn", () => {
    const [first, second] = [write([bytes(2)]), write([bytes(2), bytes(2)]).subarray(36)]
    assert.strictEqual(read([first, second]).bodies.length, 2)
    assert.strictEqual(read([first, first]).decoder._tag, "Broken")
    assert.strictEqual(read([second]).decoder._tag, "Broken")
  })

  it("is never made of random bytes", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ minLength: 18, maxLength: 200 }), (random) => {
        const result = read([random])
        assert.deepStrictEqual([result.decoder._tag, result.bodies], ["Broken", []])
      }),
      { numRuns: 200 }
    )
  })

  it("is read over several rotations of the key, which come after every 500 frames", () => {
    const bodies = Array.from({ length: 1_600 }, (_, i) => new Uint8Array([i >> 8, i & 0xff]))
    let cipher = start()
    const rotations: Array<number> = []
    for (const [i, body] of bodies.entries()) {
      const [next] = Frame.encrypt(cipher, body)
      if (next.key !== cipher.key) rotations.push(i + 1)
      cipher = next
    }
    assert.deepStrictEqual(rotations, [500, 1_000, 1_500])
    assert.deepStrictEqual(read(cut(write(bodies), [1, 17_999, 18_000, 18_001, 40_000])).bodies, bodies)
  })
})
