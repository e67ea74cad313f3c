/** A fiber that is interrupted while the second finalizer of a scope runs goes on as if it had not been. */
import { Effect, Fiber } from "effect"

const finalized = Effect.gen(function* () {
  yield* Effect.addFinalizer(() => Effect.sleep("20 millis"))
  yield* Effect.addFinalizer(() => Effect.void)
})

/** How many of 10 interrupted fibers go on. */
export const count = async (): Promise<number> => {
  let found = 0
  for (let n = 0; n < 10; n++) {
    const goesOn = Effect.sync(() => {
      found += 1
    })
    const program = Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.andThen(Effect.scoped(finalized), goesOn))
      yield* Effect.sleep("10 millis")
      yield* Fiber.interrupt(fiber)
    })
    await Effect.runPromise(program)
  }
  return found
}

console.log(`${await count()} of 10 interrupted fibers go on`)
