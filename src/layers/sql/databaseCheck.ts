/**
 * Checks that a database holds what it must. Each rule is one statement, so that a client that writes during the check breaks none.
 *
 * @since 0.1.0
 */
import * as SqlClient from "@effect/sql/SqlClient"
import * as Array from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { CorruptRow, DatabaseTooNew, DbError } from "../../schema/DbError.js"
import { channelColumns, channelRows } from "./channelTable.js"
import { identities } from "./identityTable.js"
import { migrate } from "./migrations.js"
import * as rows from "./rows.js"
import { standingRows } from "./standingTables.js"
import type { Query, Sql } from "./statement.js"
import { towerColumns, towerRows } from "./towerTables.js"
import * as Transaction from "./transaction.js"

/** Something that is wrong, in a sentence. @since 0.1.0 @category models */
export interface Finding {
  readonly table: string
  readonly detail: string
}

/** A statement that finds the rows that break a rule; `what` of each goes into the sentence. */
interface Rule {
  readonly table: string
  readonly breach: Query
  readonly says: (what: string) => string
}

/** A column that names a row of another table. */
interface Reference {
  readonly table: string
  readonly column: string
  readonly to: { readonly table: string; readonly key: string; readonly name: string }
}

const tower = { table: "wt_tower", key: "id", name: "tower" }
const session = { table: "wt_session", key: "key_index", name: "session" }
const channel = { table: "wt_channel", key: "id", name: "channel" }
const backup = { table: "wt_backup", key: "id", name: "backup" }

const references: ReadonlyArray<Reference> = [
  ...["wt_address", "wt_reservation", "wt_session", "wt_standing", "wt_quarantine"].map((table) => ({
    table,
    column: "tower",
    to: tower
  })),
  { table: "wt_backup", column: "channel", to: channel },
  { table: "wt_update", column: "backup", to: backup },
  { table: "wt_update", column: "session", to: session },
  { table: "wt_acked", column: "session", to: session },
  { table: "wt_acked", column: "channel", to: channel },
  { table: "wt_ineligible", column: "channel", to: channel }
]

const rulesOf = (sql: Sql): ReadonlyArray<Rule> => [
  {
    table: "wt_identity",
    breach: sql`
      SELECT count(*) AS what FROM wt_identity
      HAVING count(*) > 1 OR (count(*) = 0
        AND (EXISTS (SELECT 1 FROM wt_reservation) OR EXISTS (SELECT 1 FROM wt_session)))`,
    says: (what) => `there must be one row that says whose database it is, and there are ${what}`
  },
  {
    table: "wt_identity",
    breach: sql`
      SELECT max(g.key_index) AS what
      FROM (SELECT key_index FROM wt_reservation UNION ALL SELECT key_index FROM wt_session) g
      HAVING max(g.key_index) >= (SELECT max(next_index) FROM wt_identity)`,
    says: (what) =>
      `the key index ${what} was given out, and the counter would give it out again (wtclient db skip-keys)`
  },
  {
    table: "wt_reservation",
    breach: sql`SELECT r.key_index AS what FROM wt_reservation r JOIN wt_session s ON s.key_index = r.key_index`,
    says: (what) => `the key index ${what} is reserved, and a session has it`
  },
  ...["wt_reservation", "wt_session"].map((table) => ({
    table,
    breach: sql`SELECT key_index AS what FROM ${sql(table)} GROUP BY key_index HAVING count(*) > 1`,
    says: (what: string) => `the key index ${what} is there more than once`
  })),
  {
    table: "wt_session",
    breach: sql`SELECT id AS what FROM wt_session GROUP BY id HAVING count(*) > 1`,
    says: (what) => `the session ${what} is there more than once`
  },
  {
    table: "wt_tower",
    breach: sql`SELECT public_key AS what FROM wt_tower GROUP BY public_key HAVING count(*) > 1`,
    says: (what) => `the tower ${what} is there more than once`
  },
  {
    table: "wt_tower",
    breach: sql`
      SELECT id AS what FROM wt_tower t WHERE NOT EXISTS (SELECT 1 FROM wt_address a WHERE a.tower = t.id)`,
    says: (what) => `tower ${what} has no address`
  },
  {
    table: "wt_address",
    breach: sql`SELECT tower AS what FROM wt_address GROUP BY tower, position HAVING count(*) > 1`,
    says: (what) => `two addresses of tower ${what} have the same place in its order`
  },
  ...references.map(({ column, table, to }) => ({
    table,
    breach: sql`
      SELECT DISTINCT r.${sql(column)} AS what FROM ${sql(table)} r
      WHERE NOT EXISTS (SELECT 1 FROM ${sql(to.table)} t WHERE t.${sql(to.key)} = r.${sql(column)})`,
    says: (what: string) => `it speaks of ${to.name} ${what}, and there is none`
  })),
  ...backupRulesOf(sql)
]

