/**
 * One direction of an established connection: a key that is replaced after every 1,000 uses (BOLT-8, Lightning Message
 * Key Rotation). Each direction has its own copy of the chaining key.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { hkdf2, open, type Secret, seal } from "./aead.js"

/** The state of one direction, a value: the key, how often it was used, and what its successor comes from. @since 0.1.0 @category models */
export interface Cipher {
  readonly key: Secret
  readonly chainingKey: Secret
  readonly nonce: number
}

/** So often a key is used before the next takes its place: 500 frames. @since 0.1.0 @category models */
export const usesOfKey = 1000
const nothing = new Uint8Array(0)

/** A direction that was not used yet. @since 0.1.0 @category constructors */
export const make = (key: Secret, chainingKey: Secret): Cipher => ({ key, chainingKey, nonce: 0 })

const next = (cipher: Cipher): Cipher => {
  if (cipher.nonce + 1 < usesOfKey) return { ...cipher, nonce: cipher.nonce + 1 }
  const [chainingKey, key] = hkdf2(cipher.chainingKey, cipher.key)
  return make(key, chainingKey)
}

/** Encrypts one piece. @since 0.1.0 @category combinators */
export const encrypt = (cipher: Cipher, plaintext: Uint8Array): readonly [next: Cipher, sealed: Uint8Array] => [
  next(cipher),
  seal(cipher.key, cipher.nonce, nothing, plaintext)
]

/** Decrypts one piece. After a failure the connection is to be dropped, so there is no next state. @since 0.1.0 @category combinators */
export const decrypt = (
  cipher: Cipher,
  sealed: Uint8Array
): Either.Either<readonly [next: Cipher, plaintext: Uint8Array], "BadMac"> =>
  Either.map(open(cipher.key, cipher.nonce, nothing, sealed), (plaintext) => [next(cipher), plaintext])
