/** What is done again and again leaves nothing in memory. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import * as MemoryClientDb from "../../src/layers/testing/MemoryClientDb.js"
import type { ClientDb } from "../../src/services/ClientDb.js"
import { address, identity, policy, policyKey, publicKey, update } from "../services/ClientDb/samples.js"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const used = Effect.sync(() => {
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
})

/** How many more bytes are in use after that number of rounds: the least of three runs, since other allocations come and go. */
const growth = <E>(rounds: number, round: (at: number) => Effect.Effect<unknown, E>) =>
  Effect.gen(function* () {
    const all = (from: number) =>
      Effect.iterate(from, { while: (at) => at < from + rounds, body: (at) => Effect.as(round(at), at + 1) })
    yield* all(0)
    let least = Number.POSITIVE_INFINITY
    for (let time = 1; time <= 3; time++) {
      const before = yield* used
      yield* all(time * rounds)
      least = Math.min(least, (yield* used) - before)
    }
    return least
  })

/** A little of everything that a client does for months. */
const roundOf = (db: ClientDb.Service) =>
  Effect.map(
    Effect.andThen(db.bindIdentity(identity), db.createTower(publicKey(1), address(1))),
    (tower) => (at: number) =>
      Effect.gen(function* () {
        yield* db.createTower(publicKey(1), address(2 + at))
        yield* db.removeTower(publicKey(1), address(2 + at))
        yield* db.removeTower(publicKey(1))
        yield* db.createTower(publicKey(1), address(1))
        const held = yield* db.nextSessionKeyIndex(tower.id, policy.blobType, "clear")
        yield* db.freeSessionKeyIndex(held, { outcome: { _tag: "free", restMs: 0 }, update: update(tower) })
        yield* db.loadStandings(policy.blobType, policyKey)
        yield* db.listTowers
      })
  )

const databases: ReadonlyArray<
  readonly [name: string, rounds: number, make: Effect.Effect<ClientDb.Service, unknown, Scope.Scope>]
> = [
  ["MemoryClientDb", 1500, MemoryClientDb.make()],
  ["SqliteClientDb", 150, SqliteClientDb.make({ filename: ":memory:" })]
]

describe("memory stays as it is, whatever is added and removed, taken and freed", () => {
  for (const [name, rounds, make] of databases) {
    it.scopedLive(`in ${name}`, () =>
      Effect.gen(function* () {
        const round = yield* Effect.flatMap(make, roundOf)
        assert.isBelow(yield* growth(rounds, round), 300_000)
      })
    )
  }
})
