/**
 * SIGHUP as a message to a service, instead of its end.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"

/** Has the terminal been closed? Then it cannot be opened any more. A service without one never had it. */
const isTerminalGone = (): boolean => {
  if (!process.stdin.isTTY && !process.stderr.isTTY) return false
  try {
    fs.closeSync(fs.openSync("/dev/tty", "r"))
    return false
  } catch {
    return true
  }
}

/**
 * The signals that come while the scope is open; until then, after it, and where the terminal was closed, SIGHUP ends the program. Those
 * that come while one is seen to are one: what it makes the service read is the same.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Queue.Dequeue<void>, never, Scope.Scope> = Effect.gen(function* () {
  const signals = yield* Queue.sliding<void>(1)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const others = process.listeners("SIGHUP")
      const listener = () => {
        if (isTerminalGone()) for (const other of others) other("SIGHUP")
        else signals.unsafeOffer(undefined)
      }
      process.removeAllListeners("SIGHUP")
      process.on("SIGHUP", listener)
      return { listener, others }
    }),
    ({ listener, others }) =>
      Effect.sync(() => {
        for (const other of others) process.on("SIGHUP", other)
        process.off("SIGHUP", listener)
      })
  )
  return signals
})
