import { createCipheriv } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
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
})
