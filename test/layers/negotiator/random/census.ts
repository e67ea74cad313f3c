/** Counts the fibers that live. */
import { Effect, type Fiber, Supervisor } from "effect"

type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

/** Supervises whatever is started under it, and all that those start. */
export class Census extends Supervisor.AbstractSupervisor<void> {
  readonly living = new Set<AnyFiber>()
  override readonly value = Effect.void
  override onStart(_context: unknown, _effect: unknown, _parent: unknown, fiber: AnyFiber) {
    this.living.add(fiber)
  }
  override onEnd(_exit: unknown, fiber: AnyFiber) {
    this.living.delete(fiber)
  }
}
