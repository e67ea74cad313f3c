/**
 * Handing something over to a caller who may be interrupted at the same instant.
 *
 * What an uninterruptible region comes to is lost when its fiber was interrupted meanwhile: the region's end fails. So the
 * last step of such a region asks whether the caller is gone, and leaves the thing to somebody else then.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as RuntimeFlags from "effect/RuntimeFlags"

/**
 * Asked before the region begins; its answer says whether the fiber was interrupted by now. A caller who cannot be
 * interrupted is never gone.
 *
 * @since 0.1.0
 * @category combinators
 */
export const watch: Effect.Effect<() => boolean> = Effect.withFiberRuntime((fiber, { runtimeFlags }) =>
  Effect.succeed(
    RuntimeFlags.interruptible(runtimeFlags)
      ? () => !Cause.isEmpty(fiber.getFiberRef(FiberRef.interruptedCause))
      : () => false
  )
)
