/**
 * A Clock and a Scheduler in one, whose time passes only when no fiber can run. Fibers that are ready run; when none is,
 * the clock jumps to the next timer. Thirty days of a program take seconds, every run is the same, and a program that would
 * hang fails instead. Real asynchrony (promises, sockets) is not seen: use it for programs whose services are in memory.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { VirtualTime } from "effect-watchtower/testing"
 *
 * export const exit = VirtualTime.run(Effect.delay(Effect.succeed("done"), "30 days"))
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import { PCGRandom } from "effect/Utils"
import { Instant } from "../../schema/Ids.js"
import { awaitCallback } from "../concurrency/awaitCallback.js"
import * as timerHeap from "./timerHeap.js"

/**
 * How virtual time begins and how fibers take turns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The first instant, in milliseconds since 1970 (default 0). */
  readonly startAt?: number | undefined
  /** Decides where fibers yield, and what `Random` draws (default 0). */
  readonly seed?: number | undefined
  /**
   * A fiber yields to the others after this number of operations, on average; the seed decides where. Lost wake-ups show
   * with 100 and many seeds. At least 16 operations lie between two yields. Default: as real fibers do, after 2,048.
   */
  readonly yieldEvery?: number | undefined
  /** The number of turns of fibers at one instant that counts as a livelock (default 1,000,000). */
  readonly maxTurns?: number | undefined
  /** Called before time passes, with the milliseconds; nothing runs at that moment, so that invariants hold. */
  readonly onPass?: ((millis: number) => void) | undefined
}

/**
 * The program can never end: all its fibers wait and no timer is left (`Deadlock`), or its fibers take turns for ever
 * without time passing (`Livelock`). `at` is the instant where it happened.
 *
 * @since 0.1.0
 * @category errors
 */
export class Stalled extends Schema.TaggedError<Stalled>()("Stalled", {
  reason: Schema.Literal("Deadlock", "Livelock"),
  at: Instant
}) {
  override get message() {
    return this.reason === "Deadlock"
      ? `At ${this.at} ms all fibers wait and no timer is left: the program would hang for ever.`
      : `At ${this.at} ms fibers take turns for ever and time cannot pass.`
  }
}

/**
 * A world with its own time, driven from outside. Fibers that were forked in one world belong to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface VirtualTime {
  readonly clock: Clock.Clock
  readonly scheduler: Scheduler.Scheduler
  /** The instant by the wall clock, in milliseconds since 1970. */
  readonly now: () => number
  /** How many sleeps are pending. */
  readonly timers: () => number
  /** Starts a fiber; its first step is taken when the world is driven. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.RuntimeFiber<A, E>
  /** Runs what is ready; time does not pass. Throws `Stalled` for a livelock. */
  readonly settle: () => void
  /** Lets time pass, and runs everything that falls due. */
  readonly advance: (duration: Duration.DurationInput) => void
  /** Sets the wall clock back or ahead, as an operator or a time server does; sleeping fibers are not affected. */
  readonly jump: (millis: number) => void
  /** Drives a program to its end. A program that stalls is interrupted, and its exit says so. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Exit.Exit<A, E | Stalled>
}

/** A yield consists of operations too: with fewer of them between two yields a fiber would only yield. */
const yieldCost = 16

/** How many trials it takes until one that succeeds once in `every` does (geometric; at least 1). */
const trials = (random: number, every: number): number =>
  every <= 1 ? 1 : 1 + Math.floor(Math.log1p(-random) / Math.log1p(-1 / every))

/** Not `Effect.never`, which holds a real timer. */
const forEver = Effect.async<void>(() => {})

