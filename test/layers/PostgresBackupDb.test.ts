import { SqlClient } from "@effect/sql"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Redacted } from "effect"
import * as PostgresClientDb from "../../src/layers/PostgresClientDb.js"
import type { Services } from "../../src/layers/SqlClientDb.js"
import * as SqlClientDb from "../../src/layers/SqlClientDb.js"
import type { ClientSession } from "../../src/schema/ClientSession.js"
import { type BoundUpdate, SenderToken } from "../../src/schema/StoredBackup.js"
import { BackupDb } from "../../src/services/BackupDb.js"
import { ClientDb } from "../../src/services/ClientDb.js"
import { addSession, addTower, never } from "../services/BackupDb/contract.js"
import { agree, commands } from "../services/BackupDb/model.js"
import { backup, channel, channelId, height, sender } from "../services/BackupDb/samples.js"
import { suite } from "../services/BackupDb/suite.js"
import { identity, start } from "../services/ClientDb/samples.js"
import * as Emptied from "./sql/emptied.js"
import * as Postgres from "./sql/postgres.js"
import * as Proxy from "./sql/postgresProxy.js"
import { around } from "./sql/recording.js"

const server = await Postgres.start()
const url = server?.url ?? "postgresql://127.0.0.1:1/none"
const newSchema = Postgres.newSchema(url)

const shared = Emptied.make(Effect.map(newSchema, (to) => ({ to })))

afterAll(async () => {
  await shared.dispose()
  await server?.stop()
})

/** A client with a channel, a tower and a session of it, which sends. */
const prepared = (services: Context.Context<Services>) =>
  Effect.gen(function* () {
    const clients = Context.get(services, ClientDb)
    const db = Context.get(services, BackupDb)
    yield* clients.bindIdentity(identity)
    yield* db.registerChannel(channel(1))
    const tower = yield* addTower(clients, 1)
    const session = yield* addSession(clients, tower)
    yield* db.takeSenderLease(sender)
    return { clients, db, session, tower }
  })

const window = (db: BackupDb.Service, { keyIndex }: ClientSession, request: Partial<BackupDb.WindowRequest> = {}) =>
  db.nextWindow(sender, keyIndex, { acked: 0, limit: 4, route: "clear", stalledSince: never, ...request })

const heights = (found: ReadonlyArray<BoundUpdate>) => found.map(({ commitHeight }) => Number(commitHeight))
const upTo = (n: number) => Array.from({ length: n }, (_, at) => at + 1)

