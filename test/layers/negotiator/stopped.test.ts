/** What a defect that ends the negotiator looks like, in each fold over the events. */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Logger, Metric, Stream } from "effect"
import { eventLine as line } from "../../../src/cli/support/eventLine.js"
import * as Metrics from "../../../src/layers/Metrics.js"
import * as Logging from "../../../src/layers/negotiator/logging.js"
import * as Status from "../../../src/layers/negotiator/status.js"
import { TowerId } from "../../../src/schema/Ids.js"
import { Happening, type NegotiatorEvent } from "../../../src/schema/NegotiatorEvent.js"
import { NegotiatorState } from "../../../src/schema/NegotiatorStatus.js"
import { SessionNegotiator } from "../../../src/services/SessionNegotiator.js"
import type { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { good } from "./scenes.js"
import { run, second, those, towerKey, type WorldOptions } from "./world.js"

const cause = new Error("the port is broken")
const tower = { towerId: TowerId.make(1), tower: towerKey(1) }

const events = (...happenings: ReadonlyArray<Happening>): ReadonlyArray<NegotiatorEvent> =>
  happenings.map((happening, index) => ({ number: index + 1, at: index, happening }))

/** A negotiator of which only the events are looked at. */
const telling = (told: ReadonlyArray<NegotiatorEvent>): SessionNegotiator.Service => ({
  requestSession: Effect.void,
  takeSession: Effect.never,
  newSessions: Stream.never,
  nextSession: Effect.never,
  negotiate: Effect.never,
  status: Effect.succeed(Status.initial.status),
  statusChanges: Effect.succeed(Stream.never),
  events: Effect.succeed(Stream.fromIterable(told))
})

describe("Stopped", () => {
  it("is the last state: later events count, and change nothing else", () => {
    const before = events(
      Happening.Demand({ pending: 1, undelivered: 0 }),
      Happening.RoundStarted({ round: 1, by: "loop" })
    )
    const later = [
      Happening.VisitStarted(tower),
      Happening.StepStarted({ ...tower, step: "dialling" }),
      Happening.VisitInterrupted(tower),
      Happening.RoundEnded({ failures: [] }),
      Happening.RoundStarted({ round: 2, by: "negotiate" }),
      Happening.RoundEnded({ failures: [] }),
      Happening.BackingOff({ until: 9, attempt: 1, failures: [] }),
      Happening.WaitingForCandidates({}),
      Happening.Delivering(),
      Happening.Idle(),
      Happening.Demand({ pending: 2, undelivered: 0 }),
      Happening.Stopped({ cause: new Error("another one") })
    ]
    const stopped = [...before, ...events(Happening.Stopped({ cause }))].reduce(Status.after, Status.initial)
    expect(stopped.status).toEqual({ pending: 1, undelivered: 0, state: NegotiatorState.Stopped({ cause }) })
    for (const event of events(...later)) {
      expect(Status.after(stopped, event).status.state).toBe(stopped.status.state)
    }
    expect(events(...later).reduce(Status.after, stopped).status).toEqual({ ...stopped.status, pending: 2 })
  })

  it.effect("is logged as an error, with its cause", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
        lines.push([logLevel.label, message, Cause.squash(cause)])
      })
      const telling = Effect.map(Logging.make("test"), (listen) =>
        listen({ number: 1, at: 0, happening: Happening.Stopped({ cause }) })
      )
      yield* Effect.scoped(telling).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      expect(lines).toEqual([["ERROR", ["negotiator stopped"], cause]])
    })
  )

  it.effect("is counted", () =>
    Effect.gen(function* () {
      const before = yield* Metric.value(Metrics.stopped)
      const told = events(Happening.Stopped({ cause }), Happening.Idle())
      const counted = yield* Effect.makeLatch()
      const negotiator: SessionNegotiator.Service = {
        ...telling([]),
        events: Effect.succeed(Stream.concat(Stream.fromIterable(told), Stream.execute(counted.open)))
      }
      yield* Effect.provide(counted.await, Layer.provide(Metrics.layer, Layer.succeed(SessionNegotiator, negotiator)))
      expect((yield* Metric.value(Metrics.stopped)).count - before.count).toBe(1)
    })
  )

  /** The candidate list, which ends like that from its second reading on. */
  const listEnds =
    (end: Effect.Effect<never>) =>
    (candidates: TowerCandidates.Service): TowerCandidates.Service => {
      let count = 0
      return { ...candidates, list: Effect.suspend(() => (++count === 1 ? candidates.list : end)) }
    }
  const ends: ReadonlyArray<readonly [string, WorldOptions, RegExp]> = [
    [
      "a defect of the key ring",
      { towers: [good(100)], keyRing: (ring) => ({ ...ring, ecdh: () => Effect.die(cause) }) },
      /broken/
    ],
    ["a defect of the candidate list", { towers: [good(100)], candidates: listEnds(Effect.die(cause)) }, /broken/],
    [
      "an interruption by the candidate list",
      { towers: [good(100)], candidates: listEnds(Effect.interrupt) },
      /interrupted/i
    ]
  ]

  for (const [what, spec, message] of ends) {
    it(`is what ${what} makes of a negotiator: it is told, and all callers get the cause`, () => {
      run(spec, (world) =>
        Effect.gen(function* () {
          const { negotiator } = world
          const taker = yield* Effect.fork(negotiator.nextSession)
          yield* Effect.sleep(second)
          const { state } = yield* negotiator.status
          expect(state).toMatchObject({ _tag: "Stopped", cause: { message: expect.stringMatching(message) } })
          const causeOf = (exit: Exit.Exit<unknown, unknown>) =>
            Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
          expect(causeOf(yield* Fiber.await(taker))).toMatchObject({ message: expect.stringMatching(message) })
          for (const call of [negotiator.nextSession, negotiator.takeSession, negotiator.negotiate]) {
            expect(causeOf(yield* Effect.exit(call))).toMatchObject({ message: expect.stringMatching(message) })
          }
          // What has stopped asks no tower any more, and stays so when it is closed.
          const dialled = world.transport.count()
          yield* negotiator.requestSession
          yield* Effect.sleep(second)
          expect(world.transport.count()).toBe(dialled)
          yield* world.close
          expect((yield* negotiator.status).state).toEqual(state)
        })
      )
    })
  }

  it("is not what closing makes of it", () => {
    run({ towers: [good(100)] }, (world) =>
      Effect.gen(function* () {
        yield* Effect.fork(world.negotiator.nextSession)
        yield* Effect.sleep(50)
        yield* world.close
        expect(those(world.events, "Stopped")).toEqual([])
      })
    )
  })

  it("is told to people", () => {
    const [told] = events(Happening.Stopped({ cause }))
    expect(told && line(told)).toBe("a bug has ended the negotiator, which gives no more sessions: the port is broken")
  })
})
