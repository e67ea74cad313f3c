import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option } from "effect"
import * as Inbox from "../../../src/layers/concurrency/inbox.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import { turns } from "../net/sockets.js"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const second = 1000

/** What a program comes to, and when. */
const timed = <A, E>(program: Effect.Effect<A, E>) => {
  const time = VirtualTime.make()
  return [time.run(program), time.now(), time.timers()] as const
}

/** Takes beside an offer that comes that number of milliseconds later. */
const offered = <A>(after: number, take: (inbox: Inbox.Inbox<string, "end">) => Effect.Effect<A, "end">) =>
  timed(
    Effect.gen(function* () {
      const inbox = Inbox.make<string, "end">()
      const offering = yield* Effect.fork(
        Effect.delay(
          Effect.sync(() => {
            inbox.offer("one")
            inbox.offer("two")
          }),
          after
        )
      )
      const taken = yield* take(inbox)
      yield* Fiber.interrupt(offering)
      return taken
    })
  )

describe("an inbox", () => {
  // First: an inbox that is always ready keeps a take looking for ever, and the tests below would never end.
  it("is not ready any more once everything is taken", () => {
    const looks = ({ ready }: Inbox.Inbox<string>) => Effect.timeoutOption(ready, second)
    for (const take of ["take", "takeAll"] as const) {
      const inbox = Inbox.make<string>()
      inbox.offer("one")
      expect(timed(looks(inbox))).toEqual([Exit.succeed(Option.some(undefined)), 0, 0])
      expect(timed(Effect.zipRight(Effect.asVoid<unknown, never, never>(inbox[take]), looks(inbox)))).toEqual([
        Exit.succeed(Option.none()),
        second,
        0
      ])
    }
  })

  it("gives its items in order, waits for the first, and keeps what is not taken", () => {
    expect(offered(second, ({ take }) => Effect.zip(take, take))).toEqual([Exit.succeed(["one", "two"]), second, 0])
    expect(offered(second, ({ takeAll }) => takeAll)).toEqual([Exit.succeed(["one", "two"]), second, 0])
    expect(offered(0, ({ isEmpty, ready }) => Effect.map(ready, isEmpty))).toEqual([Exit.succeed(false), 0, 0])
  })

  it("waits for a time at most, and takes what comes in the step in which it is up", () => {
    const within = (after: number, millis: number) => offered(after, (inbox) => inbox.takeWithin(millis))
    expect(within(second, 2 * second)).toEqual([Exit.succeed(["one", "two"]), second, 0])
    expect(within(second, Number.POSITIVE_INFINITY)).toEqual([Exit.succeed(["one", "two"]), second, 0])
    expect(within(second, second)).toEqual([Exit.succeed(["one", "two"]), second, 0])
    expect(within(2 * second, second)).toEqual([Exit.succeed([]), second, 0])
    expect(within(second, 0)).toEqual([Exit.succeed([]), 0, 0])
  })

  it("each run of the same effect has its own time", () => {
    const twice = offered(10 * second, ({ takeWithin }) => Effect.zip(takeWithin(second), takeWithin(second)))
    expect(twice).toEqual([Exit.succeed([[], []]), 2 * second, 0])
  })

  it("gives what is left, and then its end at every take", () => {
    const inbox = Inbox.make<number, "end">()
    inbox.offer(1)
    inbox.end(Effect.fail("end"))
    const { ready, take, takeAll, takeWithin } = inbox
    const program = Effect.all([take, Effect.flip(take), Effect.flip(takeAll), Effect.flip(takeWithin(second)), ready])
    expect(timed(program)).toEqual([Exit.succeed([1, "end", "end", "end", undefined]), 0, 0])
  })

  it("drops the oldest items beyond its capacity, and tells of each that is taken", () => {
    const taken: Array<number> = []
    const inbox = Inbox.make<number>({ capacity: 2, onTake: (item) => taken.push(item) })
    for (const item of [1, 2, 3, 4]) inbox.offer(item)
    expect(timed(inbox.take)[0]).toEqual(Exit.succeed(3))
    expect(timed(inbox.takeAll)[0]).toEqual(Exit.succeed([4]))
    expect(taken).toEqual([3, 4])
  })

  it("gives each item once, in order, and leaves none behind, however fibers take turns and are interrupted", () => {
    for (let seed = 0; seed < 300; seed++) {
      const items = Array.from({ length: 20 }, (_, i) => i)
      const program = Effect.gen(function* () {
        const inbox = Inbox.make<number>()
        const taken: Array<number> = []
        const taker = Effect.forever(
          Effect.uninterruptibleMask((restore) =>
            Effect.flatMap(restore(inbox.ready), () =>
              Effect.map(inbox.takeAll, (all) => {
                taken.push(...all)
              })
            )
          )
        )
        let fiber = yield* Effect.fork(taker)
        for (const item of items) {
          inbox.offer(item)
          for (let turn = 0; turn < (seed + item) % 4; turn++) yield* Effect.yieldNow()
          if ((seed + item) % 5 === 0) {
            yield* Fiber.interrupt(fiber)
            fiber = yield* Effect.fork(taker)
          }
        }
        yield* Effect.sleep(1)
        yield* Fiber.interrupt(fiber)
        return taken
      })
      expect(VirtualTime.run(program, { seed, yieldEvery: 10 })).toEqual(Exit.succeed(items))
    }
  })

  it("a take ends at once when it is interrupted, at whatever step", () => {
    for (const take of ["take", "takeAll", "ready", "within"] as const) {
      for (let seed = 0; seed < 100; seed++) {
        const time = VirtualTime.make({ seed, yieldEvery: 10 })
        const program = Effect.gen(function* () {
          const inbox = Inbox.make<number>()
          const fiber = yield* Effect.fork(take === "within" ? inbox.takeWithin(second) : inbox[take])
          for (let turn = 0; turn < seed % 12; turn++) yield* Effect.yieldNow()
          yield* Fiber.interrupt(fiber)
        })
        expect([time.run(program), time.now(), time.timers()]).toEqual([Exit.void, 0, 0])
      }
    }
  })
})

it.live("an inbox keeps nothing of a wait that is over", () =>
  Effect.gen(function* () {
    const inbox = Inbox.make<string>({
      alarm: (_, ring) => {
        const immediate = setImmediate(ring)
        return () => clearImmediate(immediate)
      }
    })
    // Nothing but the inbox could hold these fibers.
    const waits = yield* Effect.replicateEffect(
      Effect.map(Effect.fork(inbox.takeWithin(second)), (fiber) => new WeakRef(fiber)),
      3
    )
    yield* turns(20)
    collect()
    expect(waits.map((wait) => wait.deref())).toEqual(waits.map(() => undefined))
    expect(inbox.isEmpty()).toBe(true)
  })
)
