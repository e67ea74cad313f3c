/**
 * A database in memory that can be put back to what it was: it remembers its calls. The databases in memory change in single steps
 * that depend on nothing but their arguments and the time, so the same calls at the same times make the same database again.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as MemoryBackupDb from "../../../../src/layers/testing/MemoryBackupDb.js"
import * as MemoryClientDb from "../../../../src/layers/testing/MemoryClientDb.js"
import { newTables } from "../../../../src/layers/testing/memoryTables.js"
import { KeyIndex } from "../../../../src/schema/Ids.js"
import type { BackupDb } from "../../../../src/services/BackupDb.js"
import type { ClientDb } from "../../../../src/services/ClientDb.js"

interface Services {
  readonly clientDb: ClientDb.Service
  readonly db: BackupDb.Service
}

type Method = (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>

interface Call {
  readonly port: keyof Services
  readonly name: string
  readonly args: ReadonlyArray<unknown>
  readonly at: number
}

/** Calls that change nothing need not be repeated. */
const isRead = (name: string) => /^(list|load|find|count|summarize|progress|towerNeeds)/.test(name)

const open: Effect.Effect<Services> = Effect.gen(function* () {
  const tables = newTables()
  const clientDb = yield* MemoryClientDb.makeOver(tables, { firstKeyIndex: KeyIndex.make(1) })
  return { clientDb, db: MemoryBackupDb.makeOver(tables) }
})

export interface RecordedDatabase extends Services {
  /** How many calls have changed it. */
  readonly calls: Effect.Effect<number>
  /** Makes it what it was after so many calls. */
  readonly restore: (calls: number) => Effect.Effect<void>
}

export const make: Effect.Effect<RecordedDatabase> = Effect.gen(function* () {
  const clock = yield* Effect.clock
  let now = yield* open
  let calls: Array<Call> = []

  /** In one step: a call that was remembered and not yet done would be done twice by a copy. */
  const at = (instant: number, effect: Effect.Effect<unknown, unknown>): Exit.Exit<unknown, unknown> => {
    const unsafeCurrentTimeMillis = () => instant
    const standing = { ...clock, unsafeCurrentTimeMillis, currentTimeMillis: Effect.succeed(instant) }
    return Effect.runSyncExit(Effect.withClock(effect, standing))
  }
  const run = (call: Call) => at(call.at, (Reflect.get(now[call.port], call.name) as Method)(...call.args))

  const recorded = <Service extends object>(port: keyof Services, service: Service): Service => {
    const members = Object.entries(service).map(([name, member]) => [
      name,
      typeof member === "function"
        ? (...args: ReadonlyArray<unknown>) =>
            Effect.suspend(() => {
              const call = { port, name, args, at: clock.unsafeCurrentTimeMillis() }
              if (!isRead(name)) calls.push(call)
              return run(call)
            })
        : Effect.suspend(() => at(clock.unsafeCurrentTimeMillis(), Reflect.get(now[port], name)))
    ])
    // The same members with the same types; `fromEntries` does not say so.
    return Object.fromEntries(members) as unknown as Service
  }

  return {
    clientDb: recorded("clientDb", now.clientDb),
    db: recorded("db", now.db),
    calls: Effect.sync(() => calls.length),
    restore: (count) =>
      Effect.map(open, (opened) => {
        now = opened
        calls = calls.slice(0, count)
        for (const call of calls) run(call)
      })
  }
})

/** A database that remembers nothing, for worlds in which it is never put back. */
export const unrecorded: Effect.Effect<RecordedDatabase> = Effect.map(open, (services) => ({
  ...services,
  calls: Effect.succeed(0),
  restore: () => Effect.dieMessage("this database is not recorded")
}))
