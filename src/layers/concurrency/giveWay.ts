/**
 * Turns of the event loop for a program whose work never waits.
 *
 * The scheduler of Effect (3.22.4) continues fibers in microtasks, thousands of times before the event loop turns, and a fiber that
 * never waits, such as one in a loop over a database in this process, keeps every timer and socket waiting.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/** Nanoseconds: a block that nobody notices. */
const longest = 8_000_000n

/**
 * What a loop is to do in each round: mostly nothing, and a wait for the event loop where it has gone on for 8 ms. All fibers of one wait
 * together: if each waited for itself, the others would go on meanwhile, and it would turn when the last of them waits.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Effect.Effect<void> => {
  const turned = Effect.unsafeMakeLatch(true)
  let isTurning = false
  let next = 0n
  return Effect.clockWith((clock) => {
    if (isTurning) return turned.await
    if (clock.unsafeCurrentTimeNanos() < next) return Effect.void
    isTurning = true
    turned.unsafeClose()
    return Effect.ensuring(
      Effect.sleep(0),
      Effect.sync(() => {
        isTurning = false
        next = clock.unsafeCurrentTimeNanos() + longest
        turned.unsafeOpen()
      })
    )
  })
}
