import { expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Logger, LogLevel, Scope } from "effect"
import * as Logging from "../../../src/layers/negotiator/logging.js"
import * as SessionNegotiator from "../../../src/layers/negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import * as ScriptedWatchtower from "../../../src/layers/testing/ScriptedWatchtower.js"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import { DatabaseBusy } from "../../../src/schema/DbError.js"
import { KeyIndex, TowerId } from "../../../src/schema/Ids.js"
import { VisitTimeout } from "../../../src/schema/NegotiationError.js"
import { Happening } from "../../../src/schema/NegotiatorEvent.js"
import { DialFailed } from "../../../src/schema/TransportError.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { addressOf, options, second, towerKey } from "./world.js"

it("each line says which negotiator it is of, and its annotations have one prefix", () => {
  class Taproot extends SessionNegotiator.Tag("Taproot")<Taproot>() {}
  const logged: Array<ReadonlyArray<string>> = []
  const logger = Logger.make<unknown, void>(({ annotations }) => {
    logged.push(Array.from(annotations, ([key, value]) => (key === "watchtower.negotiator" ? `${key}=${value}` : key)))
  })
  const program = Effect.gen(function* () {
    const memory = yield* MemoryClientDb.make()
    yield* memory.createTower(towerKey(1), addressOf(1))
    const layer = SessionNegotiator.layerOf(Taproot, options).pipe(
      Layer.provide(Layer.provideMerge(RoundRobinTowerCandidates.layer(), Layer.succeed(ClientDb, memory))),
      Layer.provide(FixedKeyRing.layerFake),
      Layer.provide(ScriptedTowerTransport.make(() => TowerScript.ok).layer),
      Layer.provide(Logger.replace(Logger.defaultLogger, logger))
    )
    yield* Effect.provide(
      Effect.flatMap(Taproot, ({ nextSession }) => nextSession),
      layer
    )
  })
  expect(VirtualTime.run(program)).toEqual(Exit.void)
  expect(logged.map((keys) => [...keys].sort())).toEqual([
    [
      "watchtower.keyIndex",
      "watchtower.negotiator=effect-watchtower/SessionNegotiator/Taproot",
      "watchtower.session",
      "watchtower.tower"
    ]
  ])
})

it("a session that is stored while the negotiator closes is logged", () => {
  const logged: Array<unknown> = []
  const logger = Logger.make<unknown, void>(({ message }) => void logged.push(message))
  const program = Effect.gen(function* () {
    const memory = yield* MemoryClientDb.make()
    const db: ClientDb.Service = {
      ...memory,
      createClientSession: (...all) => Effect.delay(memory.createClientSession(...all), second)
    }
    yield* memory.createTower(towerKey(1), addressOf(1))
    const database = Layer.succeed(ClientDb, db)
    const layer = SessionNegotiator.layer(options).pipe(
      Layer.provide(Layer.provideMerge(RoundRobinTowerCandidates.layer(), database)),
      Layer.provide(FixedKeyRing.layerFake),
      Layer.provide(ScriptedTowerTransport.make(() => TowerScript.ok).layer),
      Layer.provide(Logger.replace(Logger.defaultLogger, logger))
    )
    const scope = yield* Scope.make()
    const context = yield* Scope.extend(Layer.build(layer), scope)
    const { requestSession } = yield* Effect.provide(SessionNegotiator.SessionNegotiator, context)
    yield* requestSession
    yield* Effect.sleep(second / 2)
    yield* Scope.close(scope, Exit.void)
  })
  expect(VirtualTime.run(program)).toEqual(Exit.void)
  expect(logged).toEqual([["session established"]])
})

