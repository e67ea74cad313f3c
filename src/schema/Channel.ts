/**
 * Channels as a watchtower client sees them (docs/protocol.md, Backups).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import * as BlobType from "./BlobType.js"
import { HexBytes } from "./Ids.js"

/**
 * The id of a channel: 32 bytes as 64 lowercase hex digits (BOLT-2). A splice is another channel with another id.
 *
 * @since 0.1.0
 * @category ids
 */
export const ChannelId = Schema.String.pipe(
  Schema.pattern(/^[0-9a-f]{64}$/, { message: () => "a channel id is 64 lowercase hex digits" }),
  Schema.brand("ChannelId")
)
/** @since 0.1.0 @category ids */
export type ChannelId = typeof ChannelId.Type

/**
 * What a channel's commitment transactions look like. `legacy`: to_remote has a key of its own in each state;
 * `staticRemoteKey`: it has the same key in all; `anchors`: with or without fees of HTLC transactions; `taproot`: lnd's staging
 * scripts; `taprootFinal`: the final ones (lnd since v0.21). `scriptEnforcedLease` is there to be refused by name: towers look for
 * the scripts of anchor channels, and find nothing (`watchtower/lookout/justice_descriptor.go`).
 *
 * @since 0.1.0
 * @category models
 */
export const ChannelType = Schema.Literal(
  "legacy",
  "staticRemoteKey",
  "anchors",
  "taproot",
  "taprootFinal",
  "scriptEnforcedLease"
)
/** @since 0.1.0 @category models */
export type ChannelType = typeof ChannelType.Type

/** The channel types that towers can punish. @since 0.1.0 @category models */
export type Punishable = Exclude<ChannelType, "scriptEnforcedLease">

/**
 * What is known of a channel before its first state. `sweepPkScript` is where justice transactions pay to: Bitcoin's towers take P2WPKH,
 * P2WSH and P2TR, Decred's P2PKH.
 *
 * @since 0.1.0
 * @category models
 */
export class Channel extends Schema.Class<Channel>("Channel")({
  id: ChannelId,
  type: ChannelType,
  sweepPkScript: HexBytes
}) {}

const blobTypes: Readonly<Record<Punishable, BlobType.BlobType>> = {
  legacy: BlobType.altruistCommit,
  staticRemoteKey: BlobType.altruistCommit,
  anchors: BlobType.altruistAnchorCommit,
  taproot: BlobType.altruistTaprootCommit,
  taprootFinal: BlobType.altruistTaprootFinalCommit
}

/**
 * The blob type of the sessions that take this channel's backups, without a reward (lnd v0.21.2 `watchtower/blob/type.go`,
 * `TypeFromChannel`).
 *
 * @since 0.1.0
 * @category combinators
 */
export const blobTypeOf = (type: Punishable): BlobType.BlobType => blobTypes[type]
