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
 * database). An immutable snapshot. `status` is `inactive` where the tower was deactivated: it is asked for nothing and gets no
 * updates until it is added again (lnd v0.21.2 `wtdb.TowerStatus`). `additions` counts how often it was added, by any process,
 * so that a repeated addition shows.
 *
 * @since 0.1.0
 * @category models
 */
export class Tower extends Schema.Class<Tower>("Tower")({
  id: TowerId,
  publicKey: PublicKey,
  addresses: Schema.Array(TowerAddress),
  status: Schema.optionalWith(Schema.Literal("active", "inactive"), { default: () => "active" }),
  additions: Schema.optionalWith(Schema.NonNegativeInt, { default: () => 1 })
}) {}
