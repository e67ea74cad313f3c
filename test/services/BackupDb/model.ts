/** Random operations, done by the database in memory and by another one: the first is the model of the second. */
import { assert } from "@effect/vitest"
import { Clock, Context, Effect, ExecutionStrategy, Exit, FastCheck, Scope, TestClock } from "effect"
import type { Services } from "../../../src/layers/SqlClientDb.js"
import * as MemoryBackupDb from "../../../src/layers/testing/MemoryBackupDb.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import { newTables } from "../../../src/layers/testing/memoryTables.js"
import type { ClientSession } from "../../../src/schema/ClientSession.js"
import { type Route, TowerId } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import { type Backlog, BackupId, type BoundUpdate, SenderToken } from "../../../src/schema/StoredBackup.js"
import { BackupDb } from "../../../src/services/BackupDb.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import type { Elapse } from "../ClientDb/contract.js"
import { address, identity, publicKey, start } from "../ClientDb/samples.js"
import { addSession } from "./contract.js"
import { backup, channel, channelId, height, long, short } from "./samples.js"

type Command =
  | {
      readonly _tag: "register" | "close" | "addTower" | "removeTower" | "deactivateTower" | "pause" | "restart"
      readonly n: number
    }
  | {
      readonly _tag: "add"
      readonly n: number
      readonly at: number
      readonly copies: number
      readonly short: boolean
      readonly transaction: number
    }
  | { readonly _tag: "ineligible"; readonly n: number; readonly at: number }
  | { readonly _tag: "session"; readonly n: number; readonly short: boolean; readonly tor: boolean }
  | {
      readonly _tag: "window"
      readonly which: number
      readonly confirmed: number
      readonly limit: number
      readonly after: number
      readonly stalled: boolean
      readonly tor: boolean
      readonly token: number
    }
  | { readonly _tag: "fail" | "refuse" | "terminate"; readonly which: number; readonly token: number }
  | { readonly _tag: "end"; readonly which: number; readonly lost: boolean; readonly token: number }
  | { readonly _tag: "take" | "renew" | "drop"; readonly token: number }
  | {
      readonly _tag: "useful"
      readonly serving: ReadonlyArray<number>
      readonly after: number
      readonly short: boolean
      readonly stalled: boolean
      readonly tor: boolean
    }

const record = <T extends Command["_tag"], F extends object>(
  weight: number,
  tag: T,
  fields: { [K in keyof F]: FastCheck.Arbitrary<F[K]> }
) => ({ weight, arbitrary: FastCheck.record({ _tag: FastCheck.constant(tag), ...fields }) })

const often = <A>(usual: A, ...others: ReadonlyArray<A>) =>
  FastCheck.oneof(
    { weight: 8, arbitrary: FastCheck.constant(usual) },
    { weight: 1, arbitrary: FastCheck.constantFrom(...others) }
  )

// Two channels, few heights and three towers, so that states meet sessions.
const n = FastCheck.integer({ min: 1, max: 2 })
const at = FastCheck.nat({ max: 9 })
const tower = FastCheck.integer({ min: 1, max: 3 })
const which = FastCheck.nat({ max: 5 })
const token = often(0, 1)
const isRare = often(false, true)

