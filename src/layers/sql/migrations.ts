/**
 * The tables, and how an older database gets them. All steps of one run are one transaction, so that a database has one
 * version or another and nothing between. What may be changed here is the end of the list.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { DatabaseTooNew, type DbError } from "../../schema/DbError.js"
import type { Dialect } from "./Dialect.js"
import { column, decode } from "./rows.js"
import type { Database } from "./transaction.js"

type Migration = (types: Dialect["types"]) => ReadonlyArray<string>

// Instants are past ones and lengths are lengths; ends are computed (docs/negotiation.md, Time).
const tables: Migration = ({ instant, rowId }) => [
  `CREATE TABLE wt_identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    chain_hash TEXT NOT NULL,
    layout TEXT NOT NULL,
    public_key TEXT NOT NULL,
    next_index BIGINT NOT NULL CHECK (next_index > 0)
  )`,
  `CREATE TABLE wt_tower (
    id ${rowId},
    public_key TEXT NOT NULL UNIQUE,
    removed INTEGER NOT NULL DEFAULT 0
  )`,
  `CREATE TABLE wt_address (
    tower INTEGER NOT NULL REFERENCES wt_tower (id),
    address TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tower, address)
  )`,
  `CREATE TABLE wt_reservation (
    key_index INTEGER PRIMARY KEY CHECK (key_index > 0),
    tower INTEGER NOT NULL REFERENCES wt_tower (id),
    blob_type INTEGER NOT NULL,
    way TEXT NOT NULL,
    lease TEXT NOT NULL,
    since ${instant} NOT NULL,
    for_ms ${instant} NOT NULL
  )`,
  "CREATE INDEX wt_reservation_triple ON wt_reservation (tower, blob_type, way)",
  `CREATE TABLE wt_session (
    key_index INTEGER PRIMARY KEY CHECK (key_index > 0),
    id TEXT NOT NULL UNIQUE,
    tower INTEGER NOT NULL REFERENCES wt_tower (id),
    status TEXT NOT NULL,
    created_at ${instant} NOT NULL,
    blob_type INTEGER NOT NULL,
    max_updates INTEGER NOT NULL,
    reward_base BIGINT NOT NULL,
    reward_rate BIGINT NOT NULL,
    sweep_fee_rate TEXT NOT NULL,
    reward_pk_script TEXT NOT NULL,
    seq_num INTEGER NOT NULL,
    tower_last_applied INTEGER NOT NULL
  )`,
  "CREATE INDEX wt_session_tower ON wt_session (tower, key_index)",
  "CREATE INDEX wt_session_status ON wt_session (status, key_index)",
  `CREATE TABLE wt_standing (
    blob_type INTEGER NOT NULL,
    tower INTEGER NOT NULL REFERENCES wt_tower (id),
    body TEXT NOT NULL,
    PRIMARY KEY (blob_type, tower)
  )`,
  `CREATE TABLE wt_quarantine (
    tower INTEGER NOT NULL REFERENCES wt_tower (id),
    policy_key TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tower, policy_key)
  )`
]

const sessionsByAge: Migration = () => ["CREATE INDEX wt_session_created_at ON wt_session (created_at)"]

// A tower of an older database was added once, or more often.
const additions: Migration = () => ["ALTER TABLE wt_tower ADD COLUMN additions INTEGER NOT NULL DEFAULT 1"]

// The token of the last addition: by it an addition that is done again is not counted again.
const lastAddition: Migration = () => ["ALTER TABLE wt_tower ADD COLUMN last_addition TEXT"]

// The one row of wt_client is also what writers of updates wait for, and that of wt_counter what writers of backups wait for
// (docs/database.md, Backups): so both are there from the start.
const backups: Migration = ({ bytes, instant, rowId, wide }) => [
  `CREATE TABLE wt_channel (
    id ${rowId},
    channel_id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    sweep_pk_script TEXT NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0
  )`,
  `CREATE TABLE wt_backup (
    id ${wide} PRIMARY KEY,
    channel INTEGER NOT NULL REFERENCES wt_channel (id),
    height BIGINT NOT NULL,
    policy_key TEXT NOT NULL,
    hint TEXT NOT NULL,
    blob ${bytes} NOT NULL,
    copies INTEGER NOT NULL,
    UNIQUE (channel, height)
  )`,
  "CREATE INDEX wt_backup_policy ON wt_backup (policy_key, id)",
  "CREATE TABLE wt_counter (id INTEGER PRIMARY KEY CHECK (id = 1), last_backup BIGINT NOT NULL)",
  "INSERT INTO wt_counter (id, last_backup) VALUES (1, 0)",
  // Without seq_num the tower has confirmed it. The tower is that of the session, for the index.
  `CREATE TABLE wt_update (
    backup ${wide} NOT NULL REFERENCES wt_backup (id),
    session INTEGER NOT NULL REFERENCES wt_session (key_index),
    tower INTEGER NOT NULL,
    seq_num INTEGER,
    PRIMARY KEY (backup, session),
    UNIQUE (session, seq_num)
  )`,
  "CREATE INDEX wt_update_tower ON wt_update (tower, backup)",
  "CREATE INDEX wt_update_bound ON wt_update (backup) WHERE seq_num IS NOT NULL",
  `CREATE TABLE wt_acked (
    session INTEGER NOT NULL REFERENCES wt_session (key_index),
    channel INTEGER NOT NULL REFERENCES wt_channel (id),
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (session, channel, last)
  )`,
  "CREATE INDEX wt_acked_channel ON wt_acked (channel, last)",
  `CREATE TABLE wt_ineligible (
    channel INTEGER NOT NULL REFERENCES wt_channel (id),
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (channel, last)
  )`,
  `CREATE TABLE wt_client (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    token TEXT,
    since ${instant} NOT NULL,
    for_ms ${instant} NOT NULL
  )`,
  "INSERT INTO wt_client (id, since, for_ms) VALUES (1, 0, 0)",
  // A session of an older database has no route: on which one its tower has seen the key is not known.
  "ALTER TABLE wt_session ADD COLUMN way TEXT",
  `ALTER TABLE wt_session ADD COLUMN failing_since ${instant}`,
  "ALTER TABLE wt_session ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0",
  "ALTER TABLE wt_session ADD COLUMN ended TEXT",
  `CREATE INDEX wt_session_sending ON wt_session (way, key_index)
    WHERE status = 'active' AND ended IS NULL AND tower_last_applied < max_updates`
]

const deactivation: Migration = () => ["ALTER TABLE wt_tower ADD COLUMN deactivated INTEGER NOT NULL DEFAULT 0"]

const endedSessions: Migration = () => [
  "CREATE INDEX wt_session_ended ON wt_session (key_index) WHERE ended IS NOT NULL"
]

const migrations: ReadonlyArray<Migration> = [
  tables,
  sessionsByAge,
  additions,
  lastAddition,
  backups,
  deactivation,
  endedSessions
]

/** The version that this program writes. @since 0.1.0 @category models */
export const version = migrations.length

