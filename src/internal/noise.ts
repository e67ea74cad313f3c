/**
 * The brontide handshake, Noise_XK over secp256k1, both roles (BOLT-8; docs/protocol.md, Handshake state and Acts).
 * Each state is a type of its own, so that acts out of order do not compile. The one ECDH of each role that needs its
 * static key is an input: private static keys never come here.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { type Secret, tagLength } from "./aead.js"
import { concat, wipe as wipeBytes } from "./bytes.js"
import * as Cipher from "./cipher.js"
import type { Curve } from "./curve.js"
import * as Symmetric from "./symmetric.js"

/** Why an act is not what it should be; checked in this order. @since 0.1.0 @category errors */
export type BadAct = "BadVersion" | "BadKey" | "BadMac"

/** A key of one handshake only. @since 0.1.0 @category models */
export interface EphemeralKey {
  readonly secret: Secret
  readonly publicKey: Uint8Array
}

/** The initiator knows the responder's static key. @since 0.1.0 @category models */
export interface Initial {
  readonly _tag: "Initial"
  readonly symmetric: Symmetric.Symmetric
  readonly responder: Uint8Array
}

/** The initiator has sent act one. @since 0.1.0 @category models */
export interface AwaitingActTwo {
  readonly _tag: "AwaitingActTwo"
  readonly symmetric: Symmetric.Symmetric
  readonly ephemeral: EphemeralKey
}

/** Act two was right. The initiator needs the ECDH of its static key with `point`. @since 0.1.0 @category models */
export interface SendingActThree {
  readonly _tag: "SendingActThree"
  readonly symmetric: Symmetric.Symmetric
  readonly point: Uint8Array
}

/** The responder waits. @since 0.1.0 @category models */
export interface AwaitingActOne {
  readonly _tag: "AwaitingActOne"
  readonly symmetric: Symmetric.Symmetric
}

/** An act one has come. The responder needs the ECDH of its static key with `point` to check it. @since 0.1.0 @category models */
export interface CheckingActOne {
  readonly _tag: "CheckingActOne"
  readonly symmetric: Symmetric.Symmetric
  readonly point: Uint8Array
  readonly tag: Uint8Array
}

/** Act one was right: the initiator knows the responder's static key. @since 0.1.0 @category models */
export interface SendingActTwo {
  readonly _tag: "SendingActTwo"
  readonly symmetric: Symmetric.Symmetric
  readonly point: Uint8Array
}

/** The responder has sent act two. @since 0.1.0 @category models */
export interface AwaitingActThree {
  readonly _tag: "AwaitingActThree"
  readonly symmetric: Symmetric.Symmetric
  readonly ephemeral: EphemeralKey
}

/** The handshake is done. @since 0.1.0 @category models */
export interface Transport {
  readonly _tag: "Transport"
  readonly send: Cipher.Cipher
  readonly receive: Cipher.Cipher
}

/**
 * Overwrites the keys of a state that is not needed any more. What an act makes on the way is overwritten by itself; the
 * ephemeral key and the ECDH of the static key are left to the caller.
 *
 * @since 0.1.0
 * @category combinators
 */
export const wipe = (state: { readonly symmetric: Symmetric.Symmetric }): void => Symmetric.wipe(state.symmetric)

/** Overwrites the keys of both directions. @since 0.1.0 @category combinators */
export const wipeTransport = ({ receive, send }: Transport): void => {
  Cipher.wipe(send)
  Cipher.wipe(receive)
}

/** Sizes of the acts on the wire, in bytes. @since 0.1.0 @category models */
export const actLength = { one: 50, two: 50, three: 66 } as const

/** The first byte of each act. @since 0.1.0 @category models */
export const version = 0

const versionByte = new Uint8Array([version])
const nothing = new Uint8Array(0)
const keyEnd = 1 + 33
const sealedKeyEnd = keyEnd + tagLength

/** Mixes in the ECDH of an ephemeral key with a point. The product is overwritten. */
const mixEcdh = (
  curve: Curve,
  state: Symmetric.Symmetric,
  ephemeral: EphemeralKey,
  point: Uint8Array
): Either.Either<Symmetric.Symmetric, "BadKey"> =>
  Either.map(curve.ecdh(Redacted.value(ephemeral.secret), point), (product) => {
    const keyed = Symmetric.mixKey(state, product)
    wipeBytes(product)
    return keyed
  })

/** Opens with keys that were mixed for it, and overwrites them where that fails. */
const openKeyed = (keyed: Symmetric.Symmetric, sealed: Uint8Array) =>
  Either.mapLeft(Symmetric.decryptAndHash(keyed, sealed), (badAct) => {
    Symmetric.wipe(keyed)
    return badAct
  })

const body = (act: Uint8Array, end: number): Either.Either<Uint8Array, "BadVersion"> =>
  act[0] === version ? Either.right(act.subarray(1, end)) : Either.left("BadVersion")

/** The initiator's start. @since 0.1.0 @category constructors */
export const initiator = (responder: Uint8Array): Initial => ({
  _tag: "Initial",
  symmetric: Symmetric.initialize(responder),
  responder
})

