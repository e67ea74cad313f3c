import { describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { BackupDb } from "../../../src/services/BackupDb.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import type { Elapse } from "../ClientDb/contract.js"
import { channelsCases } from "./channels.js"
import type { Test } from "./contract.js"
import { endsCases } from "./ends.js"
import { leaseCases } from "./lease.js"
import { statesCases } from "./states.js"
import { towerNeedsCases } from "./towerNeeds.js"
import { windowsCases } from "./windows.js"

/** The cases of every `BackupDb`; each gets a new database from the layer. */
export const suite = <E>(name: string, layer: Layer.Layer<BackupDb | ClientDb | Elapse, E>) => {
  const test: Test = (title, body) => it.effect(title, () => Effect.provide(body, layer))
  describe(name, () => {
    for (const cases of [channelsCases, statesCases, windowsCases, towerNeedsCases, endsCases, leaseCases]) {
      cases(test)
    }
  })
}
