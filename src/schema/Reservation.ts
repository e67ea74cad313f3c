/**
 * A key index bound to one tower, blob type and route until a session is stored for it (docs/negotiation.md,
 * Reservations).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import * as BlobType from "./BlobType.js"
import { Instant, KeyIndex, LeaseToken, Route, TowerId } from "./Ids.js"

/**
 * An open reservation, as taken by us: no other process may use the key before `since` + `forMs` (milliseconds).
 *
 * @since 0.1.0
 * @category models
 */
export class Reservation extends Schema.Class<Reservation>("Reservation")({
  keyIndex: KeyIndex,
  towerId: TowerId,
  blobType: BlobType.BlobType,
  route: Route,
  lease: LeaseToken,
  since: Instant,
  forMs: Schema.Finite
}) {}

/** How long a taken reservation is held: longer than a visit, so that nothing is renewed. In milliseconds. @since 0.1.0 @category models */
export const leaseMs = 120_000

/** How long a shown key rests when the tower's end was not seen. In milliseconds. @since 0.1.0 @category models */
export const shownKeyRestMs = 2_000
