import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { addressOf, run } from "./world.js"

it("an address that is not reached does not make the key rest again", () => {
  const addresses = [addressOf(1, 1), addressOf(1, 2), addressOf(1, 3)]
  const script = ({ number }: TowerScript.Dial) =>
    number === 1 ? TowerScript.failsAt("reply") : number === 2 ? TowerScript.failsAt("dial") : TowerScript.ok
  run({ towers: [{ script, addresses }] }, (world) =>
    Effect.gen(function* () {
      yield* world.negotiator.nextSession
      expect(world.dialsOf(1).map(({ address, at }) => ({ address, at }))).toEqual(
        addresses.map((address) => ({ address, at: 0 }))
      )
    })
  )
})
