/**
 * A whole negotiator over scripted towers, in one layer: `NodeWatchtower.layer` for tests. Everything is in memory and all
 * time passes through the Clock, so it works under TestClock and under `VirtualTime`.
 *
 * ```ts
 * import { ScriptedWatchtower, TowerScript } from "effect-watchtower/testing"
 *
 * export const watchtower = ScriptedWatchtower.layer({ towers: [TowerScript.silentAt("reply"), TowerScript.ok] })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { bitcoinRegtest } from "../../schema/Chain.js"
import { ClientSession } from "../../schema/ClientSession.js"
import type { AtomsPerKb, FeeRate, SatPerKw } from "../../schema/FeeRate.js"
import { HexBytes, KeyIndex, type PublicKey, SessionId, TowerId } from "../../schema/Ids.js"
import * as Policy from "../../schema/Policy.js"
import { TowerAddress } from "../../schema/TowerAddress.js"
import { TowerUri } from "../../schema/TowerUri.js"
import type { ClientDb } from "../../services/ClientDb.js"
import type { KeyRing } from "../../services/KeyRing.js"
import type { SessionNegotiator } from "../../services/SessionNegotiator.js"
import { TowerCandidates } from "../../services/TowerCandidates.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import * as Negotiator from "../negotiator/SessionNegotiator.js"
import * as RoundRobinTowerCandidates from "../RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "./FixedKeyRing.js"
import * as MemoryClientDb from "./MemoryClientDb.js"
import * as ScriptedTowerTransport from "./ScriptedTowerTransport.js"
import * as TowerScript from "./TowerScript.js"

/** What a tower does: the same in each connection, or asked for at each dial. @since 0.1.0 @category models */
export type Behaviour = TowerScript.Script | ((dial: TowerScript.Dial) => TowerScript.Script)

/**
 * The negotiator's options, none of which must be given, and the towers.
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionsOf<Fee extends FeeRate> extends Partial<Negotiator.OptionsOf<Fee>> {
  /**
   * What the candidates do at the start, tower 1 first (default: one good tower). One that a test adds later, `uriOf(n)`
   * for instance, is a good one.
   */
  readonly towers?: ReadonlyArray<Behaviour> | undefined
}

/**
 * Options for a Bitcoin or a Decred chain; a policy in the other chain's unit does not type-check. Defaults: Bitcoin
 * regtest, `Policy.defaults` of the chain, and 1 as the first key index; the others are those of the negotiator.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = OptionsOf<SatPerKw> | OptionsOf<AtomsPerKb>

/**
 * What the towers saw: their dials, the connections that are open, and what must not happen with session keys and did.
 *
 * @since 0.1.0
 * @category services
 */
export class Towers extends Context.Tag("effect-watchtower/testing/Towers")<
  Towers,
  ScriptedTowerTransport.ScriptedTowerTransport
>() {}

/** The negotiator, its ports, and the towers. @since 0.1.0 @category services */
export type Services = SessionNegotiator | TowerCandidates | TowerTransport | ClientDb | KeyRing | Towers

/** Beyond all key indexes of a test, so that no tower has the key of a session. */
const firstTowerKey = 1_000_000

/** The URI of tower `number`, from 1. Its host name is never looked up. @since 0.1.0 @category testing */
export const uriOf = (number: number): TowerUri =>
  new TowerUri({
    publicKey: FixedKeyRing.publicKeyOf(firstTowerKey + number),
    address: TowerAddress.make(`tower-${number}.test:9911`)
  })

/**
 * The negotiator over its towers, which are candidates already. Each build has towers and a database of its own. The keys
 * are real and public knowledge (`FixedKeyRing`).
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Services, Negotiator.BuildError> =>
  Layer.suspend(() => {
    // Both members of the union go the same way; a spread needs to see one of them.
    const { towers: behaviours = [TowerScript.ok], ...given } = options as OptionsOf<SatPerKw>
    const chain = given.chain ?? bitcoinRegtest
    const policy = given.policy ?? Policy.defaults(chain)
    const uris = behaviours.map((_, position) => uriOf(position + 1))
    const byTower = new Map<PublicKey, Behaviour>(
      behaviours.map((behaviour, position) => [uriOf(position + 1).publicKey, behaviour])
    )
    const towers = ScriptedTowerTransport.make((dial) => {
      const behaviour = byTower.get(dial.tower) ?? TowerScript.ok
      return typeof behaviour === "function" ? behaviour(dial) : behaviour
    })
    const candidates = RoundRobinTowerCandidates.make({ pollInterval: Number.POSITIVE_INFINITY }).pipe(
      Effect.tap((list) => Effect.forEach(uris, ({ address, publicKey }) => list.add(publicKey, address)))
    )
    return Negotiator.layer({ firstKeyIndex: KeyIndex.make(1), ...given, chain, policy }).pipe(
      Layer.provideMerge(Layer.scoped(TowerCandidates, candidates)),
      Layer.provideMerge(Layer.merge(towers.layer, Layer.succeed(Towers, towers))),
      Layer.provideMerge(Layer.merge(MemoryClientDb.layer(), FixedKeyRing.layer))
    )
  })

/**
 * A session of tower 1, as the first one of `layer()` at the instant 0, but for the fields that are given. Its id follows
 * from its key index.
 *
 * @since 0.1.0
 * @category testing
 */
export const session = (fields: Partial<ConstructorParameters<typeof ClientSession>[0]> = {}): ClientSession => {
  const keyIndex = fields.keyIndex ?? KeyIndex.make(1)
  return new ClientSession({
    id: SessionId.make(FixedKeyRing.publicKeyOf(keyIndex)),
    towerId: TowerId.make(1),
    towerPublicKey: uriOf(1).publicKey,
    keyIndex,
    policy: Policy.defaults(bitcoinRegtest),
    rewardPkScript: HexBytes.make(""),
    seqNum: 0,
    towerLastApplied: 0,
    status: "active",
    createdAt: 0,
    ...fields
  })
}