/** Rules for channels, backups and updates (docs/database.md, Backups). */
const backupRulesOf = (sql: Sql): ReadonlyArray<Rule> => [
  ...["wt_client", "wt_counter"].map((table) => ({
    table,
    breach: sql`SELECT count(*) AS what FROM ${sql(table)} HAVING count(*) <> 1`,
    says: (what: string) => `there must be one row, and there are ${what}`
  })),
  {
    table: "wt_backup",
    breach: sql`SELECT max(id) AS what FROM wt_backup HAVING max(id) > (SELECT max(last_backup) FROM wt_counter)`,
    says: (what) => `the number ${what} was given out, and the counter would give it out again`
  },
  {
    table: "wt_backup",
    // Not decoded one by one: there may be millions.
    breach: sql`
      SELECT id AS what FROM wt_backup
      WHERE length(hint) <> 32 OR length(blob) = 0 OR policy_key = '' OR copies < 1 OR copies > 255
        OR height < 0 OR height > ${sql.literal(String(2 ** 48 - 1))}`,
    says: (what) => `the row ${what} cannot be read`
  },
  {
    table: "wt_backup",
    breach: sql`
      SELECT b.id AS what FROM wt_backup b
      WHERE NOT EXISTS (SELECT 1 FROM wt_update u WHERE u.backup = b.id AND u.seq_num IS NOT NULL)
        AND (SELECT count(DISTINCT u.tower) FROM wt_update u WHERE u.backup = b.id) >= b.copies`,
    says: (what) => `backup ${what} is kept, and has its copies`
  },
  ...["wt_acked", "wt_ineligible"].map((table) => ({
    table,
    breach: sql`
      SELECT b.id AS what FROM wt_backup b
      WHERE EXISTS (
        SELECT 1 FROM ${sql(table)} r WHERE r.channel = b.channel AND r.last >= b.height AND r.first <= b.height
      )`,
    says: (what: string) => `it has the state of backup ${what}, which is kept`
  })),
  {
    table: "wt_acked",
    breach: sql`
      SELECT DISTINCT r.session AS what FROM (
        SELECT session, first, last, lag(last) OVER (PARTITION BY session, channel ORDER BY first, last) AS before
        FROM wt_acked
      ) r WHERE r.first > r.last OR r.before >= r.first - 1`,
    says: (what) => `the heights of session ${what} are not ranges with gaps between them`
  },
  {
    table: "wt_ineligible",
    breach: sql`
      SELECT DISTINCT r.channel AS what FROM (
        SELECT channel, first, last, lag(last) OVER (PARTITION BY channel ORDER BY first, last) AS before
        FROM wt_ineligible
      ) r WHERE r.first > r.last OR r.before >= r.first - 1`,
    says: (what) => `the heights of channel ${what} are not ranges with gaps between them`
  },
  {
    table: "wt_ineligible",
    breach: sql`
      SELECT DISTINCT i.channel AS what FROM wt_ineligible i
      WHERE EXISTS (
        SELECT 1 FROM wt_acked a WHERE a.channel = i.channel AND a.last >= i.first AND a.first <= i.last
      )`,
    says: (what) => `a state of channel ${what} is ineligible, and a tower has it`
  },
  {
    table: "wt_update",
    breach: sql`
      SELECT u.backup AS what FROM wt_update u JOIN wt_session s ON s.key_index = u.session WHERE u.tower <> s.tower`,
    says: (what) => `backup ${what} is at another tower than its session`
  },
  {
    table: "wt_update",
    breach: sql`
      SELECT u.backup AS what FROM wt_update u JOIN wt_session s ON s.key_index = u.session
      WHERE u.seq_num IS NULL AND s.ended = 'lost'`,
    says: (what) => `a lost session has confirmed backup ${what}`
  },
  {
    table: "wt_session",
    breach: sql`
      SELECT s.key_index AS what FROM wt_session s
      WHERE s.seq_num > s.max_updates OR s.tower_last_applied > s.seq_num
        OR (SELECT count(*) FROM wt_update u WHERE u.session = s.key_index AND u.seq_num IS NOT NULL)
          <> CASE WHEN s.ended IS NULL THEN s.seq_num - s.tower_last_applied ELSE 0 END
        OR EXISTS (
          SELECT 1 FROM wt_update u WHERE u.session = s.key_index
            AND (u.seq_num <= s.tower_last_applied OR u.seq_num > s.seq_num)
        )`,
    says: (what) => `session ${what} has bound other numbers than those after the last confirmed one`
  }
]

/** Rows that are decoded one by one; the column `name` identifies each. */
interface Contents {
  readonly table: string
  readonly select: Query
  readonly decode: (rows: ReadonlyArray<unknown>) => Effect.Effect<unknown, CorruptRow>
}

