import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Option, Schedule } from "effect"
import * as Rules from "../../src/layers/negotiator/Rules.js"
import type { Ranking } from "../../src/layers/negotiator/ranking.js"
import { KeyIndex } from "../../src/schema/Ids.js"
import { Reservation } from "../../src/schema/Reservation.js"
import { type Options, simulate } from "./simulate.js"

const run = (options: Options) => Exit.getOrElse(simulate(options), (cause) => assert.fail(String(cause)))

describe("no guarantee is violated in a simulated world", () => {
  it.each([
    { seed: 1, towers: 2, days: 0.1 },
    { seed: 2, towers: 5, days: 0.1 },
    { seed: 3, towers: 30, days: 0.1 },
    { seed: 4, towers: 100, days: 0.05 }
  ])("of $towers towers, by seed $seed", (options) => {
    const summary = run(options)
    assert.deepStrictEqual(summary.violations, [])
    assert.isAbove(summary.sessions, options.days * 1_000)
  })

  it.each([
    { seed: 5, towers: 4, days: 0.1 },
    { seed: 6, towers: 10, days: 0.1 },
    { seed: 7, towers: 20, days: 0.1 }
  ])("of $towers towers, by seed $seed, where one operation in 100 yields", (options) => {
    assert.deepStrictEqual(run({ ...options, yieldEvery: 100 }).violations, [])
  })

  it("which is the same each time", () => {
    const options = { seed: 8, towers: 10, days: 0.05, yieldEvery: 200 }
    assert.deepStrictEqual(run(options), run(options))
  })
})

describe("a world with a defect is found out", () => {
  const guarantees = (options: Partial<Options>) => [
    ...new Set(run({ seed: 1, towers: 10, days: 1, ...options }).violations.map(({ guarantee }) => guarantee))
  ]

  it("a session is delivered that was not stored", () => {
    const db: Options["db"] = (db) => ({ ...db, createClientSession: () => Effect.void })
    assert.include(guarantees({ db }), "G1")
  })

  it("two towers see one key", () => {
    const keyIndex = KeyIndex.make(7)
    const db: Options["db"] = (db) => ({
      ...db,
      nextSessionKeyIndex: (...args) =>
        Effect.map(db.nextSessionKeyIndex(...args), (reservation) => new Reservation({ ...reservation, keyIndex }))
    })
    assert.include(guarantees({ db }), "G2")
  })

  it("the waits are others", () => {
    const waits = () => Schedule.map(Schedule.spaced("7 seconds"), () => Duration.seconds(7))
    assert.include(guarantees({ rules: { ...Rules.defaults, waits } }), "G5")
  })

  it("a slow tower delays all callers", () => {
    assert.include(guarantees({ towers: 40, settings: { hedgeDelay: Number.POSITIVE_INFINITY } }), "G6")
  })

  it("a round ends with its first failure", () => {
    // By seed 1 no caller waits too long on that day: which towers fail when depends on the seed.
    assert.include(guarantees({ seed: 2, rules: { ...Rules.defaults, endsRound: () => true } }), "liveness")
  })

  it("towers that have failed are asked first", () => {
    // In the order of their ids, without regard to their standings.
    const ranking: Ranking = (list) =>
      Effect.succeed((visited) =>
        Effect.map(list, (towers) => Option.fromNullable(towers.find(({ id }) => !visited.has(id))))
      )
    assert.include(guarantees({ rules: { ...Rules.defaults, ranking } }), "G6")
  })
})
