/** B5 (docs/backups.md, Guarantees): what a faulty tower of every kind costs beside a good one. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Struct from "effect/Struct"
import { describe, expect, it } from "vitest"
import { kinds } from "./kinds.js"
import { handAll, minute, run, second, type World } from "./world.js"

const hedgeDelay = second
const moveAfter = minute
/** A tower that is silent in the middle of a window has it for at most this long before it counts as failed. */
const window = 16 * second

/** Of states that come once a minute for an hour. */
const mostConnections = 120
const mostSessions = 16

const faulty = Struct.keys(kinds).filter((kind) => kind !== "good")

/** Milliseconds until each of these states is at some tower. */
const untilHeld = ({ holders }: World, first: number, last: number) =>
  Effect.gen(function* () {
    const begun = yield* Clock.currentTimeMillis
    const isHeld = () =>
      Array.from({ length: last - first + 1 }, (_, at) => first + at).every((height) => holders(height).length > 0)
    while (!isHeld()) yield* Effect.sleep(100)
    return (yield* Clock.currentTimeMillis) - begun
  })

describe("B5: beside a good tower, one that is", () => {
  for (const kind of faulty) {
    it(`${kind} delays no state for long, and costs a bounded number of connections and sessions`, () => {
      const options = { hedgeDelay, moveAfter, pollInterval: Number.POSITIVE_INFINITY }
      run({ towers: [kinds[kind](), kinds.good()], options }, (world) =>
        Effect.gen(function* () {
          yield* world.storeSession(1)
          yield* world.storeSession(2)
          const process = yield* world.start
          yield* handAll(process, 1, 10)
          const bound = yield* Effect.fork(untilHeld(world, 1, 10))
          // By now the first ones are bound in the session that is asked first.
          yield* Effect.sleep(5 * second)
          yield* handAll(process, 11, 20)
          expect(yield* untilHeld(world, 11, 20)).toBeLessThanOrEqual(hedgeDelay)
          expect(yield* Fiber.join(bound)).toBeLessThanOrEqual(moveAfter + window)

          for (let height = 21; height <= 80; height += 1) {
            yield* process.hand(height)
            expect(yield* untilHeld(world, height, height), `state ${height}`).toBeLessThanOrEqual(moveAfter + window)
            yield* Effect.sleep(minute)
          }
          const [tower] = world.towers
          expect(tower?.connections).toBeLessThanOrEqual(mostConnections)
          expect(HashMap.size(tower?.sessions ?? HashMap.empty())).toBeLessThanOrEqual(mostSessions)
          yield* process.close
        })
      )
    })
  }
})

describe("B5: a tower that takes no update", () => {
  it("costs few connections more where the process starts again and again", () => {
    // What is bound in its session stays there. Each process lives for ten minutes, and its memory ends with it.
    run({ towers: [kinds.failing40()], options: { pollInterval: Number.POSITIVE_INFINITY } }, (world) =>
      Effect.gen(function* () {
        const connections = () => world.towers[0]?.connections ?? 0
        const first = yield* world.start
        yield* handAll(first, 1, 3)
        yield* Effect.sleep(10 * minute)
        yield* first.close
        const before = connections()
        for (let life = 0; life < 5; life += 1) {
          const process = yield* world.start
          yield* Effect.sleep(10 * minute)
          yield* process.close
        }
        // Two connections for each contact: at once, and then after the longest rest.
        expect(connections() - before).toBeLessThanOrEqual(5 * 4 * 2)
      })
    )
  })
})
