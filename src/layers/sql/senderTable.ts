/**
 * The one row that says which process sends, under a lease (docs/database.md, Backups). All transactions that change what
 * sessions hold lock this row first: so they come one after another, and none of them counts copies that another one is
 * just changing.
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import { NotSender } from "../../schema/BackupError.js"
import { type SenderToken, senderLeaseMs } from "../../schema/StoredBackup.js"
import type { BackupDb } from "../../services/BackupDb.js"
import type { Database } from "./transaction.js"

/** Takes the lease; a second run finds its own token. @since 0.1.0 @category constructors */
export const takeSenderLease =
  ({ dialect, sql, transaction }: Database): BackupDb.Service["takeSenderLease"] =>
  (token) =>
    transaction(
      "takeSenderLease",
      "unsynced",
      Effect.gen(function* () {
        const now = yield* dialect.now
        // One that begins in the future was taken before the clock was set back: it begins now.
        yield* sql`UPDATE wt_client SET since = ${now} WHERE since > ${now}`
        const taken = yield* sql`
          UPDATE wt_client SET token = ${token}, since = ${now}, for_ms = ${senderLeaseMs}
          WHERE token IS NULL OR token = ${token} OR since + for_ms <= ${now}
          RETURNING id`
        return taken.length > 0
      })
    )

/**
 * Renews the lease while the row has its token: a process that has taken it since has put another one there, or none when it
 * gave it back.
 *
 * @since 0.1.0
 * @category constructors
 */
export const renewSenderLease =
  ({ dialect, sql, transaction }: Database): BackupDb.Service["renewSenderLease"] =>
  (token) =>
    transaction(
      "renewSenderLease",
      "unsynced",
      Effect.gen(function* () {
        const now = yield* dialect.now
        const renewed = yield* sql`
          UPDATE wt_client SET since = ${now}, for_ms = ${senderLeaseMs} WHERE token = ${token} RETURNING id`
        return renewed.length > 0
      })
    )

/** Gives the lease back. @since 0.1.0 @category constructors */
export const dropSenderLease =
  ({ sql, transaction }: Database): BackupDb.Service["dropSenderLease"] =>
  (token) =>
    transaction(
      "dropSenderLease",
      "unsynced",
      Effect.asVoid(sql`UPDATE wt_client SET token = NULL WHERE token = ${token}`)
    )

/** Waits for other transactions that change updates, and lets none begin before this one ends. @since 0.1.0 @category combinators */
export const lockUpdates = ({ dialect, sql }: Database): Effect.Effect<void, SqlError> =>
  Effect.asVoid(sql`SELECT id FROM wt_client ${dialect.lock}`)

/** Whether this process sends now; in a transaction that changes nothing. @since 0.1.0 @category combinators */
export const isSender = ({ sql }: Database, token: SenderToken): Effect.Effect<void, SqlError | NotSender> =>
  Effect.flatMap(sql`SELECT id FROM wt_client WHERE token = ${token}`, verify)

/** `lockUpdates` for the process that sends: no other one can become the sender before the transaction ends. @since 0.1.0 @category combinators */
export const asSender = ({ dialect, sql }: Database, token: SenderToken): Effect.Effect<void, SqlError | NotSender> =>
  Effect.flatMap(sql`SELECT id FROM wt_client WHERE token = ${token} ${dialect.lock}`, verify)

const verify = (found: ReadonlyArray<unknown>): Effect.Effect<void, NotSender> =>
  found.length > 0 ? Effect.void : new NotSender()
