import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { both } from "../../../src/layers/concurrency/startNow.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"

it("two effects run at the same time, and both results come in their order", () => {
  const time = VirtualTime.make()
  const exit = time.run(
    both(Effect.as(Effect.sleep("3 seconds"), "one"), Effect.as(Effect.sleep("2 seconds"), "other"))
  )
  assert.deepStrictEqual(exit, Exit.succeed(["one", "other"] as const))
  assert.strictEqual(time.now(), 3000)
})

it("a failure of either is the failure of both, and the first one does not run on", () => {
  const time = VirtualTime.make()
  const stopped: Array<string> = []
  const endless = Effect.onInterrupt(Effect.forever(Effect.sleep("1 hour")), () =>
    Effect.sync(() => stopped.push("one"))
  )
  assert.deepStrictEqual(time.run(both(endless, Effect.fail("other"))), Exit.fail("other"))
  assert.deepStrictEqual(stopped, ["one"])
  assert.deepStrictEqual(time.run(both(Effect.fail("one"), Effect.sleep("1 second"))), Exit.fail("one"))
  assert.deepStrictEqual(time.run(both(Effect.fail("one"), Effect.fail("other"))), Exit.fail("one"))
})

it("an interruption stops both, also where the first one was made in an uninterruptible region", () => {
  const time = VirtualTime.make()
  const stopped: Array<string> = []
  const endless = (name: string) =>
    Effect.onInterrupt(Effect.flatMap(Deferred.make<never>(), Deferred.await), () =>
      Effect.sync(() => stopped.push(name))
    )
  const exit = time.run(
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(both(endless("one"), endless("other")))
      yield* Effect.sleep("1 second")
      return yield* Fiber.interrupt(fiber)
    })
  )
  assert.isTrue(Exit.isSuccess(exit))
  assert.deepStrictEqual(stopped.toSorted(), ["one", "other"])
})