describe.skipIf(server === undefined)("BackupDb in Postgres", () => {
  suite("the suite", shared.layer)

  it.scoped.prop(
    "answers the same as memory to anything, also over restarts",
    [commands],
    ([some]) =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const sql = yield* Postgres.connect(to)
        yield* agree(some, PostgresClientDb.services({ url: Redacted.make(to) }), Emptied.elapseOf(sql))
      }),
    { fastCheck: { numRuns: 6 } }
  )

  describe("several processes", () => {
    const opened = (to: string) => PostgresClientDb.services({ url: Redacted.make(to), maxConnections: 4 })

    it.scopedLive("confirm states of a channel while another one hands a state of it in", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const client = yield* PostgresClientDb.client({ url: Redacted.make(to) })
        const locked = yield* Deferred.make<void>()
        const confirmed = yield* Deferred.make<void>()
        let isHandingIn = false
        const paused = around(client, (text, statement) =>
          isHandingIn && text.includes("closed FROM wt_channel")
            ? Effect.tap(statement, () =>
                Effect.zipRight(Deferred.succeed(locked, undefined), Deferred.await(confirmed))
              )
            : statement
        )
        const { db } = yield* prepared(
          yield* Effect.provideService(SqlClientDb.services(), SqlClient.SqlClient, paused)
        )
        isHandingIn = true
        const handing = yield* Effect.fork(db.addBackup(backup(1, 1)))
        yield* Deferred.await(locked)
        // The lock that a row takes which refers to the channel, such as a confirmed state.
        const sql = yield* Postgres.connect(to)
        const shared = yield* Effect.either(sql`SELECT id FROM wt_channel FOR KEY SHARE NOWAIT`)
        yield* Deferred.succeed(confirmed, undefined)
        yield* Fiber.join(handing)
        assert.strictEqual(shared._tag, "Right")
      })
    )

    it.scopedLive("that are handed the same states store each once, and refuse another transaction of it", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const { db, session } = yield* prepared(yield* opened(to))
        const other = Context.get(yield* opened(to), BackupDb)
        const results = yield* Effect.forEach(
          upTo(20).flatMap((at) => [
            Effect.either(db.addBackup(backup(1, at))),
            Effect.either(other.addBackup(backup(1, at))),
            Effect.either(other.addBackup(backup(1, at, { transaction: 1 })))
          ]),
          (add) => add,
          { concurrency: "unbounded" }
        )
        const errors = results.flatMap((result) => (result._tag === "Left" ? [result.left._tag] : []))
        assert.deepStrictEqual(new Set(errors), new Set(["OtherTransaction"]))
        // Of each state either both of one transaction were taken, or the other one.
        assert.isAtLeast(errors.length, 20)
        assert.deepStrictEqual(
          heights(yield* window(db, session, { limit: 99 })).sort((a, b) => a - b),
          upTo(20)
        )
      })
    )

    it.scopedLive("make backups visible in the order of their ids, so that a cursor passes none", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const { db, session } = yield* prepared(yield* opened(to))
        yield* db.registerChannel(channel(2))
        const [reached, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const slow = around(yield* PostgresClientDb.client({ url: Redacted.make(to) }), (text, statement) =>
          text.includes("INSERT INTO wt_backup")
            ? Effect.zipLeft(statement, Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(goOn)))
            : statement
        )
        const other = Context.get(
          yield* Effect.provideService(SqlClientDb.services(), SqlClient.SqlClient, slow),
          BackupDb
        )
        const first = yield* Effect.fork(other.addBackup(backup(1, 1)))
        yield* Deferred.await(reached)
        // Another channel: no row but the counter's is in its way.
        const second = yield* Effect.fork(db.addBackup(backup(2, 1)))
        const sql = yield* Postgres.connect(to)
        const waits = sql`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`.pipe(
          Effect.repeat({ until: (rows) => rows.length > 0 })
        )
        yield* Effect.race(Fiber.await(second), waits)
        assert.deepStrictEqual(yield* window(db, session), [])
        yield* Deferred.succeed(goOn, undefined)
        yield* Fiber.joinAll([first, second])
        const bound = yield* window(db, session)
        assert.deepStrictEqual(
          bound.map(({ backupId, channelId }) => [Number(backupId), channelId]),
          [
            [1, channelId(1)],
            [2, channelId(2)]
          ]
        )
      })
    )

    it.scopedLive("that hand in, send, give up, remove and add at once lose nothing and do not block each other", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const { clients, db, tower } = yield* prepared(yield* opened(to))
        const other = yield* opened(to)
        const theirs = Context.get(other, BackupDb)
        const [two, three] = [yield* addTower(clients, 2), yield* addTower(clients, 3)]
        yield* db.registerChannel(channel(2))
        const handIn = (service: BackupDb.Service) =>
          Effect.forEach(upTo(40), (at) =>
            Effect.forEach([1, 2], (n) => service.addBackup(backup(n, at, { copies: 2 })))
          )
        const send = (at: typeof tower) =>
          Effect.forEach(upTo(8), (round) =>
            Effect.gen(function* () {
              const session = yield* addSession(clients, at)
              const bound = yield* window(db, session, { limit: 16 })
              const acked = bound.at(-1)?.seqNum ?? 0
              yield* window(db, session, { acked: Math.max(0, acked - (round % 3)), limit: 8 })
              yield* round % 2 === 0
                ? theirs.terminateSession(session.id)
                : db.endSession(sender, session.keyIndex, round === 5 ? "lost" : "terminal")
            }).pipe(Effect.catchTag("SessionEnded", () => Effect.void))
          )
        const comeAndGo = Effect.forEach(upTo(8), () =>
          Effect.andThen(
            Context.get(other, ClientDb).removeTower(three.publicKey),
            addTower(Context.get(other, ClientDb), 3)
          )
        )
        yield* Effect.all([handIn(db), handIn(theirs), send(tower), send(two), send(three), comeAndGo], {
          concurrency: "unbounded",
          discard: true
        })
        // A tower that went while one of its sessions was sent to has states bound there, which are kept for that alone.
        for (const { keyIndex } of yield* clients.listClientSessions({ towerId: three.id, limit: 1000 })) {
          yield* db.endSession(sender, keyIndex, "terminal")
        }
        // All that is left goes to two towers that take everything.
        for (const at of [tower, two]) {
          const session = yield* addSession(clients, at)
          const rest = yield* window(db, session, { limit: 1024 })
          yield* window(db, session, { acked: rest.length })
        }
        const summaries = yield* db.listChannels()
        for (const { complete, handedIn, lost, missing } of summaries) {
          assert.deepStrictEqual([handedIn, complete + lost, missing], [40, 40, 0])
        }
        assert.deepStrictEqual(yield* db.backlog, [])
      })
    )

    it.scopedLive("hand states in without waiting for a window of their channel that is confirmed", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const { db, session } = yield* prepared(yield* opened(to))
        const [reached, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const slow = around(yield* PostgresClientDb.client({ url: Redacted.make(to) }), (text, statement) =>
          text.includes('INSERT INTO "wt_acked"')
            ? Effect.zipLeft(statement, Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(goOn)))
            : statement
        )
        const sending = Context.get(
          // Time enough that no attempt of the window ends before the state is stored.
          yield* Effect.provideService(SqlClientDb.services({ storeTimeout: "1 minute" }), SqlClient.SqlClient, slow),
          BackupDb
        )
        yield* db.addBackup(backup(1, 1))
        yield* window(db, session)
        const confirming = yield* Effect.fork(window(sending, session, { acked: 1 }))
        yield* Deferred.await(reached)
        yield* Effect.ensuring(db.addBackup(backup(1, 2)), Deferred.succeed(goOn, undefined))
        assert.deepStrictEqual(heights(yield* Fiber.join(confirming)), [2])
      })
    )

    it.scopedLive("do not become the sender while a window is bound", () =>
      Effect.gen(function* () {
        const to = yield* newSchema
        const { session } = yield* prepared(yield* opened(to))
        const [reached, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const slow = around(yield* PostgresClientDb.client({ url: Redacted.make(to) }), (text, statement) =>
          text.includes("INSERT INTO wt_update")
            ? Effect.zipRight(Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(goOn)), statement)
            : statement
        )
        const mine = Context.get(
          yield* Effect.provideService(SqlClientDb.services(), SqlClient.SqlClient, slow),
          BackupDb
        )
        const other = Context.get(yield* opened(to), BackupDb)
        yield* other.addBackup(backup(1, 1))
        const binding = yield* Effect.fork(window(mine, session))
        yield* Deferred.await(reached)
        const next = SenderToken.make("next")
        // Its row is locked; given back by hand, it is free only when the window is stored.
        const taking = yield* Effect.fork(Effect.andThen(other.dropSenderLease(sender), other.takeSenderLease(next)))
        yield* Deferred.succeed(goOn, undefined)
        assert.deepStrictEqual(heights(yield* Fiber.join(binding)), [1])
        assert.isTrue(yield* Fiber.join(taking))
        assert.strictEqual((yield* Effect.flip(window(mine, session)))._tag, "NotSender")
      })
    )
  })

  describe.concurrent("is done once, whatever its COMMIT meets:", () => {
    const faults: ReadonlyArray<ReadonlyArray<Proxy.Fault>> = [
      ["answer lost"],
      ["commit lost"],
      ["reset"],
      ["late"],
      ["reset", "late", "reset"]
    ]
    interface Scene extends Effect.Effect.Success<ReturnType<typeof prepared>> {
      readonly fail: Effect.Effect<void>
    }
    const bodies: ReadonlyArray<readonly [string, (scene: Scene) => Effect.Effect<void, unknown>]> = [
      [
        "a state is handed in",
        ({ db, fail, session }) =>
          Effect.gen(function* () {
            yield* fail
            yield* db.addBackup(backup(1, 1))
            assert.deepStrictEqual(heights(yield* window(db, session)), [1])
          })
      ],
      [
        "a state is ineligible",
        ({ db, fail }) =>
          Effect.gen(function* () {
            yield* fail
            yield* db.addIneligible(channelId(1), height(1))
            assert.deepInclude(yield* db.summarize(channelId(1)), { handedIn: 1, ineligible: 1 })
          })
      ],
      [
        "a window is bound",
        ({ db, fail, session }) =>
          Effect.gen(function* () {
            for (const at of upTo(6)) yield* db.addBackup(backup(1, at))
            yield* fail
            const bound = yield* window(db, session)
            assert.deepStrictEqual(heights(bound), [1, 2, 3, 4])
            assert.deepStrictEqual(yield* window(db, session), bound)
          })
      ],
      [
        "a window is confirmed and the next one bound",
        ({ db, fail, session }) =>
          Effect.gen(function* () {
            for (const at of upTo(6)) yield* db.addBackup(backup(1, at))
            yield* window(db, session)
            yield* fail
            const bound = yield* window(db, session, { acked: 4 })
            assert.deepStrictEqual(
              bound.map(({ commitHeight, seqNum }) => [seqNum, Number(commitHeight)]),
              [
                [5, 5],
                [6, 6]
              ]
            )
            assert.deepInclude(yield* db.summarize(channelId(1)), { complete: 4, missing: 2 })
          })
      ],
      [
        "a session is lost",
        ({ db, fail, session }) =>
          Effect.gen(function* () {
            for (const at of upTo(3)) yield* db.addBackup(backup(1, at))
            yield* window(db, session, { limit: 2 })
            yield* window(db, session, { acked: 1, limit: 0 })
            yield* fail
            const ended = yield* db.endSession(sender, session.keyIndex, "lost")
            assert.include([0, 1], ended.lost)
            assert.deepInclude(yield* db.summarize(channelId(1)), { complete: 0, missing: 2, lost: 1 })
          })
      ],
      [
        "a lost state is handed in again",
        ({ clients, db, fail, session, tower }) =>
          Effect.gen(function* () {
            yield* db.addBackup(backup(1, 1))
            yield* window(db, session)
            yield* window(db, session, { acked: 1 })
            yield* db.endSession(sender, session.keyIndex, "lost")
            yield* fail
            yield* db.addBackup(backup(1, 1))
            const next = yield* addSession(clients, tower)
            assert.deepStrictEqual(heights(yield* window(db, next)), [1])
          })
      ],
      [
        "a session is given up",
        ({ db, fail, session }) =>
          Effect.gen(function* () {
            yield* db.addBackup(backup(1, 1))
            yield* window(db, session)
            yield* fail
            yield* db.terminateSession(session.id)
            assert.deepStrictEqual(yield* db.terminateSession(session.id), { reopened: 0, lost: 0 })
            assert.deepInclude(yield* db.summarize(channelId(1)), { missing: 1 })
          })
      ],
      [
        "a refusal is counted",
        ({ db, fail, session }) =>
          Effect.gen(function* () {
            yield* fail
            assert.strictEqual(yield* db.noteRefusal(sender, session.keyIndex), 1)
            assert.strictEqual(yield* db.noteRefusal(sender, session.keyIndex), 2)
          })
      ],
      [
        "a failure is noted",
        ({ db, fail, session }) =>
          Effect.gen(function* () {
            yield* db.addBackup(backup(1, 1))
            yield* window(db, session)
            yield* fail
            yield* db.noteFailure(sender, session.keyIndex, start)
            const [found] = yield* db.listSending("clear")
            assert.strictEqual(found?.failingSince, start)
          })
      ],
      [
        "the lease is taken",
        ({ db, fail }) =>
          Effect.gen(function* () {
            yield* db.dropSenderLease(sender)
            yield* fail
            assert.isTrue(yield* db.takeSenderLease(sender))
          })
      ],
      [
        "the lease is renewed",
        ({ db, fail }) =>
          Effect.gen(function* () {
            yield* fail
            assert.isTrue(yield* db.renewSenderLease(sender))
          })
      ]
    ]
    for (const [title, body] of bodies) {
      for (const some of faults) {
        it.scopedLive(`${title} (${some.join(", ")})`, () =>
          Effect.gen(function* () {
            const proxy = yield* Proxy.make(yield* newSchema)
            const services = yield* PostgresClientDb.services({
              url: Redacted.make(proxy.url),
              storeTimeout: "10 seconds"
            })
            yield* body({ ...(yield* prepared(services)), fail: proxy.inject(...some) })
          })
        )
      }
    }
  })
})
