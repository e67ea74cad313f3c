/** One recorded run again, with our negotiator under the reference's rules and virtual time. */
import { Clock, Effect, Exit, Layer } from "effect"
import { makeWithRules } from "../../../src/layers/negotiator/makeWithRules.js"
import { decode, type Options } from "../../../src/layers/negotiator/Options.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import * as Chain from "../../../src/schema/Chain.js"
import { AtomsPerKb } from "../../../src/schema/FeeRate.js"
import type { PublicKey, TowerId } from "../../../src/schema/Ids.js"
import { Tower } from "../../../src/schema/Tower.js"
import type { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { KeyRing } from "../../../src/services/KeyRing.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { TowerTransport } from "../../../src/services/TowerTransport.js"
import type { Event, Scenario, ScenarioTower } from "./file.js"
import * as Outcome from "./outcome.js"
import * as Ports from "./ports.js"
import * as Recorder from "./recorder.js"
import * as Reference from "./reference.js"
import * as ScriptedTowerCandidates from "./ScriptedTowerCandidates.js"

/** What came out: both lists, when Stop had taken effect, and the connections that were not closed then. */
export interface Replay {
  readonly negotiator: ReadonlyArray<Event>
  readonly delivered: ReadonlyArray<Event>
  readonly stoppedAt: number
  readonly open: number
}

const towerOf = (id: TowerId, addresses: ReadonlyArray<TowerAddress>) =>
  new Tower({ id, publicKey: FixedKeyRing.publicKeyOf(1_000_000 + id), addresses })

const optionsOf = (scenario: Scenario): Options => ({
  chain: { ...Chain.decredMainnet, chainHash: scenario.chainHash },
  policy: {
    blobType: scenario.blobType,
    maxUpdates: scenario.maxUpdates,
    rewardBase: scenario.rewardBase,
    rewardRate: scenario.rewardRate,
    sweepFeeRate: AtomsPerKb.make(scenario.sweepFeeRate)
  },
  minBackoff: scenario.minBackoffMs,
  maxBackoff: scenario.maxBackoffMs
})

const change = (candidates: ScriptedTowerCandidates.ScriptedTowerCandidates, change: Scenario["changes"][number]) => {
  const { addresses, op, tower } = change
  switch (op) {
    case "addCandidate":
      return candidates.addCandidate(towerOf(tower, addresses))
    case "removeCandidate":
      return candidates.removeCandidate(tower)
    case "removeAddress":
      return Effect.forEach(addresses, (address) => Effect.ignore(candidates.removeAddress(tower, address)))
  }
}

const program = (scenario: Scenario, ours: Recorder.Recorder, delivered: Recorder.Recorder) =>
  Effect.gen(function* () {
    const ids = new Map<PublicKey, ScenarioTower>()
    for (const tower of scenario.towers) ids.set(towerOf(tower.id, []).publicKey, tower)
    const known = (publicKey: PublicKey): ScenarioTower => {
      const tower = ids.get(publicKey)
      if (tower === undefined) throw new Error(`no tower of the scenario has the key ${publicKey}`)
      return tower
    }

    const candidates = yield* ScriptedTowerCandidates.make({
      towers: scenario.towers.filter((tower) => !tower.later).map((tower) => towerOf(tower.id, tower.addresses)),
      onWalk: Recorder.walk(ours)
    })
    const towers = ScriptedTowerTransport.make(
      (dial) => Outcome.script(known(dial.tower), dial.number, scenario.chainHash),
      { dialTimeout: Infinity, handshakeTimeout: Infinity, messageTimeout: Infinity }
    )
    const ports = Layer.mergeAll(
      Layer.succeed(ClientDb, Ports.database(scenario, ours)),
      Layer.succeed(KeyRing, Ports.keyRing(scenario, ours)),
      Layer.succeed(
        TowerCandidates,
        Reference.unchanging(
          candidates.service,
          [...scenario.towers.map(({ id, addresses }) => ({ tower: id, addresses })), ...scenario.changes].map(
            ({ tower, addresses }) => towerOf(tower, addresses)
          )
        )
      ),
      Layer.succeed(
        TowerTransport,
        Recorder.transport(ours, towers.service, (tower) => known(tower).id)
      )
    )

    const run = Effect.gen(function* () {
      const { limit, listen } = Reference.limited()
      const settings = Reference.settings(decode(optionsOf(scenario)))
      const negotiator = limit(yield* makeWithRules(Reference.rules(candidates), settings, { listen }))
      // The worker has not taken its first step yet.
      for (let request = 0; request < scenario.requestsBeforeStart; request++) yield* negotiator.requestSession
      const actors = [
        ...scenario.requestsMs.map((at) => Effect.delay(negotiator.requestSession, at)),
        ...scenario.changes.map((one) => Effect.delay(change(candidates, one), one.atMs))
      ]
      if (scenario.consumeFromMs !== null) {
        const consume = Effect.flatMap(negotiator.takeSession, ({ towerId, keyIndex }) =>
          delivered.note({ tower: towerId, index: keyIndex })
        )
        const consumer = Effect.forever(Effect.andThen(consume, Effect.sleep(scenario.consumeEveryMs)))
        actors.push(Effect.delay(consumer, scenario.consumeFromMs))
      }
      yield* Effect.forEach(actors, Effect.forkScoped)
      yield* Effect.sleep(scenario.stopAtMs)
    })
    yield* Effect.scoped(Effect.provide(run, ports))
    return { stoppedAt: yield* Clock.currentTimeMillis, open: towers.open().length }
  })

/** Runs a scenario. If the program stalls, fails or dies, the result has its exit. */
export const replay = (scenario: Scenario): Exit.Exit<Replay, unknown> => {
  const ours = Recorder.make()
  const delivered = Recorder.make()
  return Exit.map(VirtualTime.run(program(scenario, ours, delivered)), (end) => ({
    negotiator: ours.events,
    delivered: delivered.events,
    ...end
  }))
}
