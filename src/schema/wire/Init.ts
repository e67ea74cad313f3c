/**
 * wtwire Init (600): the first message of each side, the client's before the tower's (docs/protocol.md, Init).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import * as codec from "../../internal/fieldCodec.js"
import { ChainHash } from "../Ids.js"
import { chainHash, Features } from "./Fields.js"

/** The message's number on the wire. @since 0.1.0 @category models */
export const type = 600

/**
 * The feature bits that the sender sets (each once, ascending) and its chain.
 *
 * @since 0.1.0
 * @category models
 */
export class Init extends Schema.TaggedClass<Init>()("Init", {
  features: Features,
  chainHash: ChainHash
}) {}

/** The fields in their order on the wire. @since 0.1.0 @category models */
export const layout = codec.struct({ features: codec.featureVector, chainHash })
