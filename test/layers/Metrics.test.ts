import { expect, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import * as Metrics from "../../src/layers/Metrics.js"
import { Tag } from "../../src/layers/negotiator/SessionNegotiator.js"
import * as TowerScript from "../../src/layers/testing/TowerScript.js"
import { SessionNegotiator } from "../../src/services/SessionNegotiator.js"
import { minute, run, second, type WorldOptions } from "./negotiator/world.js"

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

it("a round says how it ended: with a session, with failures, or without a tower to ask", () => {
  const countOf = (outcome: string) =>
    Effect.map(Metric.value(Metric.tagged(Metrics.rounds, "outcome", outcome)), ({ count }) => count)
  const counts = Effect.all([countOf("session"), countOf("failed"), countOf("empty")])
  /** What the rounds of a world add, while one request waits in it for that time. */
  const added = (spec: WorldOptions, millis: number) =>
    run(spec, (world) =>
      Effect.gen(function* () {
        const before = yield* counts
        yield* world.negotiator.requestSession
        yield* Effect.sleep(millis)
        expect((yield* Metric.value(Metrics.pending)).value).toBe(1)
        const after = yield* counts
        return after.map((count, index) => count - (before[index] ?? 0))
      }).pipe(Effect.provide(Layer.provide(Metrics.layer, Layer.succeed(SessionNegotiator, world.negotiator))))
    )
  // The second round begins after 10 s.
  expect(added({ towers: [{ script: () => TowerScript.failsAt("dial") }] }, 15 * second)).toEqual([0, 2, 0])
  expect(added({ towers: [] }, second)).toEqual([0, 0, 1])
})

it("visits of ten seconds and of a minute are counted apart", () => {
  run(
    { towers: [{ script: () => ({ delays: { reply: 10 * second } }) }], transport: { messageTimeout: minute } },
    (world) =>
      Effect.gen(function* () {
        const before = yield* Metric.value(Metrics.visitDuration)
        yield* world.negotiator.nextSession
        yield* Effect.sleep(1)
        const { buckets } = yield* Metric.value(Metrics.visitDuration)
        const bounds = buckets
          .filter(([, count], index) => count > (before.buckets[index]?.[1] ?? 0))
          .map(([bound]) => bound)
        expect(Math.min(...bounds)).toBeLessThan(minute)
        expect(Math.min(...bounds)).toBeGreaterThanOrEqual(10 * second)
      }).pipe(Effect.provide(Layer.provide(Metrics.layer, Layer.succeed(SessionNegotiator, world.negotiator))))
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
