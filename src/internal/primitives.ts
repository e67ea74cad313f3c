/**
 * The primitives of BOLT-8 and BIP-32 that need no curve. `noblePrimitives` and `nodePrimitives` have them; which ones are in use changes
 * the speed and nothing else (docs/adr/hashes-are-nodes.md).
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"

/**
 * Results are plain arrays with memory of their own, for the caller to overwrite; copies of keys are overwritten (SECURITY.md says of which
 * that cannot be said).
 *
 * @since 0.1.0
 * @category models
 */
export interface Primitives {
  /** 32 bytes. */
  readonly sha256: (bytes: Uint8Array) => Uint8Array
  /** HMAC-SHA256: 32 bytes. */
  readonly hmacSha256: (key: Uint8Array, bytes: Uint8Array) => Uint8Array
  /** HMAC-SHA512: 64 bytes. */
  readonly hmacSha512: (key: Uint8Array, bytes: Uint8Array) => Uint8Array
  /** ChaCha20-Poly1305 (RFC 8439) under a key of 32 bytes and a nonce of 12: the sealed text and its tag. */
  readonly seal: (key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array) => Uint8Array
  /** Checks the tag at the end, in constant time, and decrypts. */
  readonly open: (
    key: Uint8Array,
    nonce: Uint8Array,
    associated: Uint8Array,
    sealed: Uint8Array
  ) => Either.Either<Uint8Array, "BadMac">
}

/** The size of the tag that each sealed text carries at its end, in bytes. @since 0.1.0 @category models */
export const tagLength = 16
