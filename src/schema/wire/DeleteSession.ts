/**
 * wtwire DeleteSession (606): deletes the session of the connection's key.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import * as codec from "../../internal/fieldCodec.js"

/** The message's number on the wire. @since 0.1.0 @category models */
export const type = 606

/**
 * No fields.
 *
 * @since 0.1.0
 * @category models
 */
export class DeleteSession extends Schema.TaggedClass<DeleteSession>()("DeleteSession", {}) {}

/** The fields in their order on the wire. @since 0.1.0 @category models */
export const layout = codec.struct({})
