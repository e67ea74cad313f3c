/**
 * The waits after rounds that gave no session: min, 2 min, 4 min, ... max, max (docs/negotiation.md, Waits).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import type { Settings } from "./Options.js"

/** Exponential from min, capped at max; jitter comes before the cap, so that no wait is longer than max. @since 0.1.0 @category constructors */
export const capped = ({ minBackoff, maxBackoff, jitter }: Settings): Schedule.Schedule<Duration.Duration> => {
  const exponential = Schedule.exponential(minBackoff)
  const jittered = jitter ? Schedule.jitteredWith(exponential, { min: 0.5, max: 1 }) : exponential
  return Schedule.modifyDelay(jittered, (_, delay) => Duration.min(delay, maxBackoff))
}

/** Steps through a schedule's waits without sleeping them. @since 0.1.0 @category models */
export interface Delays {
  /** The next wait, in milliseconds. The schedule is stepped before the caller sleeps, so that a woken wait counts. */
  readonly next: Effect.Effect<number>
}

/** A fresh walk through the schedule: one for each negotiation. @since 0.1.0 @category constructors */
export const delays = (schedule: Schedule.Schedule<Duration.Duration>): Delays => {
  let state: unknown = schedule.initial
  return {
    next: Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const [after, , decision] = yield* schedule.step(now, undefined, state)
      state = after
      // The schedules above never end.
      return ScheduleDecision.isContinue(decision) ? ScheduleIntervals.start(decision.intervals) - now : 0
    })
  }
}
