/** The time limit of a visit, and who is to blame when it is reached (docs/negotiation.md, A visit). */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { OwnTimeout } from "../../../src/schema/NegotiationError.js"
import { addressesDialled, always, byAddress, dials, failures, good, sleepUntil } from "./scenes.js"
import { addressOf, run, second, those } from "./world.js"

/** Two addresses for a tower, in the order of trial. */
const [first, other] = [addressOf(1, 1), addressOf(1, 2)]

describe("a visit has a time limit of 90 s, a failure of whom it waits for", () => {
  const patient = { dialTimeout: Infinity, handshakeTimeout: Infinity, messageTimeout: Infinity }
  const stages: ReadonlyArray<TowerScript.Stage> = ["dial", "actTwo", "sendInit", "init", "sendCreateSession", "reply"]

  for (const stage of stages) {
    it(`a tower silent at ${stage}: VisitTimeout; the address that was not reached has its turn in the next visit`, () => {
      const towers = [
        {
          ...byAddress([
            [first, TowerScript.silentAt(stage)],
            [other, TowerScript.ok]
          ])
        }
      ]
      run({ towers, transport: patient }, (world) =>
        Effect.gen(function* () {
          const session = yield* world.negotiator.nextSession
          expect(failures(world.events)).toEqual([[90_000, 1, "VisitTimeout"]])
          expect(those(world.events, "VisitFailed")).toEqual([
            expect.objectContaining({ at: 90_000, blamed: true, restsUntil: 100_000 })
          ])
          expect(world.dialsOf(1).map(({ address, at }) => [at, address])).toEqual([
            [0, first],
            [100_000, other]
          ])
          expect(session).toMatchObject({ keyIndex: 1, createdAt: 100_000 })
        })
      )
    })
  }

  it("many addresses, each slow to fail: the limit ends the visit, and those not reached come first afterwards", () => {
    const all = Array.from({ length: 12 }, (_, i) => addressOf(1, i + 1))
    const towers = [{ ...always(TowerScript.silentAt("dial")), addresses: all }]
    run({ towers }, (world) =>
      Effect.gen(function* () {
        yield* world.negotiator.requestSession
        yield* sleepUntil(125 * second)
        expect(addressesDialled(world, 1)).toEqual(all)
        expect(those(world.events, "VisitFailed")[0]?.at).toBe(90_000)
      })
    )
  })

  it("a database that takes longer than the visit: OwnTimeout, once it has answered; the key is not shown", () => {
    run(
      {
        towers: [good()],
        db: (db) => ({
          ...db,
          nextSessionKeyIndex: (...all) => Effect.delay(db.nextSessionKeyIndex(...all), 91 * second)
        })
      },
      (world) =>
        Effect.gen(function* () {
          yield* world.negotiator.requestSession
          yield* sleepUntil(92 * second)
          expect(failures(world.events)).toEqual([[91_000, 1, "OwnTimeout"]])
          expect(those(world.events, "AttemptFailed")).toEqual([
            expect.objectContaining({ failure: new OwnTimeout({ waitingFor: "database" }) })
          ])
          expect(those(world.events, "VisitFailed")).toEqual([expect.objectContaining({ blamed: false })])
          expect(dials(world)).toEqual([])
        })
    )
  })

  for (const operation of ["deriveKey", "ecdh"] as const) {
    it(`a key ring that does not answer (${operation}): OwnTimeout, the tower is not blamed`, () => {
      run(
        {
          towers: [good()],
          keyRing: (ring) => ({
            ...ring,
            deriveKey: (locator) =>
              operation === "deriveKey" && locator.index > 0 ? Effect.never : ring.deriveKey(locator),
            ecdh: (...all) => (operation === "ecdh" ? Effect.never : ring.ecdh(...all))
          })
        },
        (world) =>
          Effect.gen(function* () {
            yield* world.negotiator.requestSession
            yield* sleepUntil(91 * second)
            expect(failures(world.events)).toEqual([[90_000, 1, "OwnTimeout"]])
            expect(those(world.events, "VisitFailed")).toEqual([expect.objectContaining({ blamed: false })])
          })
      )
    })
  }
})
