/**
 * What is asked for again and again, and may take long.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as SynchronizedRef from "effect/SynchronizedRef"
import * as Monotonic from "../../layers/negotiator/monotonic.js"

/** How much longer a value is kept than it took. */
const rest = 50

interface Kept<A> {
  readonly value: A
  /** By the monotonic clock. */
  readonly until: number
}

/**
 * An effect that answers the same value for fifty times as long as it took to get it. So it takes a fiftieth of the time at most,
 * however often it is run; a value that comes at once is always the newest. A failure is not kept.
 *
 * @since 0.1.0
 * @category combinators
 */
export const paced = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Effect.Effect<A, E, R>> =>
  Effect.map(SynchronizedRef.make(Option.none<Kept<A>>()), (ref) =>
    SynchronizedRef.modifyEffect(ref, (kept) =>
      Effect.gen(function* () {
        const began = yield* Monotonic.now
        if (Option.isSome(kept) && began < kept.value.until) return [kept.value.value, kept] as const
        const [took, value] = yield* Effect.timed(effect)
        const until = (yield* Monotonic.now) + rest * Duration.toMillis(took)
        return [value, Option.some({ value, until })] as const
      })
    )
  )
