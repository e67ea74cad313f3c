/**
 * wtwire DeleteSessionReply (607).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import * as codec from "../../internal/fieldCodec.js"
import { U16 } from "./Fields.js"

/** The message's number on the wire. @since 0.1.0 @category models */
export const type = 607

/**
 * A code of `Code`.
 *
 * @since 0.1.0
 * @category models
 */
export class DeleteSessionReply extends Schema.TaggedClass<DeleteSessionReply>()("DeleteSessionReply", {
  code: U16
}) {}

/** The fields in their order on the wire. @since 0.1.0 @category models */
export const layout = codec.struct({ code: codec.u16 })
