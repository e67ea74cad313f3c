/**
 * Updates: which session has given which number to which backup, and what its tower has confirmed of them.
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { toHex } from "../../internal/bytes.js"
import { type NotSender, SessionEnded } from "../../schema/BackupError.js"
import { ChannelId } from "../../schema/Channel.js"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { CorruptRow } from "../../schema/DbError.js"
import { HexBytes, Hint, type KeyIndex } from "../../schema/Ids.js"
import * as Policy from "../../schema/Policy.js"
import { CommitHeight } from "../../schema/RevokedState.js"
import { BackupId, BoundUpdate, type SenderToken } from "../../schema/StoredBackup.js"
import type { BackupDb } from "../../services/BackupDb.js"
import { isInUse, isOpenFor } from "./openBackups.js"
import * as rows from "./rows.js"
import { asSender, isSender } from "./senderTable.js"
import { settle } from "./settling.js"
import type { Database } from "./transaction.js"

const boundRows = rows.decode(
  "wt_update",
  Schema.Struct({
    seqNum: rows.column(BoundUpdate.fields.seqNum),
    backupId: rows.column(BackupId),
    channelId: ChannelId,
    commitHeight: rows.column(CommitHeight),
    hint: Hint,
    blob: Schema.Uint8ArrayFromSelf
  })
)

/** Made of parts that were checked. */
const unchecked = { disableValidation: true }

/** What a session has bound, in the order of the numbers. */
const boundTo = ({ sql }: Database, session: KeyIndex) =>
  Effect.map(
    Effect.flatMap(
      sql`
        SELECT u.seq_num AS "seqNum", b.id AS "backupId", c.channel_id AS "channelId", b.height AS "commitHeight",
          b.hint, b.blob
        FROM wt_update u JOIN wt_backup b ON b.id = u.backup JOIN wt_channel c ON c.id = b.channel
        WHERE u.session = ${session} AND u.seq_num IS NOT NULL ORDER BY u.seq_num`,
      boundRows
    ),
    (found) =>
      found.map(({ blob, ...row }) => new BoundUpdate({ ...row, encryptedBlob: HexBytes.make(toHex(blob)) }, unchecked))
  )

const uses = rows.decode("wt_session", Schema.Struct({ isInUse: rows.column(Schema.Int) }))

/** A session that takes updates. */
const sessionInUse = (database: Database, keyIndex: KeyIndex) =>
  Effect.gen(function* () {
    const { sql } = database
    const found = yield* sql`
      SELECT ${rows.sessionColumns(sql)}, CASE WHEN ${isInUse(database)} THEN 1 ELSE 0 END AS "isInUse"
      FROM wt_session s JOIN wt_tower t ON t.id = s.tower WHERE s.key_index = ${keyIndex}`
    const [session] = yield* rows.sessions(found)
    const [use] = yield* uses(found)
    if (session === undefined || use === undefined) {
      return yield* Effect.dieMessage(`no session has key index ${keyIndex}`)
    }
    return use.isInUse === 1 ? session : yield* new SessionEnded({ id: session.id })
  })

const backups = rows.decode("wt_update", Schema.Struct({ backup: rows.column(BackupId) }))

/** Stores that all numbers up to one were confirmed. */
const ack = (
  database: Database,
  { keyIndex, towerLastApplied }: ClientSession,
  upTo: number
): Effect.Effect<void, SqlError | CorruptRow> =>
  Effect.gen(function* () {
    const { sql } = database
    const confirmed = yield* Effect.flatMap(
      sql`
        UPDATE wt_update SET seq_num = NULL WHERE session = ${keyIndex} AND seq_num <= ${upTo}
        RETURNING backup`,
      backups
    )
    if (confirmed.length === 0) return
    const applied = towerLastApplied + confirmed.length
    yield* sql`
      UPDATE wt_session SET tower_last_applied = ${applied},
        failing_since = CASE WHEN seq_num = ${applied} THEN NULL ELSE failing_since END
      WHERE key_index = ${keyIndex}`
    yield* settle(
      database,
      confirmed.map(({ backup }) => backup)
    )
  })

/** The oldest backups that the session's tower could take, as many as fit. */
const openFor = (
  database: Database,
  session: ClientSession,
  { after, limit, route, stalledSince }: BackupDb.WindowRequest
) => {
  const { sql } = database
  const { policy, seqNum, towerId } = session
  return sql`
    SELECT b.id FROM wt_backup b
    WHERE b.policy_key = ${Policy.keyOf(policy)} AND b.id > ${after ?? 0}
      AND ${isOpenFor(database, sql`${towerId}`, { route, stalledSince })}
    ORDER BY b.id LIMIT ${Math.max(0, Math.min(limit, policy.maxUpdates - seqNum))}`
}

const bind = (
  database: Database,
  session: ClientSession,
  request: BackupDb.WindowRequest
): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    const { sql } = database
    const bound = yield* sql`
      INSERT INTO wt_update (backup, session, tower, seq_num)
      SELECT o.id, s.key_index, s.tower, s.seq_num + row_number() OVER (ORDER BY o.id)
      FROM (${openFor(database, session, request)}) o, wt_session s WHERE s.key_index = ${session.keyIndex}
      RETURNING backup`
    if (bound.length === 0) return
    yield* sql`UPDATE wt_session SET seq_num = seq_num + ${bound.length} WHERE key_index = ${session.keyIndex}`
  })

/** What is bound, if the request changes nothing. */
const look = (database: Database, token: SenderToken, keyIndex: KeyIndex, request: BackupDb.WindowRequest) =>
  Effect.gen(function* () {
    yield* isSender(database, token)
    const session = yield* sessionInUse(database, keyIndex)
    const { seqNum, towerLastApplied } = session
    if (seqNum > towerLastApplied && request.acked > towerLastApplied) return undefined
    const bound = yield* boundTo(database, keyIndex)
    if (bound.length > 0) return bound
    const open = yield* openFor(database, session, { ...request, limit: Math.min(request.limit, 1) })
    return open.length > 0 ? undefined : bound
  })

/** Does what is requested. When an earlier run was stored, nothing is left to be acked, and what it bound is answered. */
const run = (
  database: Database,
  token: SenderToken,
  keyIndex: KeyIndex,
  request: BackupDb.WindowRequest
): Effect.Effect<ReadonlyArray<BoundUpdate>, SqlError | CorruptRow | NotSender | SessionEnded> =>
  Effect.gen(function* () {
    yield* asSender(database, token)
    const session = yield* sessionInUse(database, keyIndex)
    yield* ack(database, session, request.acked)
    const bound = yield* boundTo(database, keyIndex)
    if (bound.length > 0) return bound
    yield* bind(database, session, request)
    return yield* boundTo(database, keyIndex)
  })

/**
 * Acks and binds, in one transaction; a request that changes nothing is answered without one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const nextWindow =
  (database: Database): BackupDb.Service["nextWindow"] =>
  (token, session, request) =>
    database.operation("nextWindow", (transaction) =>
      Effect.gen(function* () {
        const known = yield* transaction("read", look(database, token, session, request))
        return known ?? (yield* transaction("synced", run(database, token, session, request)))
      })
    )