/** The responder's start, with its own static key. @since 0.1.0 @category constructors */
export const responder = (publicKey: Uint8Array): AwaitingActOne => ({
  _tag: "AwaitingActOne",
  symmetric: Symmetric.initialize(publicKey)
})

/** Initiator: writes act one. BadKey: the responder's key is no point. @since 0.1.0 @category combinators */
export const writeActOne = (
  curve: Curve,
  state: Initial,
  ephemeral: EphemeralKey
): Either.Either<readonly [next: AwaitingActTwo, act: Uint8Array], "BadKey"> =>
  Either.map(
    mixEcdh(curve, Symmetric.mixHash(state.symmetric, ephemeral.publicKey), ephemeral, state.responder),
    (keyed) => {
      const [symmetric, tag] = Symmetric.encryptAndHash(keyed, nothing)
      return [{ _tag: "AwaitingActTwo", symmetric, ephemeral }, concat(versionByte, ephemeral.publicKey, tag)]
    }
  )

/** Responder: reads act one as far as that goes without its static key. @since 0.1.0 @category combinators */
export const readActOne = (
  curve: Curve,
  state: AwaitingActOne,
  act: Uint8Array
): Either.Either<CheckingActOne, "BadVersion" | "BadKey"> =>
  Either.flatMap(body(act, keyEnd), (point) =>
    curve.isPoint(point)
      ? Either.right({
          _tag: "CheckingActOne",
          symmetric: Symmetric.mixHash(state.symmetric, point),
          point,
          tag: act.subarray(keyEnd)
        })
      : Either.left("BadKey")
  )

/** Responder: checks act one. BadMac: the initiator expects another key. @since 0.1.0 @category combinators */
export const checkActOne = (state: CheckingActOne, es: Secret): Either.Either<SendingActTwo, "BadMac"> =>
  Either.map(openKeyed(Symmetric.mixKey(state.symmetric, Redacted.value(es)), state.tag), ([symmetric]) => ({
    _tag: "SendingActTwo",
    symmetric,
    point: state.point
  }))

/** Responder: writes act two. @since 0.1.0 @category combinators */
export const writeActTwo = (
  curve: Curve,
  state: SendingActTwo,
  ephemeral: EphemeralKey
): Either.Either<readonly [next: AwaitingActThree, act: Uint8Array], "BadKey"> =>
  Either.map(
    mixEcdh(curve, Symmetric.mixHash(state.symmetric, ephemeral.publicKey), ephemeral, state.point),
    (keyed) => {
      const [symmetric, tag] = Symmetric.encryptAndHash(keyed, nothing)
      return [{ _tag: "AwaitingActThree", symmetric, ephemeral }, concat(versionByte, ephemeral.publicKey, tag)]
    }
  )

/** Initiator: reads and checks act two. @since 0.1.0 @category combinators */
export const readActTwo = (
  curve: Curve,
  state: AwaitingActTwo,
  act: Uint8Array
): Either.Either<SendingActThree, BadAct> =>
  Either.gen(function* () {
    const point = yield* body(act, keyEnd)
    const keyed = yield* mixEcdh(curve, Symmetric.mixHash(state.symmetric, point), state.ephemeral, point)
    const [symmetric] = yield* openKeyed(keyed, act.subarray(keyEnd))
    return { _tag: "SendingActThree", symmetric, point }
  })

/** Initiator: writes act three, which shows its static key to the responder. @since 0.1.0 @category combinators */
export const writeActThree = (
  state: SendingActThree,
  publicKey: Uint8Array,
  se: Secret
): readonly [next: Transport, act: Uint8Array] => {
  const [hidden, sealedKey] = Symmetric.encryptAndHash(state.symmetric, publicKey)
  const [symmetric, tag] = Symmetric.encryptAndHash(Symmetric.mixKey(hidden, Redacted.value(se)), nothing)
  const [send, receive] = Symmetric.split(symmetric)
  Symmetric.wipe(symmetric)
  return [{ _tag: "Transport", send, receive }, concat(versionByte, sealedKey, tag)]
}

/** Responder: reads and checks act three; learns the initiator's static key. @since 0.1.0 @category combinators */
export const readActThree = (
  curve: Curve,
  state: AwaitingActThree,
  act: Uint8Array
): Either.Either<readonly [next: Transport, initiator: Uint8Array], BadAct> =>
  Either.gen(function* () {
    const sealedKey = yield* body(act, sealedKeyEnd)
    const [hidden, publicKey] = yield* Symmetric.decryptAndHash(state.symmetric, sealedKey)
    const keyed = yield* mixEcdh(curve, hidden, state.ephemeral, publicKey)
    const [symmetric] = yield* openKeyed(keyed, act.subarray(sealedKeyEnd))
    const [receive, send] = Symmetric.split(symmetric)
    Symmetric.wipe(symmetric)
    return [{ _tag: "Transport", send, receive }, publicKey]
  })
