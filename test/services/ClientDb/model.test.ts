import { assert, it } from "@effect/vitest"
import { Effect, FastCheck, TestClock } from "effect"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import { altruistAnchorCommit } from "../../../src/schema/BlobType.js"
import { KeyIndex, maxKeyIndex, type PublicKey, type Route, TowerId } from "../../../src/schema/Ids.js"
import type { Reservation } from "../../../src/schema/Reservation.js"
import * as Standing from "../../../src/schema/Standing.js"
import { Tower } from "../../../src/schema/Tower.js"
import type { TowerAddress } from "../../../src/schema/TowerAddress.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { address, identity, policy, policyKey, publicKey, session, start } from "./samples.js"

/** The two databases do the same in every sequence of calls: the one in memory is the model of the one in SQL. */
type Command =
  | { readonly _tag: "add"; readonly tower: PublicKey; readonly address: TowerAddress }
  | { readonly _tag: "deactivate"; readonly tower: PublicKey }
  | { readonly _tag: "remove"; readonly tower: PublicKey; readonly address: TowerAddress | undefined }
  | {
      readonly _tag: "take"
      readonly tower: number
      readonly blobType: typeof policy.blobType
      readonly route: Route
      readonly force: number | undefined
      readonly left: ReadonlyArray<number>
    }
  | { readonly _tag: "free"; readonly which: number; readonly restMs: number; readonly failures: number }
  | { readonly _tag: "end"; readonly which: number; readonly failures: number }
  | { readonly _tag: "store"; readonly which: number; readonly tower: number | undefined; readonly failures: number }
  | { readonly _tag: "skip"; readonly count: number }
  | { readonly _tag: "pass"; readonly ms: number }

// Few towers and mostly one triple, so that reservations meet.
const often = <A>(usual: A, ...others: ReadonlyArray<A>) =>
  FastCheck.oneof(
    { weight: 6, arbitrary: FastCheck.constant(usual) },
    { weight: 1, arbitrary: FastCheck.constantFrom(...others) }
  )
const towerNumber = often(1, 2, 3, 4)
const anyTower = FastCheck.integer({ min: 1, max: 3 }).map(publicKey)
const anyAddress = FastCheck.integer({ min: 1, max: 3 }).map(address)
const which = FastCheck.nat({ max: 5 })
const failures = FastCheck.nat({ max: 9 })

const command: FastCheck.Arbitrary<Command> = FastCheck.oneof(
  FastCheck.record({ _tag: FastCheck.constant("add" as const), tower: anyTower, address: anyAddress }),
  FastCheck.record({ _tag: FastCheck.constant("deactivate" as const), tower: anyTower }),
  FastCheck.record({
    _tag: FastCheck.constant("remove" as const),
    tower: anyTower,
    address: FastCheck.option(anyAddress, { nil: undefined, freq: 4 })
  }),
  {
    weight: 6,
    arbitrary: FastCheck.record({
      _tag: FastCheck.constant("take" as const),
      tower: towerNumber,
      blobType: often(policy.blobType, altruistAnchorCommit),
      route: often<Route>("clear", "tor"),
      force: FastCheck.option(which, { nil: undefined, freq: 3 }),
      left: FastCheck.array(which, { maxLength: 2 })
    })
  },
  {
    weight: 3,
    arbitrary: FastCheck.record({
      _tag: FastCheck.constant("free" as const),
      which,
      restMs: FastCheck.constantFrom(0, 0, 2000),
      failures
    })
  },
  FastCheck.record({ _tag: FastCheck.constant("end" as const), which, failures }),
  {
    weight: 3,
    arbitrary: FastCheck.record({
      _tag: FastCheck.constant("store" as const),
      which,
      tower: FastCheck.option(towerNumber, { nil: undefined, freq: 5 }),
      failures
    })
  },
  FastCheck.record({ _tag: FastCheck.constant("skip" as const), count: FastCheck.integer({ min: 1, max: 3 }) }),
  FastCheck.record({
    _tag: FastCheck.constant("pass" as const),
    ms: FastCheck.constantFrom(1, 1999, 2000, 60_000, 119_999, 120_000, -5000)
  })
)

