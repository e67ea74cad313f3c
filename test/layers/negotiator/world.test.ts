import { expect, it } from "@effect/vitest"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { always } from "./scenes.js"
import { hour, RunsAway, run } from "./world.js"

const towers = [always(TowerScript.failsAt("dial"))]

it("a program that waits for ever is stopped at the limit of virtual time", () => {
  const limits = { time: hour }
  expect(() => run({ towers, limits }, (world) => world.negotiator.nextSession)).toThrow(RunsAway)
})

it("one that waits for ever in short steps is stopped before its events fill the memory, and its failure says how far it came", () => {
  const limits = { events: 1000 }
  const options = { minBackoff: 1, maxBackoff: 1 }
  expect(() => run({ towers, options, limits }, (world) => world.negotiator.nextSession)).toThrow(
    /^After 100\d events and 0\.0 h of virtual time the world is not at its end; the last event is BackingOff\.$/
  )
})
