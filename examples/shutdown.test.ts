import { assert, it } from "@effect/vitest"
import { Clock, Context, Effect, Exit, Fiber, Layer, Scope, TestClock } from "effect"
import { ClientDb, SessionNegotiator } from "effect-watchtower"
import { ScriptedWatchtower, TowerScript } from "effect-watchtower/testing"

const towers = [TowerScript.silentAt("reply")]

it.effect("stops at once in the middle of a negotiation, and leaves no connection and no half-made session", () =>
  Effect.gen(function* () {
    // An application's own scope, which it closes when it is told to stop.
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(ScriptedWatchtower.layer({ towers }), scope)
    const negotiator = Context.get(context, SessionNegotiator.SessionNegotiator)
    const seen = Context.get(context, ScriptedWatchtower.Towers)
    const database = Context.get(context, ClientDb.ClientDb)

    const waiting = yield* Effect.fork(negotiator.nextSession)
    yield* TestClock.adjust("5 seconds")
    // CreateSession was sent, and the tower says nothing.
    const { state } = yield* negotiator.status
    assert.strictEqual(state._tag, "Negotiating")
    assert.strictEqual(seen.open().length, 1)

    yield* Scope.close(scope, Exit.void)
    // No time has passed: nothing was waited for.
    assert.strictEqual(yield* Clock.currentTimeMillis, 5_000)
    assert.deepStrictEqual(seen.open(), [])
    // Callers that wait are interrupted, and do not hang.
    assert.isTrue(Exit.isInterrupted(yield* Fiber.await(waiting)))
    assert.deepStrictEqual(yield* database.listClientSessions(), [])
  })
)
