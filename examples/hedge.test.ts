import { assert, it } from "@effect/vitest"
import { Clock, Effect, Fiber, TestClock } from "effect"
import { SessionNegotiator } from "effect-watchtower"
import { ScriptedWatchtower, TowerScript } from "effect-watchtower/testing"

const [silent, prompt] = [ScriptedWatchtower.uriOf(1).publicKey, ScriptedWatchtower.uriOf(2).publicKey]

it.effect("asks a second tower when the first is silent for a second, and asks that one first from then on", () =>
  Effect.gen(function* () {
    const negotiator = yield* SessionNegotiator.SessionNegotiator
    const towers = yield* ScriptedWatchtower.Towers
    const first = yield* Effect.fork(Effect.zip(negotiator.nextSession, Clock.currentTimeMillis))

    yield* TestClock.adjust("999 millis")
    assert.deepStrictEqual(
      towers.dials().map(({ tower }) => tower),
      [silent]
    )
    yield* TestClock.adjust("1 millis")
    const [session, at] = yield* Fiber.join(first)
    assert.deepStrictEqual([session.towerPublicKey, at], [prompt, 1000])

    // The silent tower was overtaken: its connection is closed, and it rests behind the other one.
    assert.deepStrictEqual(towers.open(), [])
    assert.strictEqual((yield* negotiator.nextSession).towerPublicKey, prompt)

    // No two towers have seen the same session key.
    const keys = towers.dials().map(({ publicKey }) => publicKey)
    assert.strictEqual(new Set(keys).size, keys.length)
    assert.deepStrictEqual(towers.violations(), [])
  }).pipe(Effect.provide(ScriptedWatchtower.layer({ towers: [TowerScript.silentAt("reply"), TowerScript.ok] })))
)
