import { describe, expect, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, FiberRef } from "effect"
import * as Region from "../../../src/layers/concurrency/region.js"
import { releaseOnFailure } from "../../../src/layers/concurrency/releaseOnFailure.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

class Name extends Context.Reference<Name>()("test/Name", { defaultValue: () => "outside" }) {}

/** What holds inside a region that ends like this, and what after it. */
const around = (end: Exit.Exit<string, string>) =>
  VirtualTime.run(
    Effect.uninterruptible(
      Effect.gen(function* () {
        const seen = Effect.all([Name, FiberRef.get(FiberRef.currentMaxOpsBeforeYield)])
        const before = yield* seen
        const during: Array<readonly [name: string, ops: number]> = []
        const noted = Effect.map(seen, (values) => during.push(values))
        const exit = yield* Effect.zipRight(noted, end).pipe(
          Region.provide(Context.make(Name, "inside")),
          Region.inOneTurn,
          Effect.exit
        )
        return { exit, during, isAsBefore: JSON.stringify(before) === JSON.stringify(yield* seen) }
      })
    )
  )

describe("a region", () => {
  it.each([Exit.succeed("done"), Exit.fail("failed"), Exit.die("defect")])(
    "has its values inside, and those from before after it ended with %s",
    (end) => {
      expect(around(end)).toEqual(
        Exit.succeed({ exit: end, during: [["inside", Number.MAX_SAFE_INTEGER]], isAsBefore: true })
      )
    }
  )

  it("keeps an interruption that comes inside, for the end of what cannot be interrupted", () => {
    const program = Effect.gen(function* () {
      const order: Array<string> = []
      const fiber = yield* Effect.sleep("1 second").pipe(
        Region.scopedHere,
        Effect.andThen(Effect.sync(() => order.push("the region ends"))),
        Effect.uninterruptible,
        Effect.andThen(Effect.sync(() => order.push("the fiber goes on"))),
        Effect.fork
      )
      yield* Effect.sleep("1 millis")
      const exit = yield* Effect.fiberId.pipe(
        Effect.flatMap((id) => fiber.interruptAsFork(id)),
        Effect.andThen(fiber.await)
      )
      return { order, isInterrupted: Exit.isInterrupted(exit) }
    })
    expect(VirtualTime.run(program)).toEqual(Exit.succeed({ order: ["the region ends"], isInterrupted: true }))
  })

  it("closes its scope with the end of what runs in it", () => {
    const ends: Array<string> = []
    const scoped = (end: Exit.Exit<string, string>) =>
      Effect.uninterruptible(
        Region.scopedHere(
          Effect.zipRight(
            Effect.addFinalizer(({ _tag }) => Effect.sync(() => ends.push(_tag))),
            end
          )
        )
      )
    expect(VirtualTime.run(scoped(Exit.succeed("done")))).toEqual(Exit.succeed("done"))
    expect(VirtualTime.run(scoped(Exit.fail("failed")))).toEqual(Exit.fail("failed"))
    expect(ends).toEqual(["Success", "Failure"])
  })

  it("tells of a finalizer's defect after a failure, not in its place", () => {
    const both = Effect.zipRight(
      Effect.addFinalizer(() => Effect.die("defect")),
      Effect.fail("failed")
    )
    const told = Exit.failCause(Cause.sequential(Cause.fail("failed"), Cause.die("defect")))
    expect(VirtualTime.run(Effect.uninterruptible(Region.scopedHere(both)))).toEqual(told)
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
