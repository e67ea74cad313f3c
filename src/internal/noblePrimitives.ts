/** The primitives by noble, in JavaScript: for each platform. @since 0.1.0 */
import { chacha20poly1305 } from "@noble/ciphers/chacha.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256, sha512 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import type { Primitives } from "./primitives.js"

/** @since 0.1.0 @category constructors */
export const noblePrimitives: Primitives = {
  sha256,
  hmacSha256: (key, bytes) => hmac(sha256, key, bytes),
  hmacSha512: (key, bytes) => hmac(sha512, key, bytes),
  seal: (key, nonce, associated, plaintext) => chacha20poly1305(key, nonce, associated).encrypt(plaintext),
  open: (key, nonce, associated, sealed) =>
    Either.try({
      try: () => chacha20poly1305(key, nonce, associated).decrypt(sealed),
      catch: () => "BadMac" as const
    })
}
