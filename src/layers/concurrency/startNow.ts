/**
 * A fiber that runs at once, up to its first wait. One that `Effect.fork` makes begins in a later step of the scheduler, and its
 * parent needs another one to see its end; what needs no wait has ended here when the parent goes on.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"

/** A daemon, which inherits whether it can be interrupted, as one of `forkDaemon` does. @since 0.1.0 @category constructors */
export const startNow = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R> =>
  Effect.map(Effect.runtime<R>(), (runtime) => Runtime.runFork(runtime)(effect))

/** How the fiber ended; waits only while it has not. @since 0.1.0 @category combinators */
export const exitOf = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.suspend(() => {
    const exit = fiber.unsafePoll()
    return exit === null ? Fiber.await(fiber) : Effect.succeed(exit)
  })

/**
 * Interrupts fibers, and waits for their ends; does nothing with those that have ended. All are told before any end is waited for: a
 * slow one must not keep the others running.
 *
 * @since 0.1.0
 * @category combinators
 */
export const stop = (...fibers: ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>>): Effect.Effect<void> =>
  Effect.withFiberRuntime((caller) => {
    const running = fibers.filter((fiber) => fiber.unsafePoll() === null)
    for (const fiber of running) fiber.unsafeInterruptAsFork(caller.id())
    return running.length === 0 ? Effect.void : Effect.forEach(running, exitOf, { discard: true })
  })