/** The log of a negotiator in which these things happen: level, message, annotations and cause of each line. */
const logOf = (happenings: ReadonlyArray<Happening>, beforeLine: () => void = () => {}) => {
  const lines: Array<unknown> = []
  const logger = Logger.make<unknown, void>(({ annotations, cause, logLevel, message }) => {
    const details = Object.fromEntries([...annotations].filter(([key]) => key !== "watchtower.negotiator"))
    const [text] = Array.isArray(message) ? message : [message]
    lines.push([logLevel.label, text, details, ...(Cause.isEmpty(cause) ? [] : [Cause.squash(cause)])])
    beforeLine()
  })
  const telling = Effect.map(Logging.make("test"), (listen) => {
    for (const [at, happening] of happenings.entries()) listen({ number: at + 1, at, happening })
  })
  const program = Effect.scoped(telling).pipe(
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Logger.withMinimumLogLevel(LogLevel.All),
    Effect.asVoid
  )
  expect(VirtualTime.run(program)).toEqual(Exit.void)
  return lines
}

const tower = { towerId: TowerId.make(1), tower: towerKey(1) }
const unreached = new DialFailed({ address: addressOf(1), reason: "Refused" })
const busy = new DatabaseBusy({ operation: "saveStanding" })

it("says at each level what an operator wants to know at that level", () => {
  const session = ScriptedWatchtower.session()
  expect(
    logOf([
      Happening.RoundStarted({ round: 1, by: "loop" }),
      Happening.AttemptFailed({ ...tower, address: addressOf(1), failure: unreached }),
      Happening.VisitFailed({ ...tower, failure: new VisitTimeout(), blamed: true, restsUntil: 60_000 }),
      Happening.VisitFailed({ ...tower, failure: busy, blamed: false, restsUntil: 0 }),
      Happening.Quarantined({ ...tower, reason: "RejectBlobType", probeAt: 86_400_000 }),
      Happening.KeyUsed({ ...tower, keyIndex: KeyIndex.make(7), lastApplied: 3 }),
      Happening.WriteFailed({ ...tower, failure: busy }),
      Happening.BackingOff({ until: 10_000, attempt: 2, failures: [] }),
      Happening.WaitingForCandidates({}),
      Happening.SessionStored({ session }),
      Happening.Idle()
    ])
  ).toEqual([
    [
      "DEBUG",
      "attempt failed",
      {
        "watchtower.tower": towerKey(1),
        "watchtower.address": addressOf(1),
        "watchtower.failure": unreached.message
      }
    ],
    [
      "DEBUG",
      "tower rests",
      {
        "watchtower.tower": towerKey(1),
        "watchtower.failure": "VisitTimeout",
        "watchtower.restsUntil": "1970-01-01T00:01:00.000Z"
      }
    ],
    [
      "WARN",
      "failure of ours",
      {
        "watchtower.tower": towerKey(1),
        "watchtower.failure": "DatabaseBusy",
        "watchtower.restsUntil": "1970-01-01T00:00:00.000Z"
      }
    ],
    [
      "WARN",
      "tower quarantined",
      {
        "watchtower.tower": towerKey(1),
        "watchtower.reason": "RejectBlobType",
        "watchtower.probeAt": "1970-01-02T00:00:00.000Z"
      }
    ],
    [
      "DEBUG",
      "key was used before",
      { "watchtower.tower": towerKey(1), "watchtower.keyIndex": 7, "watchtower.lastApplied": 3 }
    ],
    ["WARN", "end of a visit not written", { "watchtower.tower": towerKey(1), "watchtower.failure": busy.message }],
    ["DEBUG", "backing off", { "watchtower.attempt": 2, "watchtower.until": "1970-01-01T00:00:10.000Z" }],
    ["DEBUG", "waiting for a tower", {}],
    [
      "INFO",
      "session established",
      {
        "watchtower.session": session.id,
        "watchtower.tower": session.towerPublicKey,
        "watchtower.keyIndex": session.keyIndex
      }
    ]
  ])
})

it("goes on after a line that its logger dies of", () => {
  const lines = logOf([Happening.WaitingForCandidates({}), Happening.WaitingForCandidates({})], () => {
    throw new Error("the disk of the log is full")
  })
  expect(lines.length).toBe(2)
})
