/**
 * wtwire StateUpdateReply (605).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import * as codec from "../../internal/fieldCodec.js"
import { U16 } from "./Fields.js"

/** The message's number on the wire. @since 0.1.0 @category models */
export const type = 605

/**
 * A code of `Code` and the last update applied; do not rely on it in an error (docs/protocol.md, StateUpdate).
 *
 * @since 0.1.0
 * @category models
 */
export class StateUpdateReply extends Schema.TaggedClass<StateUpdateReply>()("StateUpdateReply", {
  code: U16,
  lastApplied: U16
}) {}

/** The fields in their order on the wire. @since 0.1.0 @category models */
export const layout = codec.struct({ code: codec.u16, lastApplied: codec.u16 })
