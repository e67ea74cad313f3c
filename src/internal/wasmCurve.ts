/**
 * The curve by libsecp256k1, compiled to WebAssembly for `@bitauth/libauth`. Of that package only the compiled code is used:
 * its own wrapper answers errors as strings and leaves secrets in the memory of the module.
 *
 * @since 0.1.0
 */
import { secp256k1Base64Bytes } from "@bitauth/libauth/build/lib/bin/secp256k1/secp256k1.base64.js"
import { base64 } from "@scure/base"
import * as Either from "effect/Either"
import type { Curve } from "./curve.js"
import { sha256 } from "./fastestPrimitives.js"

/** The functions of the module that are used. Addresses are numbers; 1 means success (secp256k1.h). */
interface Exports {
  readonly _malloc: (size: number) => number
  readonly _secp256k1_context_create: (flags: number) => number
  readonly _secp256k1_context_randomize: (context: number, seed: number) => number
  readonly _secp256k1_ec_seckey_verify: (context: number, secret: number) => number
  readonly _secp256k1_ec_privkey_tweak_add: (context: number, secret: number, tweak: number) => number
  readonly _secp256k1_ec_privkey_tweak_mul: (context: number, secret: number, by: number) => number
  readonly _secp256k1_ec_pubkey_create: (context: number, key: number, secret: number) => number
  readonly _secp256k1_ec_pubkey_parse: (context: number, key: number, bytes: number, length: number) => number
  readonly _secp256k1_ec_pubkey_serialize: (
    context: number,
    bytes: number,
    length: number,
    key: number,
    flags: number
  ) => number
  readonly _secp256k1_ec_pubkey_tweak_add: (context: number, key: number, tweak: number) => number
  readonly _secp256k1_ec_pubkey_tweak_mul: (context: number, key: number, tweak: number) => number
  readonly _secp256k1_ecdsa_sign: (
    context: number,
    signature: number,
    digest: number,
    secret: number,
    nonce: number,
    data: number
  ) => number
  readonly _secp256k1_ecdsa_verify: (context: number, signature: number, digest: number, key: number) => number
  readonly _secp256k1_ecdsa_signature_parse_compact: (context: number, signature: number, bytes: number) => number
  readonly _secp256k1_ecdsa_signature_serialize_compact: (context: number, bytes: number, signature: number) => number
}

/** What is used of the platform's WebAssembly; the types of Node leave it out. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
  readonly Table: new (size: { element: "anyfunc"; initial: number; maximum: number }) => object
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object, imports: Record<string, object>) => { readonly exports: object }
}

/** How the code was linked (Emscripten, dynamic linking): what lies where in its memory. */
const layout = (() => {
  const pageSize = 65_536
  const staticEnd = 1024 + 67_696 + 16
  const stackStart = Math.ceil((staticEnd + 4) / 16) * 16
  return { pages: 256, pageSize, dynamicTop: staticEnd, stackStart, stackSize: 5_242_880 }
})()

const instantiate = (): { readonly exports: Exports; readonly memory: Uint8Array } => {
  const memory = new WebAssembly.Memory({ initial: layout.pages, maximum: layout.pages })
  const bytes = new Uint8Array(memory.buffer)
  new DataView(memory.buffer).setInt32(layout.dynamicTop, layout.stackStart + layout.stackSize, true)
  const abort = () => {
    throw new Error("libsecp256k1 found a bug in its caller")
  }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(base64.decode(secp256k1Base64Bytes)), {
    env: {
      memory,
      table: new WebAssembly.Table({ element: "anyfunc", initial: 6, maximum: 6 }),
      tableBase: 0,
      DYNAMICTOP_PTR: layout.dynamicTop,
      STACKTOP: layout.stackStart,
      abort,
      _abort: abort,
      enlargeMemory: abort,
      abortOnCannotGrowMemory: abort,
      getTotalMemory: () => layout.pages * layout.pageSize,
      ___setErrNo: (value: number) => value,
      _emscripten_memcpy_big: (to: number, from: number, length: number) => {
        bytes.copyWithin(to, from, from + length)
        return to
      }
    }
  })
  // The boundary: the compiler does not know the types of what a module exports.
  return { exports: exports as Exports, memory: bytes }
}

const signAndVerify = 0x301
const compressed = 0x102
const secretLength = 32
const pointLength = 33
/** Of a point in the library's own form. */
const keyLength = 64
const signatureLength = 64
/** RFC 6979. */
const ownNonce = 0

