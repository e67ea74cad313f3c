import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Clock,
  DateTime,
  Deferred,
  Duration,
  Effect,
  Exit,
  FastCheck,
  Fiber,
  Option,
  PubSub,
  Queue,
  Random,
  Ref,
  Schedule,
  Stream,
  SubscriptionRef
} from "effect"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

/** The value of a program that must not fail. */
const value = <A, E>(effect: Effect.Effect<A, E>, options?: VirtualTime.Options): A =>
  Exit.getOrElse(VirtualTime.run(effect, options), (cause) => assert.fail(Cause.pretty(cause)))

/** The instants at which something was noted, with what was noted. */
const notes = Effect.map(Ref.make<ReadonlyArray<readonly [number, string]>>([]), (ref) => ({
  note: (what: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.update(ref, (all) => [...all, [now, what] as const])),
  all: Ref.get(ref)
}))

describe("the clock", () => {
  it("jumps over thirty days in no time, and says so in every unit", () => {
    const [millis, nanos, utc] = value(
      Effect.all([Clock.currentTimeMillis, Clock.currentTimeNanos, DateTime.now]).pipe(Effect.delay("30 days")),
      { startAt: 1_700_000_000_000 }
    )
    assert.strictEqual(millis, 1_700_000_000_000 + 30 * 86_400_000)
    assert.strictEqual(nanos, BigInt(millis) * 1_000_000n)
    assert.strictEqual(DateTime.toEpochMillis(utc), millis)
  })

  it("keeps parts of a millisecond in its nanoseconds", () => {
    assert.strictEqual(
      value(Clock.currentTimeNanos.pipe(Effect.delay(Duration.nanos(1_234_567n))), { startAt: 1_700_000_000_000 }),
      1_700_000_000_001_234_567n
    )
  })

  it("fires timers in the order of their instants, equal ones in the order in which they were set", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.integer({ min: 0, max: 5 }), { maxLength: 40 }), (delays) => {
        const fired = value(
          Effect.gen(function* () {
            const { all, note } = yield* notes
            yield* Effect.forEach(delays, (delay, index) => Effect.delay(note(String(index)), delay), {
              concurrency: "unbounded",
              discard: true
            })
            return yield* all
          })
        )
        const expected = delays.map((delay, index) => [delay, String(index)] as const).toSorted((a, b) => a[0] - b[0])
        assert.deepStrictEqual(fired, expected)
      })
    )
  })

  it("runs all that a timer has woken before it fires the next one of the same instant", () => {
    const seen = value(
      Effect.gen(function* () {
        const { all, note } = yield* notes
        const first = Effect.sleep(10).pipe(Effect.andThen(note("a1")), Effect.andThen(Effect.yieldNow()))
        yield* Effect.all([Effect.andThen(first, note("a2")), Effect.delay(note("b"), 10)], {
          concurrency: "unbounded"
        })
        return yield* all
      })
    )
    assert.deepStrictEqual(seen, [
      [10, "a1"],
      [10, "a2"],
      [10, "b"]
    ])
  })

  it("forgets an interrupted sleep", () => {
    const time = VirtualTime.make()
    const exit = time.run(
      Effect.gen(function* () {
        for (let round = 0; round < 1_000; round++) {
          yield* Effect.race(Effect.sleep("1 minute"), Effect.sleep("30 days"))
          assert.isAtMost(time.timers(), 1)
        }
        return yield* Clock.currentTimeMillis
      })
    )
    assert.deepStrictEqual(exit, Exit.succeed(60_000_000))
    assert.strictEqual(time.timers(), 0)
  })

  it("forgets an interrupted sleep wherever its fiber yields", () => {
    for (let seed = 0; seed < 500; seed++) {
      const time = VirtualTime.make({ seed, yieldEvery: 20 })
      time.run(Effect.flatMap(Effect.fork(Effect.sleep("1 day")), (fiber) => Fiber.interrupt(fiber)))
      assert.strictEqual(time.timers(), 0)
    }
  })

  it("lets the wall clock jump without waking or delaying a fiber", () => {
    const time = VirtualTime.make({ startAt: 1_000_000 })
    const exit = time.run(
      Effect.gen(function* () {
        const sleeper = yield* Effect.fork(Effect.andThen(Effect.sleep("1 hour"), Clock.currentTimeNanos))
        yield* Effect.sleep("1 minute")
        time.jump(-900_000)
        const wall = yield* Clock.currentTimeMillis
        return [wall, yield* Fiber.join(sleeper)]
      })
    )
    assert.deepStrictEqual(exit, Exit.succeed([1_000_000 + 60_000 - 900_000, (1_000_000n + 3_600_000n) * 1_000_000n]))
  })
})

