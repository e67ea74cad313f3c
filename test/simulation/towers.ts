/** The towers of a simulated world: half of them good, half of those always listed; the other half faulty. */
import { Effect } from "effect"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as TowerScript from "../../src/layers/testing/TowerScript.js"
import type { PublicKey, TowerId } from "../../src/schema/Ids.js"
import { TowerAddress } from "../../src/schema/TowerAddress.js"
import type { ClientDb } from "../../src/services/ClientDb.js"
import { familyTowerId } from "../../src/services/KeyRing.js"
import * as Chance from "./chance.js"
import * as Characters from "./characters.js"

export interface SimulatedTower {
  readonly id: TowerId
  readonly publicKey: PublicKey
  readonly isGood: boolean
  /** Neither it nor an address of it is ever removed. */
  readonly isSteady: boolean
  readonly character: Characters.Character
  readonly addresses: ReadonlyArray<TowerAddress>
  /** Its newest address is dead. */
  readonly deadAddress: TowerAddress | undefined
  listed: boolean
}

export interface Towers {
  readonly all: ReadonlyArray<SimulatedTower>
  readonly get: (key: PublicKey) => SimulatedTower | undefined
  /** Listed, and giving a session within one hedge delay. */
  readonly good: () => Generator<PublicKey>
  readonly script: (dial: TowerScript.Dial) => TowerScript.Script
}

const makeTower = (db: ClientDb.Service, seed: number, index: number) =>
  Effect.gen(function* () {
    const chance = Chance.make(seed, index)
    const isGood = index % 2 === 0
    const faulty = [...Object.values(Characters.hostile), ...Object.values(Characters.moody)]
    const character = isGood ? Characters.good : (faulty[chance.between(0, faulty.length - 1)] ?? Characters.good)
    const publicKey = FixedKeyRing.fakeKeyOf({ family: familyTowerId, index: index + 1 })
    const oldest = TowerAddress.make(`10.${index >> 8}.${index & 0xff}.1:9911`)
    let tower = yield* db.createTower(publicKey, oldest)
    for (let more = chance.between(0, 2); more > 0; more--) {
      tower = yield* db.createTower(publicKey, TowerAddress.make(`10.${index >> 8}.${index & 0xff}.${more + 1}:9911`))
    }
    const { addresses, id } = tower
    const self: SimulatedTower = {
      id,
      publicKey,
      isGood,
      isSteady: index % 4 === 0,
      character: character(chance),
      addresses,
      deadAddress: isGood && addresses.length > 1 && chance.oneIn(5) ? addresses[0] : undefined,
      listed: true
    }
    return self
  })

/** That number of towers, in the database. */
export const make = (db: ClientDb.Service, seed: number, count: number) =>
  Effect.gen(function* () {
    const all: Array<SimulatedTower> = []
    for (let index = 0; index < count; index++) all.push(yield* makeTower(db, seed, index))
    const byKey = new Map(all.map((tower) => [tower.publicKey, tower]))
    const towers: Towers = {
      all,
      get: (key) => byKey.get(key),
      good: function* () {
        for (const tower of all) if (tower.isGood && tower.listed) yield tower.publicKey
      },
      script: (dial) => {
        const tower = byKey.get(dial.tower)
        return tower === undefined || dial.address === tower.deadAddress
          ? TowerScript.failsAt("dial")
          : tower.character(dial)
      }
    }
    return towers
  })
