/** Who is asked first: rests and quarantines (docs/negotiation.md, Standings). All instants are exact. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as Policy from "../../../src/schema/Policy.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import {
  addressesDialled,
  always,
  askUntil,
  good,
  inTurn,
  now,
  rounds,
  sleepUntil,
  starts,
  stored,
  take,
  waits
} from "./scenes.js"
import { addressOf, day, hour, regtest, run, second, those } from "./world.js"

const dead = always(TowerScript.failsAt("dial"))

describe("the order of the candidates", () => {
  it("towers that give sessions take turns, and go on doing so with a new negotiator over the same database", () => {
    let db: ClientDb.Service | undefined
    run({ towers: [good(10), good(10), good(10)] }, (world) =>
      Effect.gen(function* () {
        db = world.db
        expect(yield* take(world, 7)).toEqual([1, 2, 3, 1, 2, 3, 1])
      })
    )
    run({ towers: [good(10), good(10), good(10)], db: (own) => db ?? own, time: { startAt: hour } }, (world) =>
      Effect.map(take(world, 4), (taken) => expect(taken).toEqual([2, 3, 1, 2]))
    )
  })

  it("a tower that was never asked comes before those that gave a session", () => {
    run({ towers: [good(), { ...good(), later: true }] }, (world) =>
      Effect.gen(function* () {
        expect(yield* take(world, 2, second)).toEqual([1, 1])
        yield* world.add(2)
        yield* Effect.sleep(second)
        expect(yield* take(world, 4, second)).toEqual([2, 1, 2, 1])
      })
    )
  })

  it("one that fails rests min, 2 min, 4 min, ... max behind the others, and is asked first once it has rested", () => {
    run({ towers: [dead, good()], options: { maxBackoff: "1 minute" } }, (world) =>
      Effect.gen(function* () {
        yield* take(world, 300, second)
        expect(world.dialsOf(1).map(({ at }) => at)).toEqual([0, 10, 30, 70, 130, 190, 250].map((n) => n * second))
        expect(world.sessionsOf(2)).toBe(300)
        expect(those(world.events, "VisitFailed").map(({ at, restsUntil }) => (restsUntil - at) / second)).toEqual([
          10, 20, 40, 60, 60, 60, 60
        ])
      })
    )
  })

  it("only one that has rested is asked before the others; the rest of them come after", () => {
    const recovering = [dead, dead, dead]
    run({ towers: [...recovering, good()] }, (world) =>
      Effect.gen(function* () {
        yield* take(world, 1)
        expect(starts(world)).toEqual([1, 2, 3, 4].map((n) => [0, n]))
        yield* sleepUntil(10 * second)
        yield* take(world, 1)
        expect(starts(world).slice(4)).toEqual([
          [10_000, 1],
          [10_000, 4]
        ])
        yield* take(world, 1)
        expect(starts(world).slice(6)).toEqual([
          [10_000, 2],
          [10_000, 4]
        ])
      })
    )
  })

  it("those that rest are asked last, the earliest end first", () => {
    const failing = (latency: number) => always({ ...TowerScript.failsAt("dial"), delays: { dial: latency } })
    // Ends at 0.5, 0.8 and 1 s; rests end at 10.5, 10.8 and 11 s. A tower that is added wakes the wait.
    run({ towers: [failing(500), failing(300), failing(200), { ...dead, later: true }] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 2 * second)
        yield* world.add(4)
        yield* sleepUntil(3500)
        expect(starts(world)).toEqual([
          [0, 1],
          [500, 2],
          [800, 3],
          [2000, 4],
          [2000, 1],
          [2500, 2],
          [2800, 3]
        ])
      })
    )
  })

  it("a session ends all rests: the next failure rests min again", () => {
    const script = inTurn(
      TowerScript.failsAt("dial"),
      TowerScript.failsAt("dial"),
      TowerScript.ok,
      TowerScript.failsAt("dial")
    )
    run({ towers: [script] }, (world) =>
      Effect.gen(function* () {
        yield* take(world, 1)
        expect(yield* now).toBe(30 * second)
        yield* askUntil(world, 31 * second)
        expect(those(world.events, "VisitFailed").map(({ at, restsUntil }) => restsUntil - at)).toEqual([
          10_000, 20_000, 10_000
        ])
      })
    )
  })
})

describe("quarantine", () => {
  const refusing = inTurn(TowerScript.replies(64), TowerScript.ok)

  for (const [name, release] of [
    ["an address is added", addressOf(1, 2)],
    ["the tower is added again", addressOf(1, 1)]
  ] as const) {
    it(`ends when ${name}, at once`, () => {
      run({ towers: [refusing] }, (world) =>
        Effect.gen(function* () {
          yield* askUntil(world, hour)
          expect(yield* world.negotiator.status).toMatchObject({ state: { _tag: "WaitingForCandidates", until: day } })
          yield* world.add(1, release)
          yield* sleepUntil(hour + 1)
          expect(stored(world)).toEqual([[hour, 1, 1]])
          expect(addressesDialled(world, 1)[1]).toBe(release)
          expect(waits(world)).toEqual([])
        })
      )
    })
  }

  it("a probe that is refused begins another one; `quarantineProbe` is an option", () => {
    run({ towers: [always(TowerScript.replies(50))], options: { quarantineProbe: "1 hour" } }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 150 * 60 * second)
        expect(rounds(world)).toEqual([0, hour, 2 * hour])
        expect(those(world.events, "Quarantined").map(({ probeAt }) => probeAt)).toEqual([hour, 2 * hour, 3 * hour])
      })
    )
  })

  it("a probe that is answered otherwise ends it: the tower rests like any other", () => {
    const script = inTurn(TowerScript.replies(64), TowerScript.replies(40), TowerScript.ok)
    run({ towers: [script] }, (world) =>
      Effect.gen(function* () {
        yield* take(world, 1)
        // The second failure in a row, but the first wait of this negotiation after one that was no candidate's.
        expect(stored(world)).toEqual([[day + 10 * second, 1, 1]])
        expect(waits(world)).toEqual([[day, day + 10 * second]])
      })
    )
  })

  it("survives the negotiator, and is one policy's alone", () => {
    let db: ClientDb.Service | undefined
    run({ towers: [always(TowerScript.replies(64))] }, (world) =>
      Effect.gen(function* () {
        db = world.db
        yield* askUntil(world, second)
      })
    )
    const again = { towers: [good()], db: (own: ClientDb.Service) => db ?? own, time: { startAt: hour } }
    run(again, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, hour + second)
        expect(yield* world.negotiator.status).toMatchObject({ state: { _tag: "WaitingForCandidates", until: day } })
      })
    )
    run({ ...again, options: { policy: { ...Policy.defaults(regtest), maxUpdates: 7 } } }, (world) =>
      Effect.map(take(world, 1), (taken) => expect(taken).toEqual([1]))
    )
  })

  it("does not hide the others: with one of two quarantined the round waits for the other one's rest", () => {
    run({ towers: [always(TowerScript.replies(64)), dead] }, (world) =>
      Effect.gen(function* () {
        yield* askUntil(world, 31 * second)
        expect(starts(world)).toEqual([
          [0, 1],
          [0, 2],
          [10_000, 2],
          [30_000, 2]
        ])
      })
    )
  })
})
