import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { releaseOnFailure } from "../../../src/layers/concurrency/releaseOnFailure.js"
import { scoped, scopedInOneTurn } from "../../../src/layers/concurrency/scoped.js"
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

describe("a scope without a fiber of its own, or of which a part is released", () => {
  it("closes its scope with the end of what runs in it", () => {
    const ends: Array<string> = []
    const closed = (end: Exit.Exit<string, string>) =>
      Effect.uninterruptible(
        scopedInOneTurn(
          Effect.zipRight(
            Effect.addFinalizer(({ _tag }) => Effect.sync(() => ends.push(_tag))),
            end
          )
        )
      )
    expect(VirtualTime.run(closed(Exit.succeed("done")))).toEqual(Exit.succeed("done"))
    expect(VirtualTime.run(closed(Exit.fail("failed")))).toEqual(Exit.fail("failed"))
    expect(ends).toEqual(["Success", "Failure"])
  })

  it("tells of a finalizer's defect after a failure, not in its place", () => {
    const both = Effect.zipRight(
      Effect.addFinalizer(() => Effect.die("defect")),
      Effect.fail("failed")
    )
    const told = Exit.failCause(Cause.sequential(Cause.fail("failed"), Cause.die("defect")))
    expect(VirtualTime.run(Effect.uninterruptible(scopedInOneTurn(both)))).toEqual(told)
    expect(VirtualTime.run(Effect.scoped(releaseOnFailure(both)))).toEqual(told)
  })

  it("releases at once what a failed acquisition had acquired, and with the caller's scope what succeeded", () => {
    const program = (end: Exit.Exit<string, string>) =>
      Effect.gen(function* () {
        const order: Array<string> = []
        const note = (text: string) => Effect.sync(() => order.push(text))
        const acquired = releaseOnFailure(
          Effect.zipRight(
            Effect.addFinalizer(() => note("released")),
            end
          )
        )
        yield* Effect.scoped(Effect.zipRight(Effect.exit(acquired), note("the caller goes on")))
        return order
      })
    expect(VirtualTime.run(program(Exit.fail("failed")))).toEqual(Exit.succeed(["released", "the caller goes on"]))
    expect(VirtualTime.run(program(Exit.succeed("done")))).toEqual(Exit.succeed(["the caller goes on", "released"]))
  })
})
