import { expect, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import * as Metrics from "../../src/layers/Metrics.js"
import { Tag } from "../../src/layers/negotiator/SessionNegotiator.js"
import * as TowerScript from "../../src/layers/testing/TowerScript.js"
import { SessionNegotiator } from "../../src/services/SessionNegotiator.js"
import { run } from "./negotiator/world.js"

it("rounds, failures, sessions and visits are counted", () => {
  const towers = [{ script: () => TowerScript.replies(64) }, { script: () => ({ ...TowerScript.ok, latency: 20 }) }]
  run({ towers }, (world) =>
    Effect.gen(function* () {
      const negotiator = Layer.succeed(SessionNegotiator, world.negotiator)
      yield* Effect.gen(function* () {
        const before = yield* Metric.value(Metrics.sessions)
        yield* world.negotiator.nextSession
        yield* world.negotiator.nextSession
        yield* Effect.sleep(1)
        expect((yield* Metric.value(Metrics.sessions)).count - before.count).toBe(2)
        expect((yield* Metric.value(Metric.tagged(Metrics.rounds, "outcome", "session"))).count).toBe(2)
        expect((yield* Metric.value(Metric.tagged(Metrics.failures, "failure", "PermanentTowerFailure"))).count).toBe(1)
        expect((yield* Metric.value(Metric.tagged(Metrics.quarantines, "reason", "RejectBlobType"))).count).toBe(1)
        expect((yield* Metric.value(Metrics.visitDuration)).sum).toBe(120)
        expect((yield* Metric.value(Metrics.pending)).value).toBe(0)
      }).pipe(Effect.provide(Layer.provide(Metrics.layer, negotiator)))
    })
  )
})

it("those of a negotiator under a tag of its own have its label", () => {
  class Anchor extends Tag("Anchor")<Anchor>() {}
  run({ towers: [{ script: () => TowerScript.ok }] }, (world) =>
    Effect.gen(function* () {
      yield* world.negotiator.nextSession
      yield* Effect.sleep(1)
      const labelled = Metric.tagged(Metrics.sessions, "negotiator", "effect-watchtower/SessionNegotiator/Anchor")
      expect((yield* Metric.value(labelled)).count).toBe(1)
    }).pipe(Effect.provide(Layer.provide(Metrics.layerOf(Anchor), Layer.succeed(Anchor, world.negotiator))))
  )
})
