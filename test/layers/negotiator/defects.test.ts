/** What becomes of a defect in a port: every caller gets it (docs/negotiation.md, Requests and takers). */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Stream } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { always, dials, good, scene } from "./scenes.js"
import { second, type WorldOptions } from "./world.js"

const dead = always(TowerScript.failsAt("dial"))
const silent = always(TowerScript.silentAt("init"))
const { Move } = TowerScript

describe("a defect of a port reaches every waiting caller, and nothing is left open", () => {
  // Compared by its text and stack: an error that was thrown within a span is a proxy of it.
  const defect = new Error("a defect on purpose")
  const dies = Effect.die(defect)
  const dbDying =
    (method: "nextSessionKeyIndex" | "createClientSession" | "freeSessionKeyIndex") =>
    (db: ClientDb.Service): ClientDb.Service => ({ ...db, [method]: () => dies })

  const cases: ReadonlyArray<readonly [string, WorldOptions]> = [
    ["nextSessionKeyIndex", { towers: [good()], db: dbDying("nextSessionKeyIndex") }],
    ["createClientSession", { towers: [good()], db: dbDying("createClientSession") }],
    ["freeSessionKeyIndex", { towers: [dead], db: dbDying("freeSessionKeyIndex") }],
    [
      "deriveKey",
      {
        towers: [good()],
        keyRing: (ring) => ({ ...ring, deriveKey: (locator) => (locator.index > 0 ? dies : ring.deriveKey(locator)) })
      }
    ],
    ["ecdh", { towers: [good()], keyRing: (ring) => ({ ...ring, ecdh: () => dies }) }],
    [
      "the list of candidates",
      {
        towers: [good()],
        candidates: (candidates) => {
          let count = 0
          return { ...candidates, list: Effect.suspend(() => (++count === 1 ? candidates.list : dies)) }
        }
      }
    ],
    ["dial", { towers: [always({ delays: { dial: dies } })] }],
    ["receive", { towers: [always({ delays: { reply: dies } })] }],
    ["beside a slow one", { towers: [silent, always({ delays: { dial: dies } })] }]
  ]

  for (const [name, spec] of cases) {
    it(name, () => {
      scene(spec, (world) =>
        Effect.gen(function* () {
          const { negotiator } = world
          const takers: ReadonlyArray<Fiber.Fiber<unknown>> = [
            yield* Effect.fork(negotiator.nextSession),
            yield* Effect.fork(negotiator.takeSession),
            yield* Effect.fork(Stream.runDrain(negotiator.newSessions))
          ]
          yield* Effect.sleep(2 * second)
          expect(world.transport.open()).toEqual([])
          for (const taker of takers) {
            const exit = yield* Fiber.await(taker)
            expect(Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined).toMatchObject({
              message: defect.message
            })
          }
          // So do later callers; a request still is no error.
          yield* negotiator.requestSession
          for (const call of [negotiator.nextSession, negotiator.takeSession]) {
            expect(Cause.squash(yield* Effect.flip(Effect.sandbox(call)))).toMatchObject({
              message: defect.message,
              stack: defect.stack
            })
          }
          const own = yield* Effect.flip(Effect.sandbox(negotiator.negotiate))
          expect(Cause.squash(own)).toMatchObject({ message: defect.message, stack: defect.stack })
        })
      )
    })
  }

  it("loading the standing of a tower that is added", () => {
    let dying = false
    const db = (inner: ClientDb.Service): ClientDb.Service => ({
      ...inner,
      loadStandings: (...all) => (dying ? dies : inner.loadStandings(...all))
    })
    scene({ towers: [{ ...good(100), later: true }], db }, (world) =>
      Effect.gen(function* () {
        const taker = yield* Effect.fork(world.negotiator.nextSession)
        yield* Effect.sleep(second)
        dying = true
        yield* world.add(1)
        const exit = yield* Fiber.await(taker)
        expect(Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined).toMatchObject({
          message: defect.message,
          stack: defect.stack
        })
      })
    )
  })

  it("an error that a port may not have is a defect too", () => {
    const move = Move.Fail({
      error: () => {
        throw defect
      }
    })
    scene({ towers: [always(TowerScript.at("init", move))] }, (world) =>
      Effect.gen(function* () {
        expect(Cause.squash(yield* Effect.flip(Effect.sandbox(world.negotiator.nextSession)))).toMatchObject({
          message: defect.message
        })
        expect(dials(world).length).toBe(1)
      })
    )
  })
})
