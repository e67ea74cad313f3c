/**
 * The curve by libsecp256k1 as machine code, through the optional package `secp256k1`. Where that package has no build for
 * the platform, it goes on with `elliptic` in JavaScript without a word; here that is an error instead.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type { Curve } from "./curve.js"

/** What is used of the package. Each function throws on input that is not valid. */
interface Bindings {
  readonly privateKeyVerify: (secret: Uint8Array) => boolean
  readonly privateKeyTweakAdd: (secret: Uint8Array, tweak: Uint8Array) => Uint8Array
  readonly privateKeyTweakMul: (secret: Uint8Array, by: Uint8Array) => Uint8Array
  readonly publicKeyVerify: (point: Uint8Array) => boolean
  readonly publicKeyCreate: (secret: Uint8Array, compressed: true) => Uint8Array
  readonly publicKeyTweakAdd: (point: Uint8Array, by: Uint8Array, compressed: true) => Uint8Array
  readonly ecdh: (point: Uint8Array, secret: Uint8Array) => Uint8Array
  readonly ecdsaSign: (digest: Uint8Array, secret: Uint8Array) => { readonly signature: Uint8Array }
  readonly ecdsaVerify: (signature: Uint8Array, digest: Uint8Array, point: Uint8Array) => boolean
}

/** What is used of the platform, where it is Node; no import, so that other platforms can load this file. */
interface Platform {
  readonly process?: {
    readonly getBuiltinModule?: (name: "node:module") => {
      readonly createRequire: (from: string) => (name: string) => Bindings
    }
  }
}

/** Throws what the platform says where the package is missing or has no build. @since 0.1.0 @category constructors */
export const make = (): Curve => {
  const platform: Platform = globalThis
  const module = platform.process?.getBuiltinModule?.("node:module")
  if (module === undefined) throw new Error("This platform has no native packages")
  // Not the package itself: its index goes on with `elliptic` where `bindings` throws.
  const library = module.createRequire(import.meta.url)("secp256k1/bindings.js")
  const isPoint = (bytes: Uint8Array) => bytes.length === 33 && library.publicKeyVerify(bytes)
  return {
    name: "native",
    isSecret: (bytes) => bytes.length === 32 && library.privateKeyVerify(bytes),
    isPoint,
    publicKey: (secret) => library.publicKeyCreate(secret, true),
    ecdh: (secret, point) => {
      if (point.length !== 33) return Either.left("BadKey")
      try {
        return Either.right(library.ecdh(point, secret))
      } catch (error) {
        // Not asked before: the library reads the point itself, and to read one takes a tenth of the time of an ECDH.
        if (isPoint(point)) throw error
        return Either.left("BadKey")
      }
    },
    // Copies, since these change their input.
    addToSecret: (secret, tweak) => orInvalid(() => library.privateKeyTweakAdd(secret.slice(), tweak)),
    multiplySecret: (secret, by) => orInvalid(() => library.privateKeyTweakMul(secret.slice(), by)),
    addToPoint: (point, by) => {
      if (!isPoint(point)) throw new Error("a point was expected")
      return orInvalid(() => library.publicKeyTweakAdd(point, by, true))
    },
    signEcdsa: (secret, digest) => library.ecdsaSign(digest, secret).signature,
    verifyEcdsa: (point, digest, signature) =>
      isPoint(point) &&
      Either.getOrElse(
        Either.try(() => library.ecdsaVerify(signature, digest, point)),
        () => false
      )
  }
}

const orInvalid = (operation: () => Uint8Array): Either.Either<Uint8Array, "InvalidKey"> =>
  Either.try({ try: operation, catch: () => "InvalidKey" as const })
