/** The fibers that live. */
import { Effect, type Fiber, Supervisor } from "effect"

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** Supervises the fibers that are started under it, and those that they start. */
export class LivingFibers extends Supervisor.AbstractSupervisor<void> {
  readonly all = new Set<AnyFiber>()
  override readonly value = Effect.void
  override onStart(_context: unknown, _effect: unknown, _parent: unknown, fiber: AnyFiber) {
    this.all.add(fiber)
  }
  override onEnd(_exit: unknown, fiber: AnyFiber) {
    this.all.delete(fiber)
  }
}
