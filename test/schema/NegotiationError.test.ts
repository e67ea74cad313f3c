import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TowerScript from "../../src/layers/testing/TowerScript.js"
import * as NegotiationError from "../../src/schema/NegotiationError.js"
import { Tower } from "../../src/schema/Tower.js"
import type { TowerCandidates } from "../../src/services/TowerCandidates.js"
import { run } from "../layers/negotiator/world.js"

describe("causes", () => {
  it("are the typed failures of a round, to match on", () => {
    const towers = [
      { script: () => TowerScript.replies(64) },
      { script: () => TowerScript.ok },
      { script: () => TowerScript.replies(40) }
    ]
    const withoutAddress = (tower: Tower) => (tower.id === 2 ? new Tower({ ...tower, addresses: [] }) : tower)
    const candidates = (inner: TowerCandidates.Service): TowerCandidates.Service => ({
      ...inner,
      list: Effect.map(inner.list, (list) => list.map(withoutAddress))
    })
    run({ towers, candidates }, ({ negotiator }) =>
      Effect.gen(function* () {
        const error = yield* Effect.orDie(Effect.flip(negotiator.negotiate))
        const refused = NegotiationError.causes(error).filter((cause) => cause._tag === "PermanentTowerFailure")
        expect(refused.map(({ reason }) => reason)).toEqual(["RejectBlobType"])
        expect(NegotiationError.causes(error).some((cause) => cause._tag === "NoTowerAddrs")).toBe(true)
        expect(NegotiationError.causes(error).map((cause) => cause._tag)).toEqual([
          "PermanentTowerFailure",
          "NoTowerAddrs",
          "SessionRejected"
        ])
      })
    )
  })

  it("of no tower to ask is that there is none", () => {
    const error = new NegotiationError.NoTowerCandidates({ quarantined: 0 })
    expect(NegotiationError.causes(error)).toEqual([error])
  })
})
