import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import { SessionNegotiator } from "effect-watchtower"
import { Code, ScriptedWatchtower, TowerScript } from "effect-watchtower/testing"

// A tower that refuses its first two connections ("try again later"), and is in order from the third one on.
const recovers = ({ number }: TowerScript.Dial) =>
  number < 3 ? TowerScript.replies(Code.temporaryFailure) : TowerScript.ok

it.effect("asks a tower that refused again after 10 and 20 seconds, says so meanwhile, and gets its session", () =>
  Effect.gen(function* () {
    const negotiator = yield* SessionNegotiator.SessionNegotiator
    const towers = yield* ScriptedWatchtower.Towers
    const session = yield* Effect.fork(negotiator.nextSession)

    // What an operator is told while the program waits: until when, and what the tower said.
    yield* TestClock.adjust("1 second")
    const { state } = yield* negotiator.status
    if (state._tag !== "BackingOff") return assert.fail(state._tag)
    assert.strictEqual(state.until, 10_000)
    assert.deepStrictEqual(
      state.failures.map(({ failure }) => failure._tag),
      ["SessionRejected"]
    )

    yield* TestClock.adjust("28 seconds")
    assert.deepStrictEqual(yield* Fiber.poll(session), Option.none())
    yield* TestClock.adjust("1 second")
    assert.strictEqual((yield* Fiber.join(session)).towerPublicKey, ScriptedWatchtower.uriOf(1).publicKey)
    assert.deepStrictEqual(
      towers.dials().map(({ at }) => at),
      [0, 10_000, 30_000]
    )
  }).pipe(Effect.provide(ScriptedWatchtower.layer({ towers: [recovers] })))
)
