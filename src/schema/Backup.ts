/**
 * A backup: what a tower is sent of a revoked state (docs/protocol.md, Backups).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { HexBytes, Hint } from "./Ids.js"

/**
 * The hint by which the tower recognizes the commitment transaction, and the blob that this transaction opens: 314 bytes, for
 * taproot channels 340. Without the transaction both look like random bytes.
 *
 * @since 0.1.0
 * @category models
 */
export class Backup extends Schema.Class<Backup>("Backup")({ hint: Hint, encryptedBlob: HexBytes }) {}
