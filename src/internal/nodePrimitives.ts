/**
 * The primitives by OpenSSL, through `node:crypto`.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { equals } from "./bytes.js"
import { noblePrimitives } from "./noblePrimitives.js"
import { type Primitives, tagLength } from "./primitives.js"

interface Digest {
  readonly update: (bytes: Uint8Array) => Digest
  readonly digest: () => Uint8Array
}

interface Cipher {
  readonly setAAD: (bytes: Uint8Array) => void
  readonly update: (bytes: Uint8Array) => Uint8Array
  /** Checks the tag, and overwrites the key in the memory of OpenSSL. */
  readonly final: () => Uint8Array
}

type MakeCipher<C> = (
  name: "chacha20-poly1305",
  key: Uint8Array,
  nonce: Uint8Array,
  options: { readonly authTagLength: number }
) => C

/** What is used of the module. */
interface Crypto {
  readonly hash: (name: "sha256", bytes: Uint8Array, encoding: "buffer") => Uint8Array
  readonly createHmac: (name: "sha256" | "sha512", key: Uint8Array) => Digest
  readonly createCipheriv: MakeCipher<Cipher & { readonly getAuthTag: () => Uint8Array }>
  readonly createDecipheriv: MakeCipher<Cipher & { readonly setAuthTag: (tag: Uint8Array) => void }>
}

/** What is used of the platform, where it is Node; no import, so that other platforms can load this file. */
interface Platform {
  readonly process?: { readonly getBuiltinModule?: (name: "node:crypto") => Crypto | undefined }
}

const nothing = new Uint8Array(0)

/** Callers make a copy of a key by `slice`, to overwrite it later; of a Buffer that is a view of the same memory. */
const plain = (buffer: Uint8Array): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)

/**
 * Throws where the process has no `node:crypto`, and where that lacks one of them or answers otherwise than noble: ChaCha20-Poly1305 is not in
 * each OpenSSL (FIPS), nor in what other runtimes have in its place.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Primitives => {
  const platform: Platform = globalThis
  const crypto = platform.process?.getBuiltinModule?.("node:crypto")
  if (crypto === undefined) throw new Error("This platform has no node:crypto")
  const options = { authTagLength: tagLength }
  const hmac = (name: "sha256" | "sha512") => (key: Uint8Array, bytes: Uint8Array) =>
    plain(crypto.createHmac(name, key).update(bytes).digest())
  const primitives: Primitives = {
    sha256: (bytes) => plain(crypto.hash("sha256", bytes, "buffer")),
    hmacSha256: hmac("sha256"),
    hmacSha512: hmac("sha512"),
    seal: (key, nonce, associated, plaintext) => {
      const cipher = crypto.createCipheriv("chacha20-poly1305", key, nonce, options)
      // A call costs as much as the arithmetic, and frames have nothing associated, acts often no text.
      if (associated.length > 0) cipher.setAAD(associated)
      const sealed = new Uint8Array(plaintext.length + tagLength)
      if (plaintext.length > 0) sealed.set(cipher.update(plaintext))
      cipher.final()
      sealed.set(cipher.getAuthTag(), plaintext.length)
      return sealed
    },
    open: (key, nonce, associated, sealed) => {
      if (sealed.length < tagLength) return Either.left("BadMac")
      const end = sealed.length - tagLength
      const decipher = crypto.createDecipheriv("chacha20-poly1305", key, nonce, options)
      if (associated.length > 0) decipher.setAAD(associated)
      decipher.setAuthTag(sealed.subarray(end))
      const plaintext = end > 0 ? plain(decipher.update(sealed.subarray(0, end))) : nothing
      return Either.try({
        try: () => {
          decipher.final()
          return plaintext
        },
        catch: () => "BadMac" as const
      })
    }
  }
  if (!isEquivalent(primitives, noblePrimitives)) throw new Error("This platform's node:crypto answers otherwise")
  return primitives
}

/** Does each answer the same to one input? */
const isEquivalent = (one: Primitives, other: Primitives): boolean => {
  const nonce = new Uint8Array(12)
  const bytes = one.sha256(nonce)
  const sealed = one.seal(bytes, nonce, bytes, bytes)
  const opened = one.open(bytes, nonce, bytes, sealed)
  return (
    equals(bytes, other.sha256(nonce)) &&
    equals(one.hmacSha256(bytes, nonce), other.hmacSha256(bytes, nonce)) &&
    equals(one.hmacSha512(bytes, nonce), other.hmacSha512(bytes, nonce)) &&
    equals(sealed, other.seal(bytes, nonce, bytes, bytes)) &&
    Either.isRight(opened) &&
    equals(opened.right, bytes)
  )
}
