/**
 * A state of a channel that was revoked: what a backup is made of, and the capability to sign for it.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { RevokedState } from "effect-watchtower"
 *
 * // A signer in another process, which is given the digest.
 * export const signWith =
 *   (ask: (role: string, digest: string) => Promise<Uint8Array>): RevokedState.Sign =>
 *   ({ digest, role }) =>
 *     Effect.tryPromise({
 *       try: () => ask(role, digest),
 *       catch: () => new RevokedState.SignError({ role, detail: "the signer does not answer" })
 *     })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Amount, encoded, encodedError } from "../internal/json.js"
import { taggedUnion } from "../internal/taggedUnion.js"
import { ChannelId } from "./Channel.js"
import { HexBytes, PublicKey } from "./Ids.js"

/**
 * An output of the commitment of the other party: `toLocal` is theirs, which the revocation key spends; `toRemote` is ours.
 *
 * @since 0.1.0
 * @category models
 */
export const Role = Schema.Literal("toLocal", "toRemote")
/** @since 0.1.0 @category models */
export type Role = typeof Role.Type

/** Numbers of states fit into 48 bits (BOLT-3). @since 0.1.0 @category models */
export const CommitHeight = Schema.Int.pipe(Schema.between(0, 2 ** 48 - 1), Schema.brand("CommitHeight"))
/** @since 0.1.0 @category models */
export type CommitHeight = typeof CommitHeight.Type

/**
 * The public keys in the revoked commitment of the other party (docs/protocol.md, Keys of a commitment): the revocation key and
 * their delay key of to_local, and our key of to_remote, whether or not the transaction has that output.
 *
 * @since 0.1.0
 * @category models
 */
export const CommitmentKeys = Schema.Struct({ revocation: PublicKey, localDelay: PublicKey, toRemote: PublicKey })
/** @since 0.1.0 @category models */
export interface CommitmentKeys extends Schema.Schema.Type<typeof CommitmentKeys> {}

/**
 * A revoked state without its secrets: the commitment transaction of the other party, raw, signed or not, and what its scripts
 * were made of. `csvDelay` is the other party's `to_self_delay` in blocks. No two states of a channel have the same height.
 *
 * @since 0.1.0
 * @category models
 */
export class RevokedState extends Schema.Class<RevokedState>("RevokedState")({
  channelId: ChannelId,
  commitHeight: CommitHeight,
  commitmentTransaction: HexBytes,
  csvDelay: Schema.Int.pipe(Schema.between(0, 0xffff)),
  keys: CommitmentKeys
}) {}

/** An output that the signed transaction spends; the value in satoshi or atoms. @since 0.1.0 @category models */
export class PrevOutput extends Schema.Class<PrevOutput>("PrevOutput")({ value: Amount, pkScript: HexBytes }) {
  /** The encoded side, for `JSON.stringify` and loggers. */
  toJSON(): unknown {
    return encoded(PrevOutput, this)
  }
}

/**
 * What is to be signed: a digest of 32 bytes, and for signers of whole transactions all that it was made of. `key` is the public key
 * of the signature. `script` is the witness script, the redeem script or the leaf; where the output pays to a key's hash it is the
 * output's own script. `sighashType` is 1 (SIGHASH_ALL) for ECDSA, and 0 (SIGHASH_DEFAULT) for Schnorr.
 *
 * @since 0.1.0
 * @category models
 */
export const SignRequest = Schema.Struct({
  role: Role,
  scheme: Schema.Literal("ecdsa", "schnorr"),
  key: PublicKey,
  digest: HexBytes,
  transaction: HexBytes,
  input: Schema.NonNegativeInt,
  sighashType: Schema.Literal(0, 1),
  script: HexBytes,
  /** The outputs that are spent, one for each input of the transaction. */
  prevOutputs: Schema.Array(PrevOutput)
})
/** @since 0.1.0 @category models */
export interface SignRequest extends Schema.Schema.Type<typeof SignRequest> {}

/**
 * Signs: 64 bytes, for ECDSA r and s with a low s, for Schnorr as in BIP-340. It is asked at most once for each output, before the
 * backup is stored, and never again.
 *
 * @since 0.1.0
 * @category models
 */
export type Sign = (request: SignRequest) => Effect.Effect<Uint8Array, SignError>

/** The outputs by their names in BOLT-3. @since 0.1.0 @category models */
export const outputNames: Readonly<Record<Role, string>> = { toLocal: "to_local", toRemote: "to_remote" }

/** There is no signature: the signer is away, or has no such key. `cause` never holds a secret. @since 0.1.0 @category errors */
export class SignError extends Schema.TaggedError<SignError>()("SignError", {
  role: Role,
  detail: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    return `The signer gave no signature for ${outputNames[this.role]}: ${this.detail}. Hand the state in again when it can sign.`
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(SignError, this)
  }
}

/** Why bytes are not the transaction of a channel. The last three are of Decred. @since 0.1.0 @category errors */
export const TransactionFault = Schema.Literal(
  "Truncated",
  "NonCanonicalSize",
  "FieldTooLong",
  "TrailingBytes",
  "UnknownSerialization",
  "WitnessCount",
  "ScriptVersion"
)
/** @since 0.1.0 @category errors */
export type TransactionFault = typeof TransactionFault.Type

/** What each says of the transaction, to stand behind a colon. @since 0.1.0 @category errors */
export const transactionFaults: Readonly<Record<TransactionFault, string>> = {
  Truncated: "it is cut short",
  NonCanonicalSize: "a size in it is not written in its shortest form",
  FieldTooLong: "a field in it is too long",
  TrailingBytes: "more bytes follow it",
  UnknownSerialization: "its version says that it is neither a whole transaction nor its first half",
  WitnessCount: "it does not have one witness for each input",
  ScriptVersion: "an output has a script of another version than 0"
}

/** What is wrong with a state that contradicts itself. @since 0.1.0 @category errors */
export const InvalidReason = taggedUnion({
  MalformedTransaction: { fault: TransactionFault },
  ImpossibleAmount: {},
  MalformedKey: { key: Schema.Literal("revocation", "localDelay", "toRemote") },
  WrongToRemoteKey: {},
  WrongSignature: { role: Role }
})
/** @since 0.1.0 @category errors */
export type InvalidReason = Schema.Schema.Type<typeof InvalidReason>

const keyNames: Record<keyof CommitmentKeys, string> = {
  revocation: "revocation",
  localDelay: "delay",
  toRemote: "to_remote"
}

/**
 * The state contradicts itself, and nothing was made of it. Names what is wrong, and never holds a secret or a signature.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRevokedState extends Schema.TaggedError<InvalidRevokedState>()("InvalidRevokedState", {
  channelId: ChannelId,
  commitHeight: CommitHeight,
  reason: InvalidReason
}) {
  override get message() {
    const why = InvalidReason.$match(this.reason, {
      MalformedTransaction: ({ fault }) => `its commitment transaction cannot be read: ${transactionFaults[fault]}`,
      ImpossibleAmount: () => "its outputs are more than all coins that there will ever be",
      MalformedKey: ({ key }) => `its ${keyNames[key]} key is not a point on the curve`,
      WrongToRemoteKey: () =>
        "its transaction has a to_remote output that is not of its to_remote key; check the channel's type",
      WrongSignature: ({ role }) =>
        `the signature for ${outputNames[role]} does not hold for its key and digest; it has to be 64 bytes, with a low s unless the channel is taproot`
    })
    return `State ${this.commitHeight} of channel ${this.channelId} is not valid: ${why}.`
  }
}
