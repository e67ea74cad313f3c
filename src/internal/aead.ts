/**
 * The primitives that BOLT-8 is made of: ChaCha20-Poly1305 with a counter as its nonce, and HKDF-SHA256 of two keys.
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Bytes from "./bytes.js"
import * as Primitives from "./fastestPrimitives.js"

export { tagLength } from "./primitives.js"

/** Bytes that must not be printed. @since 0.1.0 @category models */
export type Secret = Redacted.Redacted<Uint8Array>

/** Overwrites a secret that is not needed any more. @since 0.1.0 @category combinators */
export const wipe = (secret: Secret): void => Bytes.wipe(Redacted.value(secret))

/**
 * A key of the handshake or of a connection: its bytes are in a private field, so that they are not printed. A `Redacted` has
 * its bytes in a map for the whole process, and the thirty of a handshake took a tenth of its time.
 *
 * @since 0.1.0
 * @category models
 */
export class Key {
  readonly #bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }
  /** The bytes themselves, no copy. A method: `inspect` prints what a getter answers, where it is asked for getters. */
  bytes(): Uint8Array {
    return this.#bytes
  }
  /** Overwrites them, when the key is not needed any more. */
  wipe(): void {
    Bytes.wipe(this.#bytes)
  }
  /** What JSON shows in its place. */
  toJSON(): string {
    return "<redacted>"
  }
}

/** Four zero bytes and the counter as 8 bytes, little-endian. Counters stay far below 2^32 here. */
const nonceBytes = (counter: number): Uint8Array => {
  const bytes = new Uint8Array(12)
  bytes[4] = counter
  bytes[5] = counter >> 8
  bytes[6] = counter >> 16
  bytes[7] = counter >> 24
  return bytes
}

/** Encrypts and appends the tag. @since 0.1.0 @category combinators */
export const seal = (key: Key, counter: number, associated: Uint8Array, plaintext: Uint8Array): Uint8Array =>
  Primitives.seal(key.bytes(), nonceBytes(counter), associated, plaintext)

/** Checks the tag and decrypts. @since 0.1.0 @category combinators */
export const open = (
  key: Key,
  counter: number,
  associated: Uint8Array,
  sealed: Uint8Array
): Either.Either<Uint8Array, "BadMac"> => Primitives.open(key.bytes(), nonceBytes(counter), associated, sealed)

const one = Uint8Array.of(1)
const two = Uint8Array.of(2)

/** HKDF-SHA256 without info: two keys of 32 bytes. @since 0.1.0 @category combinators */
export const hkdf2 = (salt: Key, input: Uint8Array): readonly [first: Key, second: Key] => {
  const extracted = Primitives.hmacSha256(salt.bytes(), input)
  const first = Primitives.hmacSha256(extracted, one)
  const secondInput = Bytes.concat(first, two)
  const second = Primitives.hmacSha256(extracted, secondInput)
  Bytes.wipe(extracted, secondInput)
  return [new Key(first), new Key(second)]
}
