/**
 * wtwire StateUpdate (604): one encrypted backup (docs/protocol.md, Messages).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import * as codec from "../../internal/fieldCodec.js"
import { Hint } from "../Ids.js"
import { bytesBeside, hexBytes, hint, U8, U16 } from "./Fields.js"

/** The message's number on the wire. @since 0.1.0 @category models */
export const type = 604

/**
 * The number of the update, the last one that the client saw applied, whether it is the last for now (exactly 1), hint and blob.
 *
 * @since 0.1.0
 * @category models
 */
export class StateUpdate extends Schema.TaggedClass<StateUpdate>()("StateUpdate", {
  seqNum: U16,
  lastApplied: U16,
  isComplete: U8,
  hint: Hint,
  encryptedBlob: bytesBeside(21)
}) {}

/** The fields in their order on the wire. @since 0.1.0 @category models */
export const layout = codec.struct({
  seqNum: codec.u16,
  lastApplied: codec.u16,
  isComplete: codec.u8,
  hint,
  encryptedBlob: hexBytes
})
