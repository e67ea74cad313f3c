import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Exit, FiberRef, Scope } from "effect"
import * as Region from "../../../src/layers/concurrency/region.js"
import { scopedInOneTurn } from "../../../src/layers/concurrency/scoped.js"
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
        const exit = yield* Region.add(Context.make(Name, "inside")).pipe(
          Effect.zipRight(noted),
          Effect.zipRight(end),
          (effect) => Effect.flatMap(Scope.make(), (scope) => Region.extendInOneTurn(scope)(effect)),
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
        scopedInOneTurn,
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
})
