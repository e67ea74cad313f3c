import { assert, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { SessionNegotiator } from "effect-watchtower"
import { Code, ScriptedWatchtower, TowerScript } from "effect-watchtower/testing"

// What is tested: a program that needs a session.
const program = Effect.gen(function* () {
  const negotiator = yield* SessionNegotiator.SessionNegotiator
  const session = yield* negotiator.nextSession
  return `session ${session.keyIndex} with ${session.towerPublicKey}`
})

const towers = [TowerScript.replies(Code.rejectBlobType), TowerScript.silentAt("reply"), TowerScript.ok]

it.effect("asks the next tower when one refuses, and when one is silent for a second", () =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(program)
    yield* TestClock.adjust("1 second")
    assert.strictEqual(yield* Fiber.join(fiber), `session 3 with ${ScriptedWatchtower.uriOf(3).publicKey}`)
    const seen = yield* ScriptedWatchtower.Towers
    assert.strictEqual(seen.count(), 3)
  }).pipe(Effect.provide(ScriptedWatchtower.layer({ towers })))
)

it("has a session without a negotiator", () => {
  const used = ScriptedWatchtower.session({ seqNum: 12, towerLastApplied: 10 })
  assert.strictEqual(used.seqNum - used.towerLastApplied, 2)
})