const versions = decode("wt_version", Schema.Struct({ version: column(Schema.Int.pipe(Schema.nonNegative())) }))

const newest = ({ sql }: Database) =>
  Effect.map(Effect.flatMap(sql`SELECT version FROM wt_version`, versions), (applied) =>
    Math.max(0, ...applied.map((row) => row.version))
  )

/**
 * Brings the database to `version`, or does nothing: then no lock is needed. Waits for another process that does the same:
 * on Postgres as long as a migration may take, on SQLite for `storeTimeout`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const migrate = (database: Database): Effect.Effect<void, DbError | DatabaseTooNew> =>
  Effect.gen(function* () {
    const { dialect, sql, transaction } = database
    const found = yield* transaction(
      "migrate",
      "read",
      Effect.flatMap(sql`${dialect.versionTable}`, (there) =>
        there.length === 0 ? Effect.succeed(0) : newest(database)
      )
    )
    if (found === version) return
    yield* transaction(
      "migrate",
      "migration",
      Effect.gen(function* () {
        const run = (statements: ReadonlyArray<string>) =>
          Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
        yield* run(dialect.migrating)
        yield* sql`CREATE TABLE IF NOT EXISTS wt_version (version INTEGER PRIMARY KEY)`
        const found = yield* newest(database)
        if (found > version) return yield* new DatabaseTooNew({ found, supported: version })
        for (const [at, migration] of migrations.entries()) {
          if (at < found) continue
          yield* run(migration(dialect.types))
          yield* sql`INSERT INTO wt_version (version) VALUES (${at + 1})`
        }
      })
    )
  })
