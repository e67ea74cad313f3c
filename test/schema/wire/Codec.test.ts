import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Either, FastCheck as fc, Schema } from "effect"
import { concat, fromHex, toHex } from "../../../src/internal/bytes.js"
import { HexBytes, Hint } from "../../../src/schema/Ids.js"
import * as Codec from "../../../src/schema/wire/Codec.js"
import { CreateSession } from "../../../src/schema/wire/CreateSession.js"
import { CreateSessionReply } from "../../../src/schema/wire/CreateSessionReply.js"
import { DeleteSession } from "../../../src/schema/wire/DeleteSession.js"
import { DeleteSessionReply } from "../../../src/schema/wire/DeleteSessionReply.js"
import { ErrorMessage } from "../../../src/schema/wire/ErrorMessage.js"
import { Init } from "../../../src/schema/wire/Init.js"
import type { Message } from "../../../src/schema/wire/Message.js"
import { StateUpdate } from "../../../src/schema/wire/StateUpdate.js"
import { StateUpdateReply } from "../../../src/schema/wire/StateUpdateReply.js"
import { check } from "../../conformance/wtwire.js"

const vectors: unknown = JSON.parse(readFileSync("test/fixtures/wtwire-vectors.json", "utf8"))
const results = check(vectors)

describe("wtwire-vectors.json", () => {
  it("is complete: 10 chain hashes, 37 messages to write, 16 to read", () => {
    assert.lengthOf(results, 63)
  })
  it.each(results)("$name", (result) => assert.isTrue(result.ok, result.detail))
})

const message = fc.oneof<Array<fc.Arbitrary<Message>>>(
  Arbitrary.make(Schema.typeSchema(Init)),
  Arbitrary.make(Schema.typeSchema(ErrorMessage)),
  Arbitrary.make(Schema.typeSchema(CreateSession)),
  Arbitrary.make(Schema.typeSchema(CreateSessionReply)),
  Arbitrary.make(Schema.typeSchema(StateUpdate)),
  Arbitrary.make(Schema.typeSchema(StateUpdateReply)),
  Arbitrary.make(Schema.typeSchema(DeleteSession)),
  Arbitrary.make(Schema.typeSchema(DeleteSessionReply))
)

const reasonOf = (hex: string) => Either.match(Codec.decode(fromHex(hex)), { onLeft: (l) => l, onRight: String })
const ofSize = (bytes: number) => HexBytes.make("aa".repeat(bytes))
const chainHash = "11".repeat(32)

