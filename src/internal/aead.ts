/**
 * The primitives that BOLT-8 is made of: ChaCha20-Poly1305 with a counter as its nonce, and HKDF-SHA256 of two keys.
 *
 * @since 0.1.0
 */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js"
import { hkdf } from "@noble/hashes/hkdf.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Bytes from "./bytes.js"

/** Bytes that must not be printed. @since 0.1.0 @category models */
export type Secret = Redacted.Redacted<Uint8Array>

/** Overwrites secrets that are not needed any more. @since 0.1.0 @category combinators */
export const wipe = (...secrets: ReadonlyArray<Secret>): void => Bytes.wipe(...secrets.map(Redacted.value))

/** The size of the tag that each sealed text carries at its end, in bytes. @since 0.1.0 @category models */
export const tagLength = 16

/** Four zero bytes and the counter as 8 bytes, little-endian. Counters stay far below 2^32 here. */
const nonceBytes = (counter: number): Uint8Array => {
  const bytes = new Uint8Array(12)
  new DataView(bytes.buffer).setUint32(4, counter, true)
  return bytes
}

/** Encrypts and appends the tag. @since 0.1.0 @category combinators */
export const seal = (key: Secret, counter: number, associated: Uint8Array, plaintext: Uint8Array): Uint8Array =>
  chacha20poly1305(Redacted.value(key), nonceBytes(counter), associated).encrypt(plaintext)

/** Checks the tag and decrypts. @since 0.1.0 @category combinators */
export const open = (
  key: Secret,
  counter: number,
  associated: Uint8Array,
  sealed: Uint8Array
): Either.Either<Uint8Array, "BadMac"> =>
  Either.try({
    try: () => chacha20poly1305(Redacted.value(key), nonceBytes(counter), associated).decrypt(sealed),
    catch: () => "BadMac" as const
  })

/** HKDF-SHA256 without info: two keys of 32 bytes. @since 0.1.0 @category combinators */
export const hkdf2 = (salt: Secret, input: Secret): readonly [first: Secret, second: Secret] => {
  const output = hkdf(sha256, Redacted.value(input), Redacted.value(salt), undefined, 64)
  return [Redacted.make(output.subarray(0, 32)), Redacted.make(output.subarray(32))]
}
