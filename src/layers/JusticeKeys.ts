/**
 * The keys of a revoked commitment and the capability to sign with them, for nodes that have their secrets at hand. Others write a
 * `RevokedState.Sign` of their own.
 *
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { type Ids, JusticeKeys } from "effect-watchtower"
 *
 * // What a node knows of its channel, and what a revocation has just told it.
 * interface Known {
 *   readonly revocationBasepointSecret: Uint8Array
 *   readonly paymentBasepointSecret: Uint8Array
 *   readonly remoteDelayedPaymentBasepoint: Ids.PublicKey
 * }
 *
 * export const keysOf = (known: Known, perCommitmentSecret: Uint8Array) =>
 *   JusticeKeys.fromChannel({
 *     type: "anchors",
 *     revocationBasepointSecret: Redacted.make(known.revocationBasepointSecret),
 *     paymentBasepointSecret: Redacted.make(known.paymentBasepointSecret),
 *     remoteDelayedPaymentBasepoint: known.remoteDelayedPaymentBasepoint,
 *     perCommitmentSecret: Redacted.make(perCommitmentSecret)
 *   })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { fromHex, toHex } from "../internal/bytes.js"
import * as Derivation from "../internal/justice/derivation.js"
import * as JusticeCurve from "../internal/justice/justiceCurve.js"
import type { ChannelType } from "../schema/Channel.js"
import { PublicKey } from "../schema/Ids.js"
import type { CommitmentKeys, Sign } from "../schema/RevokedState.js"
import { Curve } from "../services/Curve.js"

/** A secret of 32 bytes, a number from 1 to the order of the curve minus 1. It is read and never changed. @since 0.1.0 @category models */
export type Secret = Redacted.Redacted<Uint8Array>

/** The public keys of one commitment, and the capability to sign for its outputs. @since 0.1.0 @category models */
export interface JusticeKeys {
  readonly keys: CommitmentKeys
  readonly sign: Sign
}

/** A key that was handed in is not valid; `name` says which. @since 0.1.0 @category errors */
export class InvalidJusticeKey extends Schema.TaggedError<InvalidJusticeKey>()("InvalidJusticeKey", {
  name: Schema.String
}) {
  override get message() {
    return `The ${this.name} is not a key of secp256k1. Secrets are 32 bytes, public keys are 33 and on the curve.`
  }
}

/** The finished keys of one commitment. @since 0.1.0 @category models */
export interface Secrets {
  /** Spends to_local. */
  readonly revocationSecret: Secret
  /** Spends to_remote. */
  readonly toRemoteSecret: Secret
  /** The other party's delay key, which is in the script of to_local. */
  readonly localDelayKey: PublicKey
}

/** What the keys of a channel's commitments follow from (BOLT-3). @since 0.1.0 @category models */
export interface ChannelSecrets {
  /** Of channels of type `legacy` to_remote has another key in each commitment. */
  readonly type: ChannelType
  readonly revocationBasepointSecret: Secret
  readonly paymentBasepointSecret: Secret
  readonly remoteDelayedPaymentBasepoint: PublicKey
  /** The secret with which the other party revoked this commitment. */
  readonly perCommitmentSecret: Secret
}

/** What computes where the caller does not say. */
const usual = (): Curve.Service => Context.get(Context.empty(), Curve)

const invalid = (name: string) => new InvalidJusticeKey({ name })

const secretOf = (curve: Curve.Service, name: string, secret: Secret): Either.Either<Uint8Array, InvalidJusticeKey> =>
  Either.liftPredicate(Redacted.value(secret), curve.isSecret, () => invalid(name))

const pointOf = (curve: Curve.Service, name: string, key: PublicKey): Either.Either<Uint8Array, InvalidJusticeKey> =>
  Either.liftPredicate(fromHex(key), curve.isPoint, () => invalid(name))

const publicKey = (point: Uint8Array): PublicKey => PublicKey.make(toHex(point))

const make = (
  curve: JusticeCurve.JusticeCurve,
  revocation: Uint8Array,
  toRemote: Uint8Array,
  localDelay: Uint8Array
): JusticeKeys => {
  const secrets = { toLocal: Redacted.make(revocation), toRemote: Redacted.make(toRemote) }
  return {
    keys: {
      revocation: publicKey(curve.publicKey(revocation)),
      localDelay: publicKey(localDelay),
      toRemote: publicKey(curve.publicKey(toRemote))
    },
    sign: ({ digest, role, scheme }) =>
      Effect.sync(() => {
        const secret = Redacted.value(secrets[role])
        return scheme === "ecdsa"
          ? curve.signEcdsa(secret, fromHex(digest))
          : curve.signSchnorr(secret, fromHex(digest))
      })
  }
}

/**
 * The keys of finished secrets. ECDSA signatures have the nonce of RFC 6979, Schnorr signatures that of BIP-340 with 32 zero bytes,
 * so a digest always gets the same signature. They are made with `curve`, by default the fastest there is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSecrets = (
  secrets: Secrets,
  curve: Curve.Service = usual()
): Either.Either<JusticeKeys, InvalidJusticeKey> =>
  Either.gen(function* () {
    const revocation = yield* secretOf(curve, "revocation secret", secrets.revocationSecret)
    const toRemote = yield* secretOf(curve, "to_remote secret", secrets.toRemoteSecret)
    return make(
      JusticeCurve.make(curve),
      revocation,
      toRemote,
      yield* pointOf(curve, "delay key", secrets.localDelayKey)
    )
  })

/**
 * The keys of a commitment of the other party, from what the node knows of the channel and the secret that revoked it
 * (docs/protocol.md, Keys of a commitment). Signs as `fromSecrets` does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromChannel = (
  channel: ChannelSecrets,
  given: Curve.Service = usual()
): Either.Either<JusticeKeys, InvalidJusticeKey> =>
  Either.gen(function* () {
    const revocationBase = yield* secretOf(given, "revocation base point secret", channel.revocationBasepointSecret)
    const payment = yield* secretOf(given, "payment base point secret", channel.paymentBasepointSecret)
    const perCommitment = yield* secretOf(given, "per-commitment secret", channel.perCommitmentSecret)
    const delayBase = yield* pointOf(given, "delayed payment base point", channel.remoteDelayedPaymentBasepoint)
    const curve = JusticeCurve.make(given)
    const point = curve.publicKey(perCommitment)
    const none = (name: string) => () => invalid(name)
    return make(
      curve,
      yield* Either.mapLeft(
        Derivation.revocationSecret(curve, revocationBase, { secret: perCommitment, point }),
        none("revocation base point secret")
      ),
      channel.type === "legacy"
        ? yield* Either.mapLeft(Derivation.tweakedSecret(curve, payment, point), none("payment base point secret"))
        : payment,
      yield* Either.mapLeft(Derivation.tweakedKey(curve, delayBase, point), none("delayed payment base point"))
    )
  })
