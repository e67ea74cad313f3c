/**
 * Whether a tower can be asked for a session.
 *
 * @since 0.1.0
 * @module
 */
import type * as Schema from "effect/Schema"
import { taggedUnion } from "../internal/taggedUnion.js"
import { Instant } from "./Ids.js"
import { PermanentReason } from "./NegotiationError.js"

/**
 * Whether a tower can be asked now, or else why not, and until when it stands behind the others or is left out
 * (docs/negotiation.md, Standings).
 *
 * @since 0.1.0
 * @category models
 */
export const Readiness = taggedUnion({
  CanBeAsked: {},
  Rests: { until: Instant },
  IsLeftOut: { until: Instant, reason: PermanentReason },
  IsDeactivated: {}
})
/** @since 0.1.0 @category models */
export type Readiness = Schema.Schema.Type<typeof Readiness>
