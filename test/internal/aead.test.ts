import { createCipheriv, createHmac } from "node:crypto"
import { assert, describe, it, vi } from "@effect/vitest"
import { Either } from "effect"
import * as Aead from "../../src/internal/aead.js"

const key = new Aead.Key(Uint8Array.from({ length: 32 }, (_, i) => i))
const associated = Uint8Array.of(1, 2, 3)
const plaintext = Uint8Array.from({ length: 100 }, (_, i) => 7 * i)

/** By another library, with the nonce of BOLT-8. */
const expected = (counter: number): Uint8Array => {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32LE(counter, 4)
  const cipher = createCipheriv("chacha20-poly1305", key.bytes(), nonce, { authTagLength: Aead.tagLength })
  cipher.setAAD(associated, { plaintextLength: plaintext.length })
  return new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]))
}

describe("aead", () => {
  // The vectors of BOLT-8 have no counter above 3.
  it.each([0, 1, 0xff, 0x100, 999, 0x0102_0304])("seals and opens with the counter %d", (counter) => {
    const sealed = Aead.seal(key, counter, associated, plaintext)
    assert.deepStrictEqual(sealed, expected(counter))
    assert.deepStrictEqual(Aead.open(key, counter, associated, sealed), Either.right(plaintext))
    assert.deepStrictEqual(Aead.open(key, counter + 1, associated, sealed), Either.left("BadMac" as const))
  })

  it("derives two keys as RFC 5869 says, and overwrites what they come from", () => {
    const hmac = (key: Uint8Array, ...parts: ReadonlyArray<Uint8Array>) =>
      new Uint8Array(createHmac("sha256", key).update(Buffer.concat(parts)).digest())
    const extracted = hmac(key.bytes(), plaintext)
    const one = hmac(extracted, Uint8Array.of(1))
    const two = hmac(extracted, one, Uint8Array.of(2))

    const overwritten: Array<string> = []
    const fill = vi.spyOn(Uint8Array.prototype, "fill").mockImplementation(function (this: Uint8Array) {
      overwritten.push(Buffer.from(this).toString("hex"))
      this.set(new Uint8Array(this.length))
      return this
    })
    const [first, second] = Aead.hkdf2(key, plaintext)
    fill.mockRestore()

    assert.deepStrictEqual([first.bytes(), second.bytes()], [one, two])
    for (const secret of [extracted, Uint8Array.of(...one, 2)]) {
      assert.include(overwritten, Buffer.from(secret).toString("hex"))
    }
  })
})
