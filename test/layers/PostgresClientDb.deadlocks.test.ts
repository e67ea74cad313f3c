/** Deadlocks that Postgres itself finds, with the adapter's transaction as the victim. */
import { SqlClient, SqlError } from "@effect/sql"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Fiber, Predicate, Redacted } from "effect"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import * as SqlClientDb from "../../src/layers/SqlClientDb.js"
import { address, identity, policy, publicKey, session, update } from "../services/ClientDb/samples.js"
import * as Postgres from "./sql/postgres.js"
import { around } from "./sql/recording.js"

const server = await Postgres.start()

afterAll(() => server?.stop())

/** Where a store meets a rival: before this statement of it the rival has what the statement needs. */
interface Crossing {
  readonly at: string
  readonly rivalHolds: string
  readonly prepare?: string
}

/** The reservation that is being stored; the store has locked it before. */
const rivalWants = "SELECT 1 FROM wt_reservation FOR UPDATE"

const crossings: ReadonlyArray<readonly [title: string, crossing: Crossing]> = [
  ["a statement", { at: "UPDATE wt_identity", rivalHolds: "SELECT 1 FROM wt_identity FOR UPDATE" }],
  [
    "COMMIT",
    {
      at: "COMMIT",
      rivalHolds: "SELECT 1 FROM turnstile FOR UPDATE",
      prepare: `
        CREATE TABLE turnstile (id INTEGER);
        INSERT INTO turnstile VALUES (1);
        CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM 1 FROM turnstile FOR UPDATE;
          RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER pass AFTER INSERT ON wt_session
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pass();`
    }
  ]
]

/** The address, and how long its transactions wait before they look for a deadlock: the one that looks is the victim. */
const looksAfter = (url: string, deadlockTimeout: string) => {
  const to = new URL(url)
  to.searchParams.set("options", `${to.searchParams.get("options")} -c deadlock_timeout=${deadlockTimeout}`)
  return to.toString()
}

const codeOf = (error: unknown) =>
  error instanceof SqlError.SqlError && Predicate.hasProperty(error.cause, "code") ? error.cause.code : error

/** Stores a session while that number of attempts meets a rival; also what those attempts failed with, and whether it is stored. */
const store = (crossing: Crossing, rivals: number, storeTimeout: Duration.DurationInput) =>
  Effect.gen(function* () {
    const url = yield* Postgres.newSchema(server?.url ?? "")
    const rival = yield* Effect.flatMap(Postgres.connect(looksAfter(url, "1h")), (sql) => sql.reserve)
    const observer = yield* Postgres.connect(url)
    const say = (text: string) => Effect.orDie(rival.execute(text, [], undefined))
    const [self] = yield* say("SELECT pg_backend_pid() AS pid")
    const rivalWaits = observer`
      SELECT 1 FROM pg_stat_activity WHERE pid = ${self?.pid} AND wait_event_type = 'Lock'`.pipe(
      Effect.repeat({ until: (rows) => rows.length > 0 }),
      Effect.orDie
    )

    const failures: Array<unknown> = []
    const meet = <A, E>(statement: Effect.Effect<A, E>) =>
      Effect.gen(function* () {
        yield* say("BEGIN")
        yield* say(crossing.rivalHolds)
        const waiting = yield* Effect.fork(say(rivalWants))
        yield* rivalWaits
        const exit = yield* Effect.exit(
          Effect.tapError(statement, (error) => Effect.sync(() => failures.push(codeOf(error))))
        )
        // Everything that the victim had locked is free now.
        yield* Fiber.join(waiting)
        yield* say("ROLLBACK")
        return yield* exit
      })

    let storing = false
    let left = rivals
    const client = yield* PostgresClientDb.client({ url: Redacted.make(looksAfter(url, "10ms")), storeTimeout })
    const crossed = around(client, (text, statement) =>
      Effect.suspend(() => {
        storing ||= text.includes("INSERT INTO wt_session")
        if (!storing || left === 0 || !text.includes(crossing.at)) return statement
        left -= 1
        storing = false
        return meet(statement)
      })
    )
    const db = yield* SqlClientDb.make({ storeTimeout }).pipe(Effect.provideService(SqlClient.SqlClient, crossed))
    yield* db.bindIdentity(identity)
    const tower = yield* db.createTower(publicKey(1), address(1))
    const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
    yield* Effect.orDie(observer.unsafe(crossing.prepare ?? "SELECT 1"))
    const outcome = yield* Effect.either(db.createClientSession(session(tower, held), held, update(tower)))
    left = 0
    const next = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
    return { outcome, failures, stored: yield* db.listClientSessions(), next: next.keyIndex - held.keyIndex }
  })

describe.skipIf(server === undefined).concurrent("a store that is the victim of a deadlock", () => {
  for (const [title, crossing] of crossings) {
    it.scopedLive(`at ${title} is done again, and stored once`, () =>
      Effect.gen(function* () {
        const { failures, next, outcome, stored } = yield* store(crossing, 2, "20 seconds")
        assert.deepStrictEqual(failures, ["40P01", "40P01"])
        assert.strictEqual(outcome._tag, "Right")
        assert.strictEqual(stored.length, 1)
        // One next index was reserved by the transaction that went through, and none by the victims.
        assert.strictEqual(next, 1)
      })
    )

    it.scopedLive(`at ${title} again and again ends as busy within storeTimeout, and nothing is stored`, () =>
      Effect.gen(function* () {
        const { failures, next, outcome, stored } = yield* store(crossing, Number.POSITIVE_INFINITY, "3 seconds")
        assert.isAbove(failures.length, 2)
        assert.deepStrictEqual(new Set(failures), new Set(["40P01"]))
        assert.strictEqual(outcome._tag === "Left" ? outcome.left._tag : "stored", "DatabaseBusy")
        assert.deepStrictEqual(stored, [])
        assert.strictEqual(next, 1)
      })
    )
  }
})
