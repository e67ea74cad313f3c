/**
 * Handing something to a caller who may be interrupted at the same instant.
 *
 * If a fiber is interrupted while it is in an uninterruptible region, the region's result is thrown away when the region
 * ends (docs/concurrency.md, callerIsInterrupted). So the region's last step checks for a pending interruption and, if there
 * is one, gives the result to another caller.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as RuntimeFlags from "effect/RuntimeFlags"

/**
 * Taken before the region begins; the check says whether the fiber has been interrupted by now. For a caller that is
 * uninterruptible itself it is always false: nothing is thrown away there.
 *
 * @since 0.1.0
 * @category combinators
 */
export const check: Effect.Effect<() => boolean> = Effect.withFiberRuntime((fiber, { runtimeFlags }) =>
  Effect.succeed(
    RuntimeFlags.interruptible(runtimeFlags)
      ? () => !Cause.isEmpty(fiber.getFiberRef(FiberRef.interruptedCause))
      : () => false
  )
)
