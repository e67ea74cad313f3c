/**
 * The part of a Noise handshake that knows no curve: a hash over all that was said and a chain of keys
 * (docs/protocol.md, Handshake state).
 *
 * @since 0.1.0
 */
import { utf8ToBytes } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { hkdf2, Key, open, seal } from "./aead.js"
import { concat } from "./bytes.js"
import * as Cipher from "./cipher.js"
import { sha256 } from "./fastestPrimitives.js"

/** `hash` is `h`, `chainingKey` is `ck`, `key` is the act's temporary key and `nonce` counts its uses. @since 0.1.0 @category models */
export interface Symmetric {
  readonly hash: Uint8Array
  readonly chainingKey: Key
  readonly key: Key
  readonly nonce: number
}

const nothing = new Uint8Array(0)

/**
 * Overwrites the keys, also those of states that differ from this one in hash and nonce only.
 *
 * @since 0.1.0
 * @category combinators
 */
export const wipe = (state: Symmetric): void => {
  state.chainingKey.wipe()
  state.key.wipe()
}

/** Takes bytes that both sides know into the hash. @since 0.1.0 @category combinators */
export const mixHash = (state: Symmetric, bytes: Uint8Array): Symmetric => ({
  ...state,
  hash: sha256(concat(state.hash, bytes))
})

/** Takes an ECDH into the chain of keys; the temporary key is new. @since 0.1.0 @category combinators */
export const mixKey = (state: Symmetric, shared: Uint8Array): Symmetric => {
  const [chainingKey, key] = hkdf2(state.chainingKey, shared)
  return { ...state, chainingKey, key, nonce: 0 }
}

/** Encrypts under the temporary key; the hash takes in what goes on the wire. @since 0.1.0 @category combinators */
export const encryptAndHash = (
  state: Symmetric,
  plaintext: Uint8Array
): readonly [next: Symmetric, sealed: Uint8Array] => {
  const sealed = seal(state.key, state.nonce, state.hash, plaintext)
  return [mixHash({ ...state, nonce: state.nonce + 1 }, sealed), sealed]
}

/** The other side of `encryptAndHash`. @since 0.1.0 @category combinators */
export const decryptAndHash = (
  state: Symmetric,
  sealed: Uint8Array
): Either.Either<readonly [next: Symmetric, plaintext: Uint8Array], "BadMac"> =>
  Either.map(open(state.key, state.nonce, state.hash, sealed), (plaintext) => [
    mixHash({ ...state, nonce: state.nonce + 1 }, sealed),
    plaintext
  ])

/** The Noise protocol, as it is hashed. @since 0.1.0 @category models */
export const protocolName = "Noise_XK_secp256k1_ChaChaPoly_SHA256"

/** What both sides say before act one. @since 0.1.0 @category models */
export const prologue = "lightning"

const protocolHash = sha256(utf8ToBytes(protocolName))
/** The hash of each handshake, before the responder's key is taken in. */
const prologueHash = sha256(concat(protocolHash, utf8ToBytes(prologue)))

/** The state before act one: the protocol's name, the prologue and the responder's static key are known. @since 0.1.0 @category constructors */
export const initialize = (responder: Uint8Array): Symmetric => {
  const unused = new Key(new Uint8Array(32))
  // A copy, because the state may be wiped.
  const named = { hash: prologueHash, chainingKey: new Key(protocolHash.slice()), key: unused, nonce: 0 }
  return mixHash(named, responder)
}

/**
 * The two directions after act three; the first is the initiator's to send with. Each has a copy of the chaining key: the one
 * that is used up first overwrites its own.
 *
 * @since 0.1.0
 * @category combinators
 */
export const split = (state: Symmetric): readonly [fromInitiator: Cipher.Cipher, fromResponder: Cipher.Cipher] => {
  const [first, second] = hkdf2(state.chainingKey, nothing)
  const copy = () => new Key(state.chainingKey.bytes().slice())
  return [Cipher.make(first, copy()), Cipher.make(second, copy())]
}
