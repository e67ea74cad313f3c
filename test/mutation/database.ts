/** Faults in the client's database. */
import { inFile, type Part } from "./mutant.js"

const sqlite = [
  "test/services/ClientDb/ClientDb.test.ts",
  "test/layers/SqliteClientDb.test.ts",
  "test/layers/SqliteClientDb.operations.test.ts",
  "test/layers/sql/sqliteClient.test.ts",
  "test/layers/sql/statements.test.ts",
  "test/layers/sql/logSync.test.ts",
  "test/layers/sql/flushes.test.ts",
  "test/layers/sql/turns.test.ts",
  "test/layers/sql/syncs.test.ts",
  "test/layers/sql/waits.test.ts",
  "test/layers/support/databaseIdentity.test.ts",
  "test/layers/SqlClientDb.test.ts",
  "-t",
  "SQLite file(?!,)|SqliteClientDb|SqlClientDb|statements of SQLite|the first key index|the sync of a log|a flushed transaction|a transaction of SQLite"
]
const postgres = ["test/layers/PostgresClientDb", "test/layers/PostgresBackupDb.test.ts"]

export const database: ReadonlyArray<Part> = [
  {
    name: "sql",
    quick: sqlite,
    thorough: postgres,
    mutants: [
      ...inFile(
        "src/layers/sql/identityTable.ts",
        ["next_index <= ${maxKeyIndex}", "next_index < ${maxKeyIndex}"],
        ["next_index <= ${maxKeyIndex}", "next_index <= ${2 * maxKeyIndex}"],
        ["RETURNING next_index - 1 AS", "RETURNING next_index AS"],
        ["if (found !== undefined) yield* compareIdentities(wanted, found)", ""],
        ["next > maxKeyIndex", "next >= maxKeyIndex"],
        ["AND next_index < ${next}", ""],
        ["sql`DELETE FROM wt_reservation`", "Effect.void"]
      ),
      ...inFile(
        "src/layers/sql/reservationTable.ts",
        ["AND blob_type = ${blobType}", ""],
        ["AND way = ${route}", ""],
        ["AND lease = ${lease}`", "`"],
        ["    yield* rewind(database, triple, now)\n", ""],
        ["sql`since + for_ms <= ${now}`,", "sql`since + for_ms < ${now}`,"],
        ["sql`since + for_ms <= ${now}`,", "sql`since <= ${now}`,"],
        ["...left.map((mine)", "...[].map((mine)"],
        ["since + for_ms, key_index LIMIT 1", "key_index LIMIT 1"],
        ["since + for_ms, key_index LIMIT 1", "since + for_ms DESC, key_index LIMIT 1"],
        ["for_ms = ${leaseMs}\n", "for_ms = 0\n"],
        ["if (taken !== undefined) return taken\n", "\n"],
        ["if (tower.length === 0) return yield* new TowerNotFound({ tower: towerId })", ""],
        ["(yield* takeFree(database, triple, left, lease)) ??", ""],
        ["forceNext === undefined ? undefined : yield* endHeld(database, forceNext, lease)", "undefined"],
        ['yield* outcome._tag === "end"', "yield* false"],
        ["for_ms = ${outcome.restMs}", "for_ms = 0"],
        ["        yield* standings.write(database, update)\n", ""]
      ),
      ...inFile(
        "src/layers/sql/sessionTable.ts",
        ["if (exists.length > 0) return yield* new ClientSessionAlreadyExists({ id })", ""],
        ["if (reserved.length === 0) return", "if (false) return"],
        ["reserved.some((row) => row.keyIndex === keyIndex)", "true"],
        ["AND lease = ${lease} AND", "AND"],
        ["if (ended.length === 0) yield* refuse(database, session, triple)", ""],
        ["if (inserted.length === 0) return", "if (false) return"],
        ["if (free.length > 0) return\n", "\n"],
        ["AND (for_ms = 0 OR since + for_ms <= ${now}) LIMIT 1", "LIMIT 1"],
        ["for_ms = 0 OR ", ""],
        ["{ forMs: 0, lease: yield* newLease }", "{ forMs: 1000, lease: yield* newLease }"],
        ['.pipe(Effect.catchTag("KeyIndexesExhausted", () => Effect.void))', ""],
        ["    yield* standings.write(database, update)\n", ""],
        ["if (options.reserveNext)", "if (true)"],
        ["const defaultLimit = 100", "const defaultLimit = 101"],
        ["Math.min(limit, largestLimit)", "limit"],
        ["s.key_index > ${after}", "s.key_index >= ${after}"],
        ["WHERE ${wanted} ORDER BY s.key_index LIMIT", "WHERE ${wanted} LIMIT"],
        ["[sql`s.tower = ${towerId}`]", "[]"],
        ["[hasStatus(database, status)]", "[]"],
        ["(SELECT * FROM wt_session WHERE created_at < ${instant}) s`", "(SELECT * FROM wt_session) s`"],
        ["(SELECT * FROM wt_session WHERE created_at < ${instant}) SELECT", "(SELECT * FROM wt_session) SELECT"]
      ),
      ...inFile(
        "src/layers/sql/standingTables.ts",
        ["Standing.notAfter(update.standing, now)", "update.standing"],
        ["AND policy_key = ${update.policyKey}`", "`"],
        ["AND q.policy_key = ${policyKey}", ""],
        ["WHERE s.blob_type = ${blobType}", "WHERE true"],
        ["if (changed.length > 0) yield*", "if (false) yield*"],
        ["const current = Standing.notAfter(stored, now)", "const current = stored"],
        ["if (quarantines.length === 0) return\n", "if (quarantines.length >= 0) return\n"]
      ),
      ...inFile(
        "src/layers/sql/towerTables.ts",
        ["SET removed = 0, deactivated = 0", "SET deactivated = 0"],
        ["SET removed = 0, deactivated = 0", "SET removed = 0"],
        ["THEN 0 ELSE 1 END", "THEN 1 ELSE 1 END"],
        ["coalesce(max(position), 0) + 1", "1"],
        ["        yield* sql`DELETE FROM wt_quarantine WHERE tower = ${row.id}`\n", ""],
        ['        yield* setStatus(database, row.id, "active")\n', ""],
        ['          yield* setStatus(database, row.id, "inactive")\n', ""],
        ["WHERE tower = ${tower} AND status <> ${status}", "WHERE status <> ${status}"],
        ["a.position DESC", "a.position"],
        ["if (left.length === 0) return yield* new LastTowerAddr({ tower: publicKey, address })", ""],
        ["t.public_key = ${publicKey} AND t.removed = 0", "t.public_key = ${publicKey}"],
        ["t.id = ${id} AND t.removed = 0", "t.id = ${id}"],
        ["yield* select(database, database.sql`t.removed = 0`)", "yield* select(database, database.sql`true`)"],
        ["if (last?.mark === now)", "if (last !== undefined)"],
        ["sum(additions) AS additions, ", ""],
        ["sum(removed) AS removed, ", ""],
        ["sum(deactivated) AS deactivated,", ""],
        ['transaction("createTower", "synced"', 'transaction("createTower", "unsynced"'],
        ['"removeTower",\n      "synced"', '"removeTower",\n      "unsynced"']
      ),
      ...inFile(
        "src/layers/sql/migrations.ts",
        ["if (found > version) return", "if (false) return"],
        ["if (at < found) continue", "if (at <= found) continue"],
        ["if (at < found) continue", ""],
        ['DEFAULT 1"]', 'DEFAULT 0"]'],
        ["    if (found === version) return\n", ""]
      ),
      ...inFile(
        "src/layers/support/databaseIdentity.ts",
        ["sum * 256 + byte", "sum + byte"],
        ["1 + (value % range)", "1 + value"],
        ["found.chainHash !== wanted.chainHash", "false"],
        ["found.layout !== wanted.layout", "false"],
        ["found.publicKey !== wanted.publicKey", "false"],
        ["count >= 0\n", "true\n"]
      ),
      ...inFile(
        "src/layers/sql/Dialect.ts",
        ['isFull ? "FULL" : "NORMAL"', '"NORMAL"'],
        ['isFull ? "FULL" : "NORMAL"', '"FULL"'],
        ['(purpose === "flushed" && flush === undefined)', "false"],
        ['(purpose === "flushed" && flush === undefined)', 'purpose === "flushed"'],
        ['"BEGIN IMMEDIATE"', '"BEGIN"'],
        ["connectionOf: unprepared", "connectionOf: (connection) => connection"],
        ['detail:\n          "the SQL client is for neither', 'detail:\n          "the SQL client is for one of']
      ),
      ...inFile(
        "src/layers/sql/sqliteClient.ts",
        ['    if (text.startsWith("PRAGMA")) return statement\n', ""],
        ["        db.exec(text)\n", ""],
        ["kept.set(text, statement)", "void 0"],
        ["kept.delete(oldest)", "void 0"],
        [
          "Effect.uninterruptible(Effect.as(Effect.zipRight(taken, release), connection))",
          "Effect.as(Effect.zipRight(taken, release), connection)"
        ],
        ["Context.get(fiber.currentContext, SqlClient.SafeIntegers)", "false"],
        ["prepare(text).safeIntegers(safeIntegers)\n      if", "prepare(text)\n      if"],
        ["statement.raw(true)", "statement"],
        ["Effect.sync(() => opened.close())", "Effect.void"]
      ),
      ...inFile(
        "src/layers/sql/logSync.ts",
        ["if (db.memory) return undefined", ""],
        ["hasFailed = error !== null", "hasFailed = false"],
        ["        hasFailed = false\n", ""],
        ["{ simple: true }) !== 0", "{ simple: true }) === undefined"],
        ["wal_checkpoint(TRUNCATE)", "wal_checkpoint(PASSIVE)"],
        ["if (running === undefined) begin", "if (true) begin"],
        ["const sync = next ?? ", "const sync = running ?? "],
        ["if (next !== undefined) begin(next)", ""],
        ["running === undefined ? Effect.void : Effect.exit", "true ? Effect.void : Effect.exit"],
        ["error === null ? Exit.void", "true ? Exit.void"]
      ),
      ...inFile(
        "src/layers/sql/databaseCheck.ts",
        ["HAVING max(g.key_index) >= (SELECT", "HAVING max(g.key_index) > (SELECT"],
        ["if (damaged.length > 0) return damaged\n", "\n"],
        ["LEFT JOIN wt_address a ON a.tower = t.id`", "JOIN wt_address a ON a.tower = t.id`"],
        ["GROUP BY tower, position HAVING count(*) > 1", "GROUP BY tower, position HAVING count(*) > 2"],
        ['"wt_standing", "wt_quarantine"]', '"wt_standing"]'],
        ["count(*) > 1 OR (count(*) = 0", "(count(*) = 0"]
      ),
      ...inFile(
        "src/layers/sql/transaction.ts",
        ['if (purpose === "read") return guarded(inside)\n', "\n"],
        ['Effect.exit(say("ROLLBACK"))', "Effect.void"],
        ["Math.min(wait * 2, longestWaitMs)", "wait"],
        ["left() >= wait + connectMs", "left() >= 0"],
        ["(unanswered !== undefined && isSqlError(error))", "false"],
        ["isCommitLost(error) ? error : unanswered", "unanswered"],
        ["client.withoutTransforms()", "client"],
        ["- start) / 1e6", "- start) / 1e3"],
        ["Effect.zipRight(guard(connection, bound), run)", "run"],
        [
          "Effect.catchAllDefect(client.reserve, (cause) =>",
          "Effect.catchAllDefect(client.reserve, (cause) => cause instanceof Error ? Effect.die(cause) :"
        ]
      )
    ]
  },
  {
    name: "sql errors",
    quick: [
      "test/layers/sql/errors.test.ts",
      "test/layers/SqliteClientDb.operations.test.ts",
      "test/layers/SqliteClientDb.test.ts"
    ],
    thorough: postgres,
    mutants: [
      ...inFile(
        "src/layers/sql/errors.ts",
        ['"57014", ', ""],
        ["|40003|", "|"],
        ["57P0[1-5]", "57P0[1-4]"],
        ["25P0[34]", "25P0[3]"],
        ["(?!RR_TLS_CERT)", ""],
        ['code === "" && goneMessage', "goneMessage"],
        ['code.startsWith("SQLITE_LOCKED") ||', ""],
        ["|timeout exceeded/.test(messageOf(error))", "/.test(messageOf(error))"],
        ['codeOf(error).startsWith("ERR_TLS_CERT") ? undefined :', ""],
        ["detail: sentence(message) }", 'detail: "" }'],
        ["isSqlError(thrown) ? thrown :", ""]
      )
    ]
  },
  {
    name: "postgres",
    quick: postgres,
    thorough: [],
    mutants: [
      ...inFile(
        "src/layers/sql/Dialect.ts",
        ["lock: sql`FOR UPDATE`", "lock: sql``"],
        ["lockFree: sql`FOR UPDATE SKIP LOCKED`", "lockFree: sql`FOR UPDATE`"],
        ["lockNoKey: sql`FOR NO KEY UPDATE`", "lockNoKey: sql`FOR UPDATE`"],
        ['"SET LOCAL synchronous_commit = on"', '"SET LOCAL synchronous_commit = off"'],
        ["`SET LOCAL idle_in_transaction_session_timeout = ${statementMs}`,", ""],
        ['purpose === "migration" ? migrationMs : statementMs}', "statementMs}"],
        ["`SELECT pg_advisory_xact_lock(${migrationLock})`,", ""],
        ["`SET LOCAL lock_timeout = ${statementMs}`", ""],
        ["Math.min(fifth * 1.5, left)", "Number.POSITIVE_INFINITY"]
      ),
      ...inFile(
        "src/layers/sql/cut.ts",
        ["socketOf(open)?.destroy()", "undefined"],
        ["socketOf(connection) === undefined", "false"]
      ),
      ...inFile(
        "src/layers/sql/transaction.ts",
        ['failureKind(error) !== "unavailable"', 'failureKind(error) === "busy"'],
        ["Effect.interruptible, Effect.forkScoped", "Effect.forkScoped"],
        ['failureKind(error) === "disconnected" ? new CommitLost', "false ? new CommitLost"],
        ["isCommitLost(error) || again(error)", "again(error)"]
      ),
      ...inFile(
        "src/layers/sql/reservationTable.ts",
        ["sql`lease = ${lease}`,", ""],
        ["CASE WHEN lease = ${lease} THEN 0 ELSE 1 END, ", ""],
        ["return taken ?? (yield*", "return (yield*"]
      ),
      ...inFile(
        "src/layers/sql/storing.ts",
        ['${sql.in("lease", tokens)}', "lease = ${tokens.at(-1)}"],
        ['stored.length > 0 ? ("stored"', 'true ? ("stored"'],
        ["stored.length > 0 ?", "false ?"],
        ["const known = [...tokens, lease]", "const known = [lease]"],
        ["if (left() <= waitMs) return yield* lost\n", "return yield* lost\n"],
        ["settle([lease], left, error))", "Effect.fail(error))"]
      )
    ]
  }
]
