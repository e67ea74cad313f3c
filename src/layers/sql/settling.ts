/**
 * What becomes of a backup whose copies are made: its bytes go, and its height is added to the ranges of the sessions that
 * have it.
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { CorruptRow } from "../../schema/DbError.js"
import { KeyIndex } from "../../schema/Ids.js"
import { CommitHeight } from "../../schema/RevokedState.js"
import { BackupId } from "../../schema/StoredBackup.js"
import * as ranges from "./rangeTable.js"
import { column, decode } from "./rows.js"
import type { Database } from "./transaction.js"

const ackedRows = decode(
  "wt_backup",
  Schema.Struct({
    id: column(BackupId),
    channel: column(Schema.Int),
    height: column(CommitHeight),
    session: column(KeyIndex)
  })
)

/** Fewer than the parameters that a statement may have. */
const backupsAtOnce = 1000

/**
 * Settles those of these backups that have all copies and that nothing binds, inside a transaction that has `lockUpdates`.
 * Answers how many it settled.
 *
 * @since 0.1.0
 * @category combinators
 */
export const settle = (
  database: Database,
  backups: ReadonlyArray<BackupId>
): Effect.Effect<number, SqlError | CorruptRow> =>
  Effect.reduce(Arr.chunksOf(backups, backupsAtOnce), 0, (sum, some) =>
    Effect.gen(function* () {
      const { sql } = database
      const acked = yield* Effect.flatMap(
        sql`
          SELECT b.id, b.channel, b.height, u.session FROM wt_backup b JOIN wt_update u ON u.backup = b.id
          WHERE ${sql.in("b.id", some)}
            AND (SELECT count(*) FROM wt_update o WHERE o.backup = b.id AND o.seq_num IS NOT NULL) = 0
            AND (SELECT count(DISTINCT o.tower) FROM wt_update o WHERE o.backup = b.id) >= b.copies`,
        ackedRows
      )
      if (acked.length === 0) return sum
      yield* ranges.add(
        database,
        "wt_acked",
        acked.map(({ channel, height, session }) => ({ channel, session, first: height, last: height }))
      )
      const settled = Arr.dedupe(acked.map(({ id }) => id))
      yield* sql`DELETE FROM wt_update WHERE ${sql.in("backup", settled)}`
      yield* sql`DELETE FROM wt_backup WHERE ${sql.in("id", settled)}`
      return sum + settled.length
    })
  )