describe("driven by hand", () => {
  it("stops exactly where it is told to, like TestClock.adjust", () => {
    const time = VirtualTime.make()
    const woken: Array<number> = []
    time.fork(
      Effect.forever(
        Effect.delay(
          Effect.sync(() => woken.push(time.now())),
          "10 seconds"
        )
      )
    )
    time.settle()
    assert.deepStrictEqual([woken, time.timers()], [[], 1])
    time.advance("9999 millis")
    assert.deepStrictEqual(woken, [])
    time.advance(1)
    assert.deepStrictEqual([woken, time.now()], [[10_000], 10_000])
    time.advance("25 seconds")
    assert.deepStrictEqual([woken, time.now()], [[10_000, 20_000, 30_000], 35_000])
  })

  it("takes no step of a fiber before it is driven", () => {
    const time = VirtualTime.make()
    let ran = false
    const fiber = time.fork(
      Effect.sync(() => {
        ran = true
      })
    )
    assert.isFalse(ran)
    assert.isNull(fiber.unsafePoll())
    time.settle()
    assert.isTrue(ran)
    assert.deepStrictEqual(fiber.unsafePoll(), Exit.void)
  })
})

describe("a program that cannot end", () => {
  it("is told so, with the instant, and its finalizers run", () => {
    let closed = false
    const closing = Effect.ensuring(
      Effect.sync(() => {
        closed = true
      })
    )
    const exit = VirtualTime.run(
      Effect.gen(function* () {
        yield* Effect.sleep("3 seconds")
        return yield* Deferred.await(yield* Deferred.make<string>())
      }).pipe(closing)
    )
    assert.deepStrictEqual(exit, Exit.fail(new VirtualTime.Stalled({ reason: "Deadlock", at: 3_000 })))
    assert.isTrue(closed)
  })

  it("is found although it cannot be interrupted, or sleeps without end", () => {
    const stalled = Exit.fail(new VirtualTime.Stalled({ reason: "Deadlock", at: 0 }))
    const endless = Effect.flatMap(Deferred.make<void>(), Deferred.await)
    assert.deepStrictEqual(VirtualTime.run(Effect.uninterruptible(endless)), stalled)
    assert.deepStrictEqual(VirtualTime.run(Effect.sleep(Duration.infinity)), stalled)
  })

  it("is found although its fibers are never idle", () => {
    const exit = VirtualTime.run(Effect.delay(Effect.forever(Effect.yieldNow()), 7), { maxTurns: 1_000 })
    assert.deepStrictEqual(exit, Exit.fail(new VirtualTime.Stalled({ reason: "Livelock", at: 7 })))
  })

  it("is not confused with one that fails, dies or is interrupted", () => {
    assert.deepStrictEqual(VirtualTime.run(Effect.fail("no")), Exit.fail("no"))
    assert.deepStrictEqual(VirtualTime.run(Effect.die("bug")), Exit.die("bug"))
    const exit = VirtualTime.run(Effect.interrupt)
    assert.isTrue(Exit.isInterrupted(exit))
  })
})

describe("yielding", () => {
  /** Two fibers that read, think and write: an update is lost where one yields in between. */
  const lostUpdates = Effect.gen(function* () {
    const counter = { value: 0 }
    const increment = Effect.flatMap(
      Effect.sync(() => counter.value),
      (read) =>
        Effect.sync(() => {
          counter.value = read + 1
        })
    )
    yield* Effect.all([Effect.repeatN(increment, 99), Effect.repeatN(increment, 99)], { concurrency: "unbounded" })
    return 200 - counter.value
  })

  it("shows a lost update for some seed, and the same one each time", () => {
    const lost = (seed: number) => value(lostUpdates, { seed, yieldEvery: 100 })
    const seeds = Array.from({ length: 50 }, (_, seed) => seed)
    assert.isTrue(seeds.some((seed) => lost(seed) > 0))
    assert.deepStrictEqual(seeds.map(lost), seeds.map(lost))
  })

  it("happens about once in the given number of operations", () => {
    const turns = (yieldEvery: number) => {
      const time = VirtualTime.make({ seed: 1, yieldEvery })
      let count = 0
      const scheduleTask = time.scheduler.scheduleTask
      const counting = {
        ...time.scheduler,
        scheduleTask: (...args: Parameters<typeof scheduleTask>) => {
          count++
          scheduleTask(...args)
        }
      }
      time.run(
        Effect.withScheduler(
          Effect.forEach(Array.from({ length: 20_000 }), () => Effect.void),
          counting
        )
      )
      return count
    }
    // The bounds are wide, since a yield is made of operations too.
    for (const every of [20, 200]) {
      assert.isAbove(turns(every), 20_000 / every / 2)
      assert.isBelow(turns(every), (4 * 20_000) / every)
    }
  })

  it("leaves time for other operations, however often it is asked for", () => {
    assert.strictEqual(
      value(Effect.iterate(0, { while: (n) => n < 1_000, body: (n) => Effect.succeed(n + 1) }), { yieldEvery: 1 }),
      1_000
    )
  })

  it("shows a wake-up that is lost between the look and the registration", () => {
    const program = Effect.gen(function* () {
      const box: { item?: string; wake?: () => void } = {}
      const look = Effect.sync(() => box.item)
      const register = Effect.async<string>((resume) => {
        box.wake = () => resume(Effect.succeed(box.item ?? ""))
      })
      const taker = yield* Effect.fork(
        Effect.flatMap(look, (item) => (item === undefined ? register : Effect.succeed(item)))
      )
      yield* Effect.yieldNow()
      yield* Effect.sync(() => {
        box.item = "here"
        box.wake?.()
      })
      return yield* Fiber.join(taker)
    })
    const exits = Array.from({ length: 300 }, (_, seed) => VirtualTime.run(program, { seed, yieldEvery: 50 }))
    assert.isTrue(exits.some(Exit.isSuccess))
    assert.isTrue(exits.some(Exit.isFailure))
  })

  it("leaves Random to the seed", () => {
    const draws = (seed: number) => value(Effect.all(Array.from({ length: 5 }, () => Random.next)), { seed })
    assert.deepStrictEqual(draws(1), draws(1))
    assert.notDeepEqual(draws(1), draws(2))
  })
})

