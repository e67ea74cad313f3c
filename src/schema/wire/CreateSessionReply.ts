/**
 * wtwire CreateSessionReply (603): the tower's answer, after which it closes (docs/protocol.md, A connection).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import * as codec from "../../internal/fieldCodec.js"
import { bytesBeside, hexBytes, U16 } from "./Fields.js"

/** The message's number on the wire. @since 0.1.0 @category models */
export const type = 603

/**
 * A code of `Code`, the last update applied (meaningful for AlreadyExists only), and the reward script or nothing. Any
 * `data` that fits in a frame is read; how much may be written is `Codec.encodeEither`'s to say.
 *
 * @since 0.1.0
 * @category models
 */
export class CreateSessionReply extends Schema.TaggedClass<CreateSessionReply>()("CreateSessionReply", {
  code: U16,
  lastApplied: U16,
  data: bytesBeside(4)
}) {}

/** The fields in their order on the wire. @since 0.1.0 @category models */
export const layout = codec.struct({ code: codec.u16, lastApplied: codec.u16, data: hexBytes })
