import { Clock, Effect } from "effect"

const real = Clock.make()

/** The system's clock, so far ahead. */
export const clockAhead = (ms: () => number): Clock.Clock => {
  const unsafeCurrentTimeMillis = () => real.unsafeCurrentTimeMillis() + ms()
  const unsafeCurrentTimeNanos = () => real.unsafeCurrentTimeNanos() + BigInt(ms()) * 1_000_000n
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    sleep: (duration) => real.sleep(duration),
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos)
  }
}