/** A failure is what it says; two errors are not equal when their stacks are not. */
const said = <A, E extends DbFailure, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catchAll(effect, (error: DbFailure) => Effect.succeed(`${error._tag}: ${error.message}`))

type DbFailure = Error & { readonly _tag: string }

/** One database, with the reservations that it gave so far. */
const player = (db: ClientDb.Service) => {
  const taken: Array<Reservation> = []
  const pick = (n: number) => taken.at(-1 - (n % Math.max(1, taken.length)))
  const update = (towerId: TowerId, failedVisits: number): ClientDb.StandingUpdate => ({
    towerId,
    blobType: policy.blobType,
    policyKey,
    standing: {
      ...Standing.initial,
      failedVisits,
      lastVisit: start + 60_000,
      ...(failedVisits > 6 ? { quarantine: { since: start, reason: "WrongChain" as const } } : {})
    }
  })
  const withoutLease = ({ lease: _, ...row }: Reservation) => ({ ...row })

  const act = (next: Command) =>
    Effect.gen(function* () {
      switch (next._tag) {
        case "add":
          return yield* db.createTower(next.tower, next.address)
        case "remove":
          return yield* db.removeTower(next.tower, next.address)
        case "deactivate":
          return yield* db.deactivateTower(next.tower)
        case "take": {
          const forceNext = next.force === undefined ? undefined : pick(next.force)
          const left = next.left.map(pick).filter((found) => found !== undefined)
          const options = { forceNext, left }
          const reservation = yield* db.nextSessionKeyIndex(
            TowerId.make(next.tower),
            next.blobType,
            next.route,
            options
          )
          taken.push(reservation)
          return withoutLease(reservation)
        }
        case "free":
        case "end": {
          const reservation = pick(next.which)
          if (reservation === undefined) return
          const outcome = next._tag === "end" ? next : { _tag: next._tag, restMs: next.restMs }
          return yield* db.freeSessionKeyIndex(reservation, {
            outcome,
            update: update(reservation.towerId, next.failures)
          })
        }
        case "store": {
          const reservation = pick(next.which)
          if (reservation === undefined) return
          const id = next.tower === undefined ? reservation.towerId : TowerId.make(next.tower)
          const tower = new Tower({ id, publicKey: publicKey(id), addresses: [] })
          return yield* db.createClientSession(
            session(tower, reservation),
            reservation,
            update(reservation.towerId, next.failures)
          )
        }
        case "skip":
          return yield* db.skipSessionKeys(next.count)
        case "pass":
          return
      }
    }).pipe(said)

  const everything = Effect.all({
    towers: db.listTowers,
    sessions: Effect.map(db.listClientSessions(), (found) =>
      // The model of a tower's key is the number that created it; ids depend on the order.
      found.map(({ towerPublicKey: _, ...stored }) => ({ ...stored }))
    ),
    counts: db.countClientSessions,
    standings: db.loadStandings(policy.blobType, policyKey),
    next: said(db.skipSessionKeys(1))
  })

  return { act, everything }
}

it.scoped.prop(
  "memory and SQLite answer the same to anything",
  [
    FastCheck.array(command, { minLength: 20, maxLength: 80, size: "max" }),
    FastCheck.constantFrom(100, 100, 100, maxKeyIndex - 4)
  ],
  ([commands, first]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const memory = yield* MemoryClientDb.make()
      const sqlite = yield* SqliteClientDb.make({ filename: ":memory:" })
      const bound = { ...identity, firstKeyIndex: KeyIndex.make(first) }
      yield* Effect.all([memory.bindIdentity(bound), sqlite.bindIdentity(bound)])
      yield* Effect.all([memory, sqlite].map((db) => db.createTower(publicKey(1), address(1))))
      const model = player(memory)
      const real = player(sqlite)
      for (const next of commands) {
        if (next._tag === "pass") yield* TestClock.setTime((yield* TestClock.currentTimeMillis) + next.ms)
        assert.deepStrictEqual(yield* real.act(next), yield* model.act(next), next._tag)
      }
      assert.deepStrictEqual(yield* real.everything, yield* model.everything)
    }),
  { fastCheck: { numRuns: 60 } }
)
