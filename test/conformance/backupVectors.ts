/** What `backup-vectors.json` and `backup-vectors-decred.json` hold. */
import { Schema } from "effect"
import { BlobType } from "../../src/schema/BlobType.js"
import { HexBytes, Hint, PublicKey } from "../../src/schema/Ids.js"
import { CommitHeight } from "../../src/schema/RevokedState.js"

const Basepoints = <A>(value: Schema.Schema<A, string>) =>
  Schema.Struct({
    delayedPaymentBasepoint: value,
    htlcBasepoint: value,
    paymentBasepoint: value,
    revocationBasepoint: value
  })

const Output = Schema.Struct({ role: Schema.String, value: Schema.Int, pkScript: HexBytes })

/** What every entry has, whether its state was backed up or not. */
const Common = {
  name: Schema.String,
  policy: Schema.Struct({
    blobType: BlobType,
    maxUpdates: Schema.Int,
    rewardBase: Schema.Int,
    rewardRate: Schema.Int,
    sweepFeeRate: Schema.Int
  }),
  negotiable: Schema.Boolean,
  rewardPkScript: HexBytes,
  sweepPkScript: HexBytes,
  nonce: HexBytes,
  present: Schema.Array(Schema.Literal("toLocal", "toRemote")),
  channel: Schema.Struct({
    channelTypeBits: Schema.Int,
    csvDelay: Schema.Int,
    commitHeight: CommitHeight,
    perCommitmentSecret: HexBytes,
    perCommitmentPoint: PublicKey,
    localBasepointSecrets: Basepoints(HexBytes),
    localBasepoints: Basepoints(PublicKey),
    remoteBasepoints: Basepoints(PublicKey),
    remoteBasepointSecrets: Basepoints(HexBytes)
  }),
  keys: Schema.Struct({
    revocationPriv: HexBytes,
    revocationPub: PublicKey,
    localDelayPub: PublicKey,
    toRemotePriv: HexBytes,
    toRemotePub: PublicKey,
    toRemoteTweak: Schema.NullOr(HexBytes),
    csvDelay: Schema.Int
  }),
  breachTx: Schema.Struct({
    raw: HexBytes,
    txid: HexBytes,
    txidInternalBytes: HexBytes,
    outputs: Schema.NullOr(Schema.Array(Output)),
    toLocalIndex: Schema.NullOr(Schema.Int),
    toRemoteIndex: Schema.NullOr(Schema.Int)
  }),
  hint: Hint,
  key: HexBytes
}

/** The Go client made a backup. */
const Made = {
  ...Common,
  plaintext: HexBytes,
  encryptedBlob: HexBytes,
  stateUpdate: HexBytes,
  justice: Schema.Struct({
    unsigned: HexBytes,
    unsignedPrefix: Schema.optional(HexBytes),
    txid: HexBytes,
    inputs: Schema.Array(
      Schema.Struct({
        role: Schema.String,
        prevTxid: HexBytes,
        prevIndex: Schema.Int,
        value: Schema.Int,
        pkScript: HexBytes,
        sequence: Schema.Int,
        script: HexBytes,
        leafHash: Schema.optional(HexBytes),
        controlBlock: Schema.optional(HexBytes),
        sighashType: Schema.Int,
        sighashPrefixHash: Schema.optional(HexBytes),
        sighashWitnessHash: Schema.optional(HexBytes),
        sighash: HexBytes,
        signature: HexBytes,
        signatureZeroAux: Schema.optional(HexBytes),
        witness: Schema.optional(Schema.Array(HexBytes)),
        sigScript: Schema.optional(HexBytes),
        witnessSize: Schema.optional(Schema.Int),
        estimatedWitnessSize: Schema.optional(Schema.Int),
        estimatedSigScriptSize: Schema.optional(Schema.Int)
      })
    ),
    outputs: Schema.Array(Output),
    totalInput: Schema.Int,
    estimatedWeight: Schema.optional(Schema.Int),
    estimatedSize: Schema.optional(Schema.Int),
    actualWeight: Schema.optional(Schema.Int),
    actualSize: Schema.optional(Schema.Int),
    fee: Schema.Int,
    reward: Schema.Int,
    sweepAmount: Schema.Int,
    signed: HexBytes
  })
}

export const Case = Schema.Struct({
  ...Made,
  zeroAux: Schema.optional(Schema.Struct({ plaintext: HexBytes, encryptedBlob: HexBytes, signed: HexBytes }))
})
const GoError = Schema.Struct({ name: Schema.String, message: Schema.String })
export const Refused = Schema.Struct({
  ...Common,
  estimatedWeight: Schema.optional(Schema.Int),
  estimatedSize: Schema.optional(Schema.Int),
  fee: Schema.Int,
  totalInput: Schema.Int,
  error: GoError
})
export const Unpunishable = Schema.Struct({ ...Made, towerError: GoError })

export type Case = typeof Case.Type
export type Refused = typeof Refused.Type
export type Unpunishable = typeof Unpunishable.Type
export type Entry = Case | Refused | Unpunishable

export const File = Schema.Struct({
  chain: Schema.Literal("bitcoin", "decred"),
  chainHash: Schema.String,
  constants: Schema.optional(Schema.Struct({ tapNumsKey: HexBytes })),
  cases: Schema.Array(Schema.Unknown),
  ineligible: Schema.Array(Schema.Unknown),
  unpunishable: Schema.Array(Schema.Unknown)
})
