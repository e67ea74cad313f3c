/**
 * A tower as the client's database knows it.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { PublicKey, TowerId } from "./Ids.js"
import { TowerAddress } from "./TowerAddress.js"

/**
 * A tower: the id of its row, its public key, and its addresses, newest first (docs/negotiation.md, The reference's
 * database). An immutable snapshot. `additions` counts how often it was added, by any process, so that a
 * repeated addition shows.
 *
 * @since 0.1.0
 * @category models
 */
export class Tower extends Schema.Class<Tower>("Tower")({
  id: TowerId,
  publicKey: PublicKey,
  addresses: Schema.Array(TowerAddress),
  additions: Schema.optionalWith(Schema.NonNegativeInt, { default: () => 1 })
}) {}
