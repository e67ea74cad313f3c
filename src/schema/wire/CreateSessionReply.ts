/**
 * wtwire CreateSessionReply (603): the tower's answer, after which it closes (protocol 5.1).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { HexBytes } from "../Ids.js"
import { U16 } from "./Fields.js"

/** The message's number on the wire. @since 0.1.0 @category models */
export const type = 603

/**
 * A code of `Code`, the last update applied (meaningful for AlreadyExists only), and the reward script or nothing.
 *
 * @since 0.1.0
 * @category models
 */
export class CreateSessionReply extends Schema.TaggedClass<CreateSessionReply>()("CreateSessionReply", {
  code: U16,
  lastApplied: U16,
  data: HexBytes
}) {}
