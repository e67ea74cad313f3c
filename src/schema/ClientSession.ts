/**
 * A session that a tower has accepted and that is stored (docs/negotiation.md, The reference's database).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { encoded } from "../internal/json.js"
import { HexBytes, Instant, KeyIndex, PublicKey, SessionId, TowerId } from "./Ids.js"
import { Policy } from "./Policy.js"

/** Why a session is not used any more: given up, or its tower has forgotten what it had confirmed. @since 0.1.0 @category models */
export const SessionEnd = Schema.Literal("terminal", "lost")
/** @since 0.1.0 @category models */
export type SessionEnd = typeof SessionEnd.Type

/**
 * A session: its key is never stored, only the key's index (family 8). `seqNum` counts the updates given out,
 * `towerLastApplied` those that the tower has confirmed; both start at 0. `rewardPkScript` is empty for an altruist session.
 *
 * `status`: an `active` session takes updates. An `inactive` one belongs to a tower that was removed or deactivated, and takes
 * some when the tower is added again. A `terminal` one was given up, and the tower of a `lost` one has forgotten what it had
 * confirmed: neither takes any more (docs/backups.md, What ends a session).
 *
 * @since 0.1.0
 * @category models
 */
export class ClientSession extends Schema.Class<ClientSession>("ClientSession")({
  id: SessionId,
  towerId: TowerId,
  towerPublicKey: PublicKey,
  keyIndex: KeyIndex,
  policy: Policy,
  rewardPkScript: HexBytes,
  seqNum: Schema.Int.pipe(Schema.between(0, 0xffff)),
  towerLastApplied: Schema.Int.pipe(Schema.between(0, 0xffff)),
  status: Schema.Literal("active", "inactive", ...SessionEnd.literals),
  createdAt: Instant
}) {
  /** The encoded side, for `JSON.stringify` and loggers. */
  toJSON(): unknown {
    return encoded(ClientSession, this)
  }
}