/**
 * A new world.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): VirtualTime => {
  const { maxTurns = 1_000_000, onPass, seed = 0, startAt = 0, yieldEvery } = options
  const timers = timerHeap.make()
  const ready = new Scheduler.PriorityBuckets()
  const random = new PCGRandom(seed)
  const nextGap = (every: number) => Math.max(yieldCost, trials(random.number(), every))
  let elapsed = 0
  let offset = startAt
  let turns = 0

  const now = () => Math.floor(offset + elapsed)

  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: now,
    // Monotonic: it follows the timers alone. In parts, because the sum is no safe integer.
    unsafeCurrentTimeNanos: () => {
      const whole = Math.floor(elapsed)
      return BigInt(startAt + whole) * 1_000_000n + BigInt(Math.round((elapsed - whole) * 1e6))
    },
    currentTimeMillis: Effect.sync(() => clock.unsafeCurrentTimeMillis()),
    currentTimeNanos: Effect.sync(() => clock.unsafeCurrentTimeNanos()),
    sleep: (duration) =>
      Duration.isFinite(Duration.decode(duration))
        ? awaitCallback<void>((tell) => {
            const timer = timers.add(elapsed + Duration.toMillis(duration), () => tell(undefined))
            return () => timers.remove(timer)
          })
        : forEver
  }

  /** Asked before each operation: where nothing is drawn, nothing is counted either. */
  const yieldsAtRandom = (every: number): Scheduler.Scheduler["shouldYield"] => {
    let gap = nextGap(every)
    return (fiber) => {
      if (--gap > 0) return Scheduler.defaultShouldYield(fiber)
      gap = nextGap(every)
      return 0
    }
  }

  const scheduler: Scheduler.Scheduler = {
    shouldYield: yieldEvery === undefined ? Scheduler.defaultShouldYield : yieldsAtRandom(yieldEvery),
    scheduleTask: (task, priority) => ready.scheduleTask(task, priority)
  }

  const settle = () => {
    while (ready.buckets.length > 0) {
      const batch = ready.buckets
      ready.buckets = []
      for (const [, tasks] of batch) {
        turns += tasks.length
        for (const task of tasks) task()
      }
      if (turns > maxTurns) {
        turns = 0
        throw new Stalled({ reason: "Livelock", at: now() })
      }
    }
  }

  const passTo = (instant: number) => {
    if (instant <= elapsed) return
    onPass?.(instant - elapsed)
    elapsed = instant
    turns = 0
  }

  /** Runs what is ready, then fires one timer that is due by `limit`; answers false when there is none. */
  const step = (limit: number): boolean => {
    settle()
    const timer = timers.peek()
    if (timer === undefined || timer.at > limit) return false
    timers.remove(timer)
    passTo(timer.at)
    timer.task()
    return true
  }

  const fork = <A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> =>
    // `make` is an edge of the program: its fibers cannot be started by a fiber of this world.
    Runtime.runFork(Runtime.defaultRuntime)(
      effect.pipe(Effect.withClock(clock), Effect.withRandom(Random.make(seed))),
      { immediate: false, scheduler }
    )

  /** Drives until the fiber is done; returns why it never will be, if so. */
  const drive = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Stalled | undefined => {
    try {
      while (fiber.unsafePoll() === null) {
        if (!step(Number.POSITIVE_INFINITY) && fiber.unsafePoll() === null) {
          return new Stalled({ reason: "Deadlock", at: now() })
        }
      }
      return undefined
    } catch (error) {
      if (error instanceof Stalled) return error
      throw error
    }
  }

  return {
    clock,
    scheduler,
    now,
    timers: timers.size,
    fork,
    settle,
    advance: (duration) => {
      const end = elapsed + Duration.toMillis(duration)
      while (step(end)) {}
      passTo(end)
    },
    jump: (millis) => {
      offset += millis
    },
    run: (effect) => {
      const fiber = fork(effect)
      const stalled = drive(fiber)
      if (stalled !== undefined) {
        fiber.unsafeInterruptAsFork(FiberId.none)
        drive(fiber)
        return Exit.fail(stalled)
      }
      return fiber.unsafePoll() ?? Exit.fail(new Stalled({ reason: "Deadlock", at: now() }))
    }
  }
}

/**
 * Drives a program to its end in a new world, and answers how it ended. An exit is an effect, so a test can return it.
 *
 * @since 0.1.0
 * @category testing
 */
export const run = <A, E>(effect: Effect.Effect<A, E>, options?: Options): Exit.Exit<A, E | Stalled> =>
  make(options).run(effect)
