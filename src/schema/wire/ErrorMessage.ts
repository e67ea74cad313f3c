/**
 * wtwire Error (601): neither daemon ever sends it (docs/protocol.md, Messages).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import * as codec from "../../internal/fieldCodec.js"
import { bytesBeside, hexBytes, U16 } from "./Fields.js"

/** The message's number on the wire. @since 0.1.0 @category models */
export const type = 601

/**
 * A code and data without a defined form.
 *
 * @since 0.1.0
 * @category models
 */
export class ErrorMessage extends Schema.TaggedClass<ErrorMessage>()("ErrorMessage", {
  code: U16,
  data: bytesBeside(2)
}) {}

/** The fields in their order on the wire. @since 0.1.0 @category models */
export const layout = codec.struct({ code: codec.u16, data: hexBytes })