/** Takes some 15 ms. Throws where the platform has no WebAssembly. @since 0.1.0 @category constructors */
export const make = (): Curve => {
  const { exports: library, memory } = instantiate()
  const context = library._secp256k1_context_create(signAndVerify)
  // All that an operation reads and writes lies side by side, so that one line overwrites it.
  const secretAt = library._malloc(2 * secretLength + keyLength + 4 + pointLength + 2 * signatureLength)
  const tweakAt = secretAt + secretLength
  const keyAt = tweakAt + secretLength
  const lengthAt = keyAt + keyLength
  const pointAt = lengthAt + 4
  const bytesAt = pointAt + pointLength
  const signatureAt = bytesAt + signatureLength
  const end = signatureAt + signatureLength
  const wiped = <A>(operation: () => A): A => {
    try {
      return operation()
    } finally {
      memory.fill(0, secretAt, end)
    }
  }
  const putSecret = (secret: Uint8Array): boolean => {
    if (secret.length !== secretLength) return false
    memory.set(secret, secretAt)
    return library._secp256k1_ec_seckey_verify(context, secretAt) === 1
  }
  const putPoint = (point: Uint8Array): boolean => {
    if (point.length !== pointLength) return false
    memory.set(point, pointAt)
    return library._secp256k1_ec_pubkey_parse(context, keyAt, pointAt, pointLength) === 1
  }
  const requireSecret = (secret: Uint8Array) => {
    if (!putSecret(secret)) throw new Error("a private key was expected")
  }
  /** The bytes of the point at `keyAt`, which are there until the operation ends. */
  const serialize = (): Uint8Array => {
    memory[lengthAt] = pointLength
    library._secp256k1_ec_pubkey_serialize(context, pointAt, lengthAt, keyAt, compressed)
    return memory.subarray(pointAt, bytesAt)
  }
  /** What the operation makes of a private key and a number, which it refuses unless that is below the order. */
  const changed = (
    operation: Exports["_secp256k1_ec_privkey_tweak_add"],
    secret: Uint8Array,
    by: Uint8Array
  ): Either.Either<Uint8Array, "InvalidKey"> =>
    wiped(() => {
      requireSecret(secret)
      memory.set(by, tweakAt)
      return operation(context, secretAt, tweakAt) === 1
        ? Either.right(memory.slice(secretAt, tweakAt))
        : Either.left("InvalidKey")
    })
  // Blinds the multiplication of `publicKey` for observers of time and power; no result changes.
  wiped(() => {
    memory.set(globalThis.crypto.getRandomValues(new Uint8Array(secretLength)), secretAt)
    library._secp256k1_context_randomize(context, secretAt)
  })
  return {
    name: "WebAssembly",
    isSecret: (bytes) => wiped(() => putSecret(bytes)),
    isPoint: (bytes) => wiped(() => putPoint(bytes)),
    publicKey: (secret) =>
      wiped(() => {
        requireSecret(secret)
        library._secp256k1_ec_pubkey_create(context, keyAt, secretAt)
        return serialize().slice()
      }),
    ecdh: (secret, point) =>
      wiped(() => {
        if (!putPoint(point)) return Either.left("BadKey")
        requireSecret(secret)
        library._secp256k1_ec_pubkey_tweak_mul(context, keyAt, secretAt)
        return Either.right(sha256(serialize()))
      }),
    addToSecret: (secret, tweak) => changed(library._secp256k1_ec_privkey_tweak_add, secret, tweak),
    multiplySecret: (secret, by) => changed(library._secp256k1_ec_privkey_tweak_mul, secret, by),
    addToPoint: (point, by) =>
      wiped(() => {
        if (!putPoint(point)) throw new Error("a point was expected")
        memory.set(by, tweakAt)
        return library._secp256k1_ec_pubkey_tweak_add(context, keyAt, tweakAt) === 1
          ? Either.right(serialize().slice())
          : Either.left("InvalidKey")
      }),
    signEcdsa: (secret, digest) =>
      wiped(() => {
        requireSecret(secret)
        memory.set(digest, tweakAt)
        library._secp256k1_ecdsa_sign(context, signatureAt, tweakAt, secretAt, ownNonce, 0)
        library._secp256k1_ecdsa_signature_serialize_compact(context, bytesAt, signatureAt)
        return memory.slice(bytesAt, signatureAt)
      }),
    verifyEcdsa: (point, digest, signature) =>
      wiped(() => {
        if (!putPoint(point) || digest.length !== 32 || signature.length !== signatureLength) return false
        memory.set(digest, tweakAt)
        memory.set(signature, bytesAt)
        return (
          library._secp256k1_ecdsa_signature_parse_compact(context, signatureAt, bytesAt) === 1 &&
          library._secp256k1_ecdsa_verify(context, signatureAt, tweakAt, keyAt) === 1
        )
      })
  }
}