const command: FastCheck.Arbitrary<Command> = FastCheck.oneof(
  record(1, "register", { n }),
  record(1, "close", { n: often(9, 1, 2) }),
  record(2, "addTower", { n: tower }),
  record(1, "removeTower", { n: tower }),
  record(1, "deactivateTower", { n: tower }),
  record(2, "pause", { n: FastCheck.constantFrom(10_000, 40_000, -20_000) }),
  record(1, "restart", { n }),
  record(10, "add", {
    n,
    at,
    copies: FastCheck.integer({ min: 1, max: 3 }),
    short: isRare,
    transaction: often(0, 1)
  }),
  record(1, "ineligible", { n, at }),
  record(2, "session", { n: tower, short: isRare, tor: isRare }),
  record(24, "window", {
    which,
    confirmed: FastCheck.constantFrom(0, 1, 3, 4, 4, 5),
    limit: FastCheck.nat({ max: 4 }),
    after: often(0, 1, 2, 5),
    stalled: FastCheck.boolean(),
    tor: isRare,
    token
  }),
  record(3, "fail", { which, token }),
  record(1, "refuse", { which, token }),
  record(1, "terminate", { which, token }),
  record(1, "end", { which, lost: FastCheck.boolean(), token }),
  record(2, "take", { token }),
  record(2, "renew", { token }),
  record(1, "drop", { token: often(1, 0) }),
  record(4, "useful", {
    serving: FastCheck.uniqueArray(tower, { maxLength: 2 }),
    after: often(0, 1, 2, 5),
    short: isRare,
    stalled: FastCheck.boolean(),
    tor: isRare
  })
)

/** Random operations. */
export const commands = FastCheck.array(command, { minLength: 40, maxLength: 120, size: "max" })

type Failure = Error & { readonly _tag: string }

const senders = [SenderToken.make("one"), SenderToken.make("two")] as const
const routeOf = (isTor: boolean): Route => (isTor ? "tor" : "clear")
const policyOf = (isShort: boolean) => (isShort ? short : long)

/** What one database answers. */
const player = (context: Context.Context<Services>) => {
  const clients = Context.get(context, ClientDb)
  const db = Context.get(context, BackupDb)

  const act = (next: Command, sessions: ReadonlyArray<ClientSession>, bound: ReadonlyArray<BoundUpdate>) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      // What has failed for 10 seconds.
      const since = (stalled: boolean) => (stalled ? now - 10_000 : 0)
      const session = "which" in next ? sessions[next.which % Math.max(1, sessions.length)] : undefined
      const sender = "token" in next ? senders[next.token === 0 ? 0 : 1] : senders[0]
      switch (next._tag) {
        case "register":
          return yield* db.registerChannel(channel(next.n))
        case "close":
          return yield* db.closeChannel(channelId(next.n))
        case "addTower":
          return yield* clients.createTower(publicKey(next.n), address(next.n))
        case "removeTower":
          return yield* clients.removeTower(publicKey(next.n))
        case "deactivateTower":
          return yield* clients.deactivateTower(publicKey(next.n))
        case "add":
          return yield* db.addBackup(backup(next.n, next.at, { ...next, of: policyOf(next.short) }))
        case "ineligible":
          return yield* db.addIneligible(channelId(next.n), height(next.at))
        case "session": {
          const tower = yield* clients.loadTower(publicKey(next.n))
          return yield* addSession(clients, tower, policyOf(next.short), routeOf(next.tor))
        }
        case "take":
          return yield* db.takeSenderLease(sender)
        case "renew":
          return yield* db.renewSenderLease(sender)
        case "drop":
          return yield* db.dropSenderLease(sender)
        case "useful":
          return yield* db.towerNeeds({
            policyKey: Policy.keyOf(policyOf(next.short)),
            route: routeOf(next.tor),
            serving: next.serving.map((n) => TowerId.make(n)),
            towers: [1, 2, 3].map((n) => ({
              towerId: TowerId.make(n),
              after: next.after === 0 ? undefined : BackupId.make(next.after)
            })),
            stalledSince: since(next.stalled)
          })
        case "pause":
        case "restart":
          return
      }
      if (session === undefined) return
      switch (next._tag) {
        case "window": {
          // As many as that of what was answered last; what was not given out cannot be confirmed.
          const acked = bound[Math.min(next.confirmed, bound.length) - 1]?.seqNum ?? 0
          return yield* db.nextWindow(sender, session.keyIndex, {
            acked: next.confirmed === 5 ? 0xffff : acked,
            limit: next.limit,
            after: next.after === 0 ? undefined : BackupId.make(next.after),
            route: routeOf(next.tor),
            stalledSince: since(next.stalled)
          })
        }
        case "fail":
          return yield* db.noteFailure(sender, session.keyIndex, now)
        case "refuse":
          return yield* db.noteRefusal(sender, session.keyIndex)
        case "terminate":
          return yield* db.terminateSession(session.id)
        case "end":
          return yield* db.endSession(sender, session.keyIndex, next.lost ? "lost" : "terminal")
      }
    }).pipe(Effect.catchAll((error: Failure) => Effect.succeed(`${error._tag}: ${error.message}`)))

  const byPolicy = (found: ReadonlyArray<Backlog>) =>
    [...found].sort((one, other) => (one.policyKey < other.policyKey ? -1 : 1))

  const everything = Effect.all({
    channels: db.listChannels(),
    states: Effect.forEach([1, 2], (n) =>
      Effect.forEach([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], (at) =>
        Effect.all([
          Effect.map(db.findState(channelId(n), height(at)), (found) => ({ ...found })),
          db.progress(channelId(n), height(at))
        ])
      )
    ),
    missing: Effect.forEach([1, 2], (n) => Effect.map(db.missing(channelId(n)), byPolicy)),
    backlog: Effect.map(db.backlog, byPolicy),
    clear: db.listSending("clear"),
    tor: db.listSending("tor"),
    acked: Effect.forEach([1, 2, 3], (n) =>
      Effect.all([db.listAcked(TowerId.make(n), "clear"), db.listAcked(TowerId.make(n), "tor")])
    ),
    sessions: clients.listClientSessions(),
    counts: clients.countClientSessions,
    towers: clients.listTowers
  })

  return { act, everything }
}

