import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { scoped } from "../../../src/layers/concurrency/scoped.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

const second = 1000

/** When a fiber ends that is interrupted while its second finalizer runs, and then has an hour to wait. */
const endOf = (scope: typeof scoped): number => {
  const time = VirtualTime.make()
  const finalized = Effect.gen(function* () {
    yield* Effect.addFinalizer(() => Effect.sleep(2 * second))
    yield* Effect.addFinalizer(() => Effect.void)
  })
  const program = Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.andThen(scope(finalized), Effect.sleep("1 hour")))
    yield* Effect.sleep(second)
    yield* Fiber.interrupt(fiber)
  })
  expect(time.run(program)).toEqual(Exit.void)
  return time.now()
}

describe("scoped", () => {
  it("is interrupted as soon as its finalizers have ended", () => {
    expect(endOf(scoped)).toBe(2 * second)
  })

  it("gives what its effect gives, after its finalizers, whose defects are its own", () => {
    const order: Array<string> = []
    const finalized = (end: Effect.Effect<string, string>) =>
      scoped(
        Effect.andThen(
          Effect.addFinalizer(({ _tag }) => Effect.sync(() => order.push(_tag))),
          end
        )
      )
    expect(VirtualTime.run(finalized(Effect.succeed("done")))).toEqual(Exit.succeed("done"))
    expect(VirtualTime.run(finalized(Effect.fail("failed")))).toEqual(Exit.fail("failed"))
    expect(order).toEqual(["Success", "Failure"])
    expect(VirtualTime.run(scoped(Effect.addFinalizer(() => Effect.die("defect"))))).toEqual(Exit.die("defect"))
    expect(
      VirtualTime.run(
        scoped(
          Effect.andThen(
            Effect.addFinalizer(() => Effect.die("defect")),
            Effect.fail("failed")
          )
        )
      )
    ).toEqual(Exit.failCause(Cause.sequential(Cause.fail("failed"), Cause.die("defect"))))
  })

  it("which Effect.scoped is not: when this fails, the defect is repaired and scoped can go", () => {
    expect(endOf(Effect.scoped)).toBe(3_600_000 + 2 * second)
  })
})
