import * as crypto from "node:crypto"
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Either } from "effect"
import * as fc from "fast-check"
import { noblePrimitives } from "../../src/internal/noblePrimitives.js"
import * as NodePrimitives from "../../src/internal/nodePrimitives.js"
import { type Primitives, tagLength } from "../../src/internal/primitives.js"

const node = NodePrimitives.make()
const each: ReadonlyArray<readonly [name: string, primitives: Primitives]> = [
  ["noble", noblePrimitives],
  ["node", node]
]

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")
const ofHex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"))
const text = (words: string) => new TextEncoder().encode(words)

afterEach(() => {
  vi.restoreAllMocks()
})

describe("primitives", () => {
  describe.each(each)("%s", (_, { hmacSha256, hmacSha512, open, seal, sha256 }) => {
    it("hashes as FIPS 180 and RFC 4231 say", () => {
      assert.strictEqual(hex(sha256(text("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
      const [key, message] = [text("Jefe"), text("what do ya want for nothing?")]
      assert.strictEqual(
        hex(hmacSha256(key, message)),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
      )
      assert.strictEqual(
        hex(hmacSha512(key, message)),
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
      )
    })

    it("seals as RFC 8439, 2.8.2, says", () => {
      const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i)
      const nonce = ofHex("07000000 4041424344454647")
      const associated = ofHex("50515253c0c1c2c3c4c5c6c7")
      const plaintext = text(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
      )
      const sealed = seal(key, nonce, associated, plaintext)
      assert.strictEqual(
        hex(sealed),
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"
      )
      assert.deepStrictEqual(open(key, nonce, associated, sealed), Either.right(plaintext))
    })

    it.each([0, 1, 15, 16, 33, 34])("refuses each changed byte, and what is cut, of %d bytes", (length) => {
      const key = text("0123456789abcdef0123456789abcdef")
      const [nonce, associated] = [new Uint8Array(12), Uint8Array.of(1, 2)]
      const sealed = seal(key, nonce, associated, new Uint8Array(length))
      for (let at = 0; at < sealed.length; at++) {
        const changed = sealed.map((byte, i) => (i === at ? byte ^ 0x80 : byte))
        assert.deepStrictEqual(open(key, nonce, associated, changed), Either.left("BadMac" as const))
        assert.deepStrictEqual(open(key, nonce, associated, sealed.subarray(0, at)), Either.left("BadMac" as const))
      }
      assert.deepStrictEqual(open(key, nonce, Uint8Array.of(1, 3), sealed), Either.left("BadMac" as const))
    })

    // A view of shared memory, or a Buffer, whose `slice` shares it, would be overwritten with something else.
    it("answers plain arrays that share no memory", () => {
      const key = new Uint8Array(32)
      const [nonce, associated, plaintext] = [new Uint8Array(12), Uint8Array.of(1), Uint8Array.of(1, 2, 3)]
      const sealed = seal(key, nonce, associated, plaintext)
      const results = [
        sha256(plaintext),
        hmacSha256(key, plaintext),
        hmacSha512(key, plaintext),
        sealed,
        Either.getOrThrow(open(key, nonce, associated, sealed))
      ]
      for (const bytes of results) {
        assert.strictEqual(Object.getPrototypeOf(bytes), Uint8Array.prototype)
        assert.strictEqual(bytes.buffer.byteLength, bytes.length)
      }
      assert.strictEqual(new Set(results.map(({ buffer }) => buffer)).size, results.length)
    })
  })

  it("answer the same, with either", () => {
    const bytes = fc.uint8Array({ maxLength: 300 })
    const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
    fc.assert(
      fc.property(exactly(32), exactly(12), bytes, bytes, (key, nonce, associated, plaintext) => {
        const sealed = node.seal(key, nonce, associated, plaintext)
        assert.strictEqual(sealed.length, plaintext.length + tagLength)
        assert.deepStrictEqual(sealed, noblePrimitives.seal(key, nonce, associated, plaintext))
        assert.deepStrictEqual(node.open(key, nonce, associated, sealed), Either.right(plaintext))
        assert.deepStrictEqual(node.sha256(plaintext), noblePrimitives.sha256(plaintext))
        assert.deepStrictEqual(
          node.hmacSha256(associated, plaintext),
          noblePrimitives.hmacSha256(associated, plaintext)
        )
        assert.deepStrictEqual(
          node.hmacSha512(associated, plaintext),
          noblePrimitives.hmacSha512(associated, plaintext)
        )
      }),
      { numRuns: 500 }
    )
  })

  describe("which ones are used", () => {
    const isNobles = async (): Promise<boolean> => {
      vi.resetModules()
      const [fastest, { noblePrimitives }] = await Promise.all([
        import("../../src/internal/fastestPrimitives.js"),
        import("../../src/internal/noblePrimitives.js")
      ])
      return fastest.seal === noblePrimitives.seal && fastest.sha256 === noblePrimitives.sha256
    }

    it("Node's, in Node", async () => {
      assert.isFalse(await isNobles())
    })

    const unknown = () => {
      throw new Error("Unknown cipher")
    }

    const hmacOf =
      (names: { readonly sha256: string; readonly sha512: string }) => (name: "sha256" | "sha512", key: Uint8Array) =>
        crypto.createHmac(names[name], key)
    const name = "chacha20-poly1305"
    const options = { authTagLength: tagLength }
    const holdingBack = (_: string, key: Uint8Array, nonce: Uint8Array) =>
      Object.assign(crypto.createCipheriv(name, key, nonce, options), { update: () => Buffer.alloc(0) })
    const sealingOtherwise = (_: string, key: Uint8Array, nonce: Uint8Array) =>
      crypto.createCipheriv(name, key.toReversed(), nonce, options)
    const openingThat = (_: string, key: Uint8Array, nonce: Uint8Array) =>
      crypto.createDecipheriv(name, key.toReversed(), nonce, options)
    const holdingBackToo = (_: string, key: Uint8Array, nonce: Uint8Array) => {
      const decipher = crypto.createDecipheriv(name, key, nonce, options)
      const update = decipher.update.bind(decipher)
      return Object.assign(decipher, { update: (bytes: Uint8Array) => update(bytes).subarray(0, 0) })
    }

    it.each([
      ["without the module", undefined],
      ["without hash", { ...crypto, hash: undefined }],
      ["without the cipher, as a FIPS build", { ...crypto, createCipheriv: unknown }],
      ["with another hash", { ...crypto, hash: () => Buffer.alloc(32) }],
      ["with another HMAC of 32 bytes", { ...crypto, createHmac: hmacOf({ sha256: "sha3-256", sha512: "sha512" }) }],
      ["with another HMAC of 64 bytes", { ...crypto, createHmac: hmacOf({ sha256: "sha256", sha512: "sha3-512" }) }],
      ["with a cipher that says nothing before its end", { ...crypto, createCipheriv: holdingBack }],
      ["with a cipher of its own", { ...crypto, createCipheriv: sealingOtherwise, createDecipheriv: openingThat }],
      ["with a decipher that says nothing before its end", { ...crypto, createDecipheriv: holdingBackToo }]
    ])("noble's, %s", async (_, module) => {
      vi.spyOn(process, "getBuiltinModule").mockReturnValue(module)
      assert.throws(() => NodePrimitives.make())
      assert.isTrue(await isNobles())
    })
  })
})