describe.each([
  ["as real fibers do", {}],
  ["one operation in 20", { yieldEvery: 20, seed: 3 }]
] satisfies ReadonlyArray<readonly [string, VirtualTime.Options]>)(
  "what Effect is made of, yielding %s",
  (_, options) => {
    it("timeout", () => {
      const [late, early] = value(
        Effect.all([
          Effect.timeoutOption(Effect.sleep("2 seconds"), "1 second"),
          Effect.timeoutOption(Effect.as(Effect.sleep("1 second"), "done"), "2 seconds")
        ]),
        options
      )
      assert.isTrue(Option.isNone(late))
      assert.deepStrictEqual(early, Option.some("done"))
    })

    it("race interrupts the loser at the instant of the winner", () => {
      const seen = value(
        Effect.gen(function* () {
          const { all, note } = yield* notes
          const loser = Effect.onInterrupt(Effect.sleep("1 hour"), () => note("interrupted"))
          yield* Effect.race(loser, Effect.delay(note("won"), 5))
          return yield* all
        }),
        options
      )
      assert.deepStrictEqual(seen, [
        [5, "won"],
        [5, "interrupted"]
      ])
    })

    it("Schedule", () => {
      const seen = value(
        Effect.gen(function* () {
          const { all, note } = yield* notes
          yield* Effect.retry(Effect.andThen(note("try"), Effect.fail("no")), {
            schedule: Schedule.exponential("1 second"),
            times: 4
          }).pipe(Effect.ignore)
          return (yield* all).map(([at]) => at)
        }),
        options
      )
      assert.deepStrictEqual(seen, [0, 1_000, 3_000, 7_000, 15_000])
    })

    it("Stream", () => {
      const ticks = Stream.repeatEffect(Effect.delay(Clock.currentTimeMillis, 10)).pipe(Stream.take(5))
      const merged = Stream.merge(
        ticks,
        Stream.map(Stream.tick("23 millis"), () => -1)
      ).pipe(Stream.take(7))
      assert.deepStrictEqual([...value(Stream.runCollect(merged), options)], [-1, 10, 20, -1, 30, 40, -1])
    })

    it("SubscriptionRef", () => {
      const seen = value(
        Effect.gen(function* () {
          const ref = yield* SubscriptionRef.make(0)
          const reader = yield* Effect.fork(Stream.runCollect(Stream.take(ref.changes, 4)))
          yield* Effect.repeatN(
            Effect.delay(
              SubscriptionRef.update(ref, (n) => n + 1),
              10
            ),
            2
          )
          return [...(yield* Fiber.join(reader))]
        }),
        options
      )
      assert.deepStrictEqual(seen, [0, 1, 2, 3])
    })

    it("PubSub and Queue", () => {
      const seen = value(
        Effect.gen(function* () {
          const pubsub = yield* PubSub.unbounded<number>()
          const first = yield* PubSub.subscribe(pubsub)
          const second = yield* PubSub.subscribe(pubsub)
          yield* Effect.fork(Effect.forEach([1, 2, 3], (n) => Effect.delay(PubSub.publish(pubsub, n), 10)))
          return [yield* Queue.takeN(first, 3), yield* Queue.takeN(second, 3)].map((all) => [...all])
        }).pipe(Effect.scoped),
        options
      )
      assert.deepStrictEqual(seen, [
        [1, 2, 3],
        [1, 2, 3]
      ])
    })

    it("the end of a scope ends its fibers", () => {
      const time = VirtualTime.make(options)
      const exit = time.run(
        Effect.andThen(Effect.forkScoped(Effect.forever(Effect.sleep("1 second"))), Effect.sleep("1 minute")).pipe(
          Effect.scoped
        )
      )
      assert.deepStrictEqual(exit, Exit.void)
      assert.strictEqual(time.timers(), 0)
    })
  }
)
