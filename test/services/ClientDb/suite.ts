import { describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import type { Elapse, Test } from "./contract.js"
import { identityCases } from "./identity.js"
import { reservationsCases } from "./reservations.js"
import { sessionsCases } from "./sessions.js"
import { standingsCases } from "./standings.js"
import { towersCases } from "./towers.js"

/** The cases of every `ClientDb`; each gets a new database from the layer. */
export const suite = <E>(name: string, layer: Layer.Layer<ClientDb | Elapse, E>) => {
  const test: Test = (title, body) => it.effect(title, () => Effect.provide(body, layer))
  describe(name, () => {
    for (const cases of [identityCases, towersCases, reservationsCases, sessionsCases, standingsCases]) cases(test)
  })
}