describe("Codec", () => {
  it("reads what it writes", () => {
    fc.assert(
      fc.property(message, (sent) => {
        const received = Either.getOrThrow(Codec.decode(Codec.encode(sent)))
        assert.strictEqual(String(received), String(sent))
        assert.strictEqual(received._tag, sent._tag)
      }),
      { numRuns: 1000 }
    )
  })

  it("ignores what comes after the last field", () => {
    fc.assert(
      fc.property(message, fc.uint8Array({ maxLength: 50 }), (sent, rest) => {
        const received = Either.getOrThrow(Codec.decode(concat(Codec.encode(sent), rest)))
        assert.strictEqual(String(received), String(sent))
      })
    )
  })

  it("finds every cut truncated", () => {
    fc.assert(
      fc.property(message, fc.nat(), (sent, at) => {
        const whole = Codec.encode(sent)
        const cut = Codec.decode(whole.subarray(0, at % whole.length))
        assert.strictEqual(Either.isLeft(cut) && cut.left.reason, "Truncated")
      }),
      { numRuns: 1000 }
    )
  })

  it("never throws, and what it reads it can write and read again", () => {
    const type = fc.oneof(fc.integer({ min: 600, max: 607 }), fc.integer({ min: 0, max: 0xffff }))
    const input = fc
      .tuple(type, fc.uint8Array({ maxLength: 300 }), fc.boolean())
      .map(([number, payload, whole]) => (whole ? concat(Uint8Array.of(number >> 8, number), payload) : payload))
    fc.assert(
      fc.property(input, (bytes) => {
        const first = Codec.decode(bytes)
        if (Either.isLeft(first)) return
        const again = Either.getOrThrow(Codec.decode(Codec.encode(first.right)))
        assert.strictEqual(String(again), String(first.right))
      }),
      { numRuns: 5000 }
    )
  })

  it("tells the type of what it cannot read, where there is one", () => {
    assert.deepStrictEqual(reasonOf(""), { reason: "Truncated" })
    assert.deepStrictEqual(reasonOf("02"), { reason: "Truncated" })
    assert.deepStrictEqual(reasonOf("0260"), { reason: "UnknownType", type: 608 })
    assert.deepStrictEqual(reasonOf("0257"), { reason: "UnknownType", type: 599 })
    assert.deepStrictEqual(reasonOf("025f00"), { reason: "Truncated", type: 607 })
  })

  it("checks that a size is short before its limit, and its limit before the bytes", () => {
    const reason = (size: string) => reasonOf(`025b00000000${size}`)
    const is = (reason: Codec.Malformed["reason"]): Codec.Malformed => ({ reason, type: 603 })
    assert.deepStrictEqual(reason("fdfc00"), is("NonCanonicalSize"))
    assert.deepStrictEqual(reason("feffff0000"), is("NonCanonicalSize"))
    assert.deepStrictEqual(reason("ffffffffff00000000"), is("NonCanonicalSize"))
    assert.deepStrictEqual(reason("fed1010100"), is("FieldTooLong"))
    assert.deepStrictEqual(reason("ff0000000001000000"), is("FieldTooLong"))
    assert.deepStrictEqual(reason("ffffffffffffffffff"), is("FieldTooLong"))
    assert.deepStrictEqual(reason("fed0010100"), is("Truncated"))
    assert.deepStrictEqual(reason("fdfd"), is("Truncated"))
  })

  it("reads features with leading zeros and refuses a vector of more than 8,192 bytes", () => {
    const init = (features: string) => Codec.decode(fromHex(`0258${features}${chainHash}`))
    assert.deepStrictEqual(Either.map(init("000300000a"), String), Either.map(init("00010a"), String))
    const longest = Either.getOrThrow(init(`200080${"00".repeat(8191)}`))
    assert.deepStrictEqual(longest._tag === "Init" && longest.features, [65535])
    assert.strictEqual(toHex(Codec.encode(longest)), `0258200080${"00".repeat(8191)}${chainHash}`)
    assert.deepStrictEqual(reasonOf(`0258200180${"00".repeat(8192)}${chainHash}`), {
      reason: "FieldTooLong",
      type: 600
    })
  })

  it("lets Init be made with ascending features only", () => {
    const init = (...features: Array<number>) =>
      Schema.decodeUnknownEither(Init)({ _tag: "Init", features, chainHash })._tag
    assert.deepStrictEqual(
      [init(), init(0, 2), init(2, 0), init(1, 1), init(65536), init(-1)],
      ["Right", "Right", "Left", "Left", "Left", "Left"]
    )
  })

  it("fills a frame to its last byte, and no message is longer", () => {
    const blob = (bytes: number) => () =>
      new StateUpdate({
        seqNum: 1,
        lastApplied: 0,
        isComplete: 0,
        hint: Hint.make("00".repeat(16)),
        encryptedBlob: ofSize(bytes)
      })
    const error = (bytes: number) => () => new ErrorMessage({ code: 40, data: ofSize(bytes) })
    const reply = (bytes: number) => () => new CreateSessionReply({ code: 0, lastApplied: 0, data: ofSize(bytes) })
    for (const [make, most] of [
      [blob, 65_509],
      [error, 65_528],
      [reply, 65_526]
    ] as const) {
      const longest = make(most)()
      const bytes = Codec.encode(longest)
      assert.lengthOf(bytes, 65_535)
      assert.isTrue(Either.getOrThrow(Codec.decode(bytes))._tag === longest._tag)
      assert.throws(make(most + 1))
      const longer = Codec.decode(concat(bytes, Uint8Array.of(0)))
      assert.strictEqual(Either.isLeft(longer) && longer.left.reason, "PayloadTooLong")
    }
  })

  it("refuses to write a reply that the daemons' writers refuse, and reads it", () => {
    const reply = (bytes: number) => new CreateSessionReply({ code: 0, lastApplied: 0, data: ofSize(bytes) })
    assert.lengthOf(Either.getOrThrow(Codec.encodeEither(reply(1022))), 1031)
    const error = Either.getOrThrow(Either.flip(Codec.encodeEither(reply(1023))))
    assert.deepInclude(error, { _tag: "MessageTooLong", type: 603, bytes: 1030, limit: 1029 })
    const read = Either.getOrThrow(Codec.decode(Codec.encode(reply(2000))))
    assert.strictEqual(read._tag === "CreateSessionReply" && read.data.length, 4000)
  })

  it("reads bytes in the middle of a larger buffer", () => {
    const bytes = Codec.encode(new StateUpdateReply({ code: 70, lastApplied: 513 }))
    const inside = concat(Uint8Array.of(9, 9, 9), bytes, Uint8Array.of(9)).subarray(3, 3 + bytes.length)
    assert.strictEqual(
      String(Either.getOrThrow(Codec.decode(inside))),
      String(new StateUpdateReply({ code: 70, lastApplied: 513 }))
    )
  })
})
