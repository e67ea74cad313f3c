/**
 * What kind of backup a session takes: a 16-bit field of flags (docs/protocol.md, Blob types; lnd v0.21.2
 * `watchtower/blob/type.go`).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"

/**
 * Any 16-bit blob type, supported or not. Support is membership in a chain's list, never a test of flags.
 *
 * @since 0.1.0
 * @category models
 */
export const BlobType = Schema.Int.pipe(Schema.between(0, 0xffff), Schema.brand("BlobType"))
/** @since 0.1.0 @category models */
export type BlobType = typeof BlobType.Type

/** The tower is paid a share of the swept funds. @since 0.1.0 @category models */
export const flagReward = 1
/** The outputs of the commitment transaction are swept. @since 0.1.0 @category models */
export const flagCommitOutputs = 2
/** The channel has anchor outputs. @since 0.1.0 @category models */
export const flagAnchorChannel = 4
/** The channel is a taproot channel (lnd since v0.18). @since 0.1.0 @category models */
export const flagTaprootChannel = 8
/** The channel is a taproot channel with the final scripts (lnd since v0.21). @since 0.1.0 @category models */
export const flagTaprootFinalChannel = 16

/** Blob type 2, lnd's `legacy`. @since 0.1.0 @category models */
export const altruistCommit = BlobType.make(2)
/** Blob type 3, lnd's `reward`; the towers of lnd and dcrlnd refuse it. @since 0.1.0 @category models */
export const rewardCommit = BlobType.make(3)
/** Blob type 6, lnd's `anchor`. @since 0.1.0 @category models */
export const altruistAnchorCommit = BlobType.make(6)
/** Blob type 10, lnd's `taproot`. @since 0.1.0 @category models */
export const altruistTaprootCommit = BlobType.make(10)
/** Blob type 26, lnd's `taproot-final`. @since 0.1.0 @category models */
export const altruistTaprootFinalCommit = BlobType.make(26)

/** The named types by the identifiers of lnd. @since 0.1.0 @category models */
export const byName = {
  legacy: altruistCommit,
  reward: rewardCommit,
  anchor: altruistAnchorCommit,
  taproot: altruistTaprootCommit,
  "taproot-final": altruistTaprootFinalCommit
} as const

/** An identifier of lnd for a blob type. @since 0.1.0 @category models */
export type Name = keyof typeof byName

/** Does the type have all bits of the flag? @since 0.1.0 @category combinators */
export const has = (blobType: BlobType, flag: number): boolean => (blobType & flag) === flag

/** The identifier of lnd, or the number where there is none. @since 0.1.0 @category combinators */
export const nameOf = (blobType: BlobType): string =>
  Object.entries(byName).find(([, value]) => value === blobType)?.[0] ?? String(blobType)
