/**
 * One direction of an established connection: a key that is replaced after every 1,000 uses (BOLT-8, Lightning Message
 * Key Rotation). Each direction has its own copy of the chaining key.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Aead from "./aead.js"

/**
 * The state of one direction: the key, how often it was used, and what its successor comes from. Secret: each state is used
 * once, because the keys of one that is used up are overwritten; and `wipe` the last.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cipher {
  readonly key: Aead.Key
  readonly chainingKey: Aead.Key
  readonly nonce: number
}

/** So often a key is used before the next takes its place: 500 frames. @since 0.1.0 @category models */
export const usesOfKey = 1000
const nothing = new Uint8Array(0)

/** A direction that was not used yet. @since 0.1.0 @category constructors */
export const make = (key: Aead.Key, chainingKey: Aead.Key): Cipher => ({ key, chainingKey, nonce: 0 })

const next = (cipher: Cipher): Cipher => {
  const { nonce } = cipher
  if (nonce + 1 < usesOfKey) return { key: cipher.key, chainingKey: cipher.chainingKey, nonce: nonce + 1 }
  const [chainingKey, key] = Aead.hkdf2(cipher.chainingKey, cipher.key.bytes())
  wipe(cipher)
  return make(key, chainingKey)
}

/** Overwrites the keys. @since 0.1.0 @category combinators */
export const wipe = (cipher: Cipher): void => {
  cipher.key.wipe()
  cipher.chainingKey.wipe()
}

/** Encrypts one piece. @since 0.1.0 @category combinators */
export const encrypt = (cipher: Cipher, plaintext: Uint8Array): readonly [next: Cipher, sealed: Uint8Array] => {
  const sealed = Aead.seal(cipher.key, cipher.nonce, nothing, plaintext)
  return [next(cipher), sealed]
}

/** Decrypts one piece. After a failure the connection is to be dropped, so there is no next state. @since 0.1.0 @category combinators */
export const decrypt = (
  cipher: Cipher,
  sealed: Uint8Array
): Either.Either<readonly [next: Cipher, plaintext: Uint8Array], "BadMac"> =>
  Either.map(Aead.open(cipher.key, cipher.nonce, nothing, sealed), (plaintext) => [next(cipher), plaintext])