/** Both do the same. `open` opens the other database, which is empty at first, and again for each restart. */
export const agree = <E>(
  commands: ReadonlyArray<Command>,
  open: Effect.Effect<Context.Context<Services>, E, Scope.Scope>,
  elapse: typeof Elapse.Service
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(start)
    const tables = newTables()
    const memory = Context.make(ClientDb, yield* MemoryClientDb.makeOver(tables)).pipe(
      Context.add(BackupDb, MemoryBackupDb.makeOver(tables))
    )
    const model = player(memory)
    const outer = yield* Effect.scope
    const newScope = Scope.fork(outer, ExecutionStrategy.sequential)
    let scope = yield* newScope
    let context = yield* Scope.extend(open, scope)
    let real = player(context)
    for (const each of [memory, context]) {
      yield* Context.get(each, ClientDb).bindIdentity(identity)
      for (const n of [1, 2]) yield* Context.get(each, BackupDb).registerChannel(channel(n))
      for (const n of [1, 2, 3]) yield* Context.get(each, ClientDb).createTower(publicKey(n), address(n))
      yield* Context.get(each, BackupDb).takeSenderLease(senders[0])
    }
    const sessions: Array<ClientSession> = []
    const windows = new Map<number, ReadonlyArray<BoundUpdate>>()
    const oneEach = [1, 2, 3].map((n): Command => ({ _tag: "session", n, short: false, tor: false }))
    for (const next of [...oneEach, ...commands]) {
      if (next._tag === "pause") {
        yield* TestClock.setTime((yield* TestClock.currentTimeMillis) + next.n)
        yield* elapse(next.n)
      }
      if (next._tag === "restart") {
        yield* Scope.close(scope, Exit.void)
        scope = yield* newScope
        context = yield* Scope.extend(open, scope)
        real = player(context)
      }
      const at = "which" in next ? next.which % Math.max(1, sessions.length) : -1
      const bound = windows.get(at) ?? []
      const wanted = yield* model.act(next, sessions, bound)
      assert.deepStrictEqual(yield* real.act(next, sessions, bound), wanted, JSON.stringify(next))
      if (next._tag === "session" && typeof wanted === "object") sessions.push(wanted as ClientSession)
      if (next._tag === "window" && typeof wanted === "object") windows.set(at, wanted as ReadonlyArray<BoundUpdate>)
    }
    assert.deepStrictEqual(yield* real.everything, yield* model.everything)
    yield* Scope.close(scope, Exit.void)
  })