const contentsOf = (sql: Sql): ReadonlyArray<Contents> => [
  {
    table: "wt_identity",
    select: sql`SELECT id AS name, chain_hash AS "chainHash", layout, public_key AS "publicKey" FROM wt_identity`,
    decode: identities
  },
  {
    table: "wt_tower",
    select: sql`
      SELECT t.id AS name, ${towerColumns({ sql })}, a.address
      FROM wt_tower t LEFT JOIN wt_address a ON a.tower = t.id`,
    decode: towerRows
  },
  {
    table: "wt_reservation",
    select: sql`SELECT key_index AS name, ${rows.reservationColumns(sql)} FROM wt_reservation`,
    decode: rows.reservations
  },
  {
    table: "wt_session",
    select: sql`
      SELECT s.key_index AS name, ${rows.sessionColumns(sql)} FROM wt_session s JOIN wt_tower t ON t.id = s.tower`,
    decode: rows.sessions
  },
  {
    table: "wt_session",
    select: sql`SELECT s.key_index AS name, ${rows.sendingColumns(sql)} FROM wt_session s WHERE s.way IS NOT NULL`,
    decode: rows.sendingRows
  },
  {
    table: "wt_channel",
    select: sql`SELECT c.id AS name, ${channelColumns({ sql })} FROM wt_channel c`,
    decode: channelRows
  },
  {
    table: "wt_standing",
    select: sql`
      SELECT s.tower AS name, s.tower AS "towerId", s.body AS standing, q.body AS quarantine
      FROM wt_standing s LEFT JOIN wt_quarantine q ON q.tower = s.tower`,
    decode: standingRows
  }
]

/** The field, and what is wrong with it: the innermost lines of a schema's complaint. */
const brief = ({ detail }: CorruptRow): string => {
  const lines = detail.split("\n").map((line) => line.replace(/^[\s│├└─]+/u, ""))
  return [lines.findLast((line) => line.startsWith('["')) ?? "", lines.at(-1) ?? ""].join(" ").trim()
}

const named = rows.decode("", Schema.Struct({ what: Schema.Union(Schema.String, Schema.Number) }))
const integrity = rows.decode("", Schema.Struct({ integrity_check: Schema.String }))

const breaches = ({ breach, says, table }: Rule) =>
  Effect.map(
    Effect.flatMap(breach, named),
    Array.map(({ what }): Finding => ({ table, detail: says(String(what)) }))
  )

const unreadable = ({ decode, select, table }: Contents) =>
  Effect.flatMap(select, (found) =>
    Effect.map(
      Effect.partition(found, (row) =>
        Effect.mapError(
          decode([row]),
          (error): Finding => ({ table, detail: `the row ${nameOf(row)} cannot be read: ${brief(error)}` })
        )
      ),
      ([findings]) => findings
    )
  )

const nameOf = (row: unknown): string => (Predicate.hasProperty(row, "name") ? String(row.name) : "?")

/** The damages that SQLite finds in its file. Postgres has tools of its own for that. */
const damages = (sql: Sql) =>
  sql.onDialectOrElse({
    sqlite: () =>
      sql`PRAGMA integrity_check(20)`.pipe(
        Effect.flatMap(integrity),
        Effect.map(Array.filterMap(({ integrity_check: said }) => (said === "ok" ? Option.none() : Option.some(said)))),
        Effect.map(Array.map((said): Finding => ({ table: "the file", detail: said })))
      ),
    orElse: () => Effect.succeed<ReadonlyArray<Finding>>([])
  })

const look = (sql: Sql) =>
  Effect.gen(function* () {
    const damaged = yield* damages(sql)
    // From a damaged file the other answers mean little.
    if (damaged.length > 0) return damaged
    const broken = yield* Effect.forEach(rulesOf(sql), breaches)
    const garbled = yield* Effect.forEach(contentsOf(sql), unreadable)
    return [...broken, ...garbled].flat()
  })

/**
 * What is wrong with the database of the client in the context; it is migrated to this program's version first. An empty
 * answer means that nothing is. Needs no keys, and can run beside clients that are at work.
 *
 * @since 0.1.0
 * @category constructors
 */
export const check: Effect.Effect<ReadonlyArray<Finding>, DbError | DatabaseTooNew, SqlClient.SqlClient> = Effect.gen(
  function* () {
    const client = yield* SqlClient.SqlClient
    const open = (storeTimeout: Duration.DurationInput) => Transaction.make(client, { storeTimeout })
    yield* Effect.flatMap(open("5 seconds"), migrate)
    const { sql, transaction } = yield* open("1 hour")
    return yield* transaction("check", "read", look(sql))
  }
)
