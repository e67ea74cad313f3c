/**
 * wtwire CreateSession (602): the policy that the client proposes.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import * as codec from "../../internal/fieldCodec.js"
import { encoded } from "../../internal/json.js"
import { BlobType } from "../BlobType.js"
import { blobType, U16, U32, U64 } from "./Fields.js"

/** The message's number on the wire. @since 0.1.0 @category models */
export const type = 602

/**
 * The five fields of a policy; the fee rate in the unit of the chain, any 64 bits on the wire.
 *
 * @since 0.1.0
 * @category models
 */
export class CreateSession extends Schema.TaggedClass<CreateSession>()("CreateSession", {
  blobType: BlobType,
  maxUpdates: U16,
  rewardBase: U32,
  rewardRate: U32,
  sweepFeeRate: U64
}) {
  /** The encoded side, for `JSON.stringify` and loggers. */
  toJSON(): unknown {
    return encoded(CreateSession, this)
  }
}

/** The fields in their order on the wire. @since 0.1.0 @category models */
export const layout = codec.struct({
  blobType,
  maxUpdates: codec.u16,
  rewardBase: codec.u32,
  rewardRate: codec.u32,
  sweepFeeRate: codec.u64
})
