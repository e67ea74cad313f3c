/**
 * A small world for the negotiator: scripted towers, a database in memory that can be made to fail, keys that cost
 * nothing, virtual time. What happens is recorded in the step in which it happens.
 */
import { Cause, Effect, Exit, Layer, Scope } from "effect"
import { makeWithRules } from "../../../src/layers/negotiator/makeWithRules.js"
import { type Options, validate } from "../../../src/layers/negotiator/Options.js"
import * as Rules from "../../../src/layers/negotiator/Rules.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import * as MemoryClientDb from "../../../src/layers/testing/MemoryClientDb.js"
import * as ScriptedTowerTransport from "../../../src/layers/testing/ScriptedTowerTransport.js"
import type { Dial, Script } from "../../../src/layers/testing/TowerScript.js"
import * as VirtualTime from "../../../src/layers/testing/VirtualTime.js"
import * as Chain from "../../../src/schema/Chain.js"
import { KeyIndex, PublicKey } from "../../../src/schema/Ids.js"
import type { Happening, NegotiatorEvent } from "../../../src/schema/NegotiatorEvent.js"
import * as Policy from "../../../src/schema/Policy.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { ClientDb } from "../../../src/services/ClientDb.js"
import { KeyRing } from "../../../src/services/KeyRing.js"
import type { SessionNegotiator } from "../../../src/services/SessionNegotiator.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import { TowerTransport } from "../../../src/services/TowerTransport.js"

export const second = 1000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour

/** The public key of tower n, from 1. */
export const towerKey = (n: number): PublicKey => PublicKey.make(`03${n.toString(16).padStart(64, "0")}`)

/** An address of tower n. */
export const addressOf = (n: number, address = 1): TowerAddress => TowerAddress.make(`10.0.${n}.${address}:9911`)

/** A tower: what it does at each dial, and its addresses in the order of trial. */
export interface TowerSpec {
  readonly script: (dial: Dial) => Script
  readonly addresses?: ReadonlyArray<TowerAddress>
  /** Not added at the start. */
  readonly later?: boolean
}

export interface WorldOptions {
  readonly towers: ReadonlyArray<TowerSpec>
  readonly rules?: Rules.Rules
  readonly options?: Partial<Options>
  readonly transport?: ScriptedTowerTransport.Options
  readonly time?: VirtualTime.Options
  readonly db?: (db: ClientDb.Service) => ClientDb.Service
  readonly keyRing?: (keyRing: KeyRing.Service) => KeyRing.Service
  readonly candidates?: (candidates: TowerCandidates.Service) => TowerCandidates.Service
  /** How often the database's table of towers is read again: never, unless told. */
  readonly pollInterval?: number
  readonly listen?: (event: NegotiatorEvent) => void
  readonly limits?: Limits
}

export interface World {
  readonly negotiator: SessionNegotiator.Service
  readonly candidates: TowerCandidates.Service
  readonly db: ClientDb.Service
  readonly transport: ScriptedTowerTransport.ScriptedTowerTransport
  readonly events: ReadonlyArray<NegotiatorEvent>
  /** The scope of the negotiator: closing it is stopping. */
  readonly scope: Scope.CloseableScope
  readonly close: Effect.Effect<void>
  readonly add: (n: number, address?: TowerAddress) => Effect.Effect<void>
  readonly remove: (n: number, address?: TowerAddress) => Effect.Effect<void>
  readonly dialsOf: (n: number) => ReadonlyArray<Dial>
  readonly sessionsOf: (n: number) => number
}

export const regtest = Chain.bitcoinRegtest

export const options: Options = {
  chain: regtest,
  policy: Policy.defaults(regtest),
  firstKeyIndex: KeyIndex.make(1)
}

/** Happenings of one kind, with their instants. */
export const those = <Tag extends Happening["_tag"]>(
  events: ReadonlyArray<NegotiatorEvent>,
  tag: Tag
): ReadonlyArray<{ readonly at: number } & Extract<Happening, { readonly _tag: Tag }>> =>
  events.flatMap(({ at, happening }) => {
    const is = (one: Happening): one is Extract<Happening, { readonly _tag: Tag }> => one._tag === tag
    return is(happening) ? [{ at, ...happening }] : []
  })

/** Builds a world; its negotiator runs until `close`. */
export const make = (spec: WorldOptions): Effect.Effect<World> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const scripts = new Map(spec.towers.map((tower, i) => [towerKey(i + 1), tower.script]))
    const transport = ScriptedTowerTransport.make((dial) => scripts.get(dial.tower)?.(dial) ?? {}, spec.transport)
    const memory = yield* MemoryClientDb.make()
    const db = spec.db?.(memory) ?? memory
    for (const [i, tower] of spec.towers.entries()) {
      if (tower.later) continue
      for (const address of [...(tower.addresses ?? [addressOf(i + 1)])].reverse()) {
        yield* Effect.orDie(memory.createTower(towerKey(i + 1), address))
      }
    }
    const events: Array<NegotiatorEvent> = []
    const listen = (event: NegotiatorEvent) => {
      events.push(event)
      spec.listen?.(event)
    }
    const candidates = yield* RoundRobinTowerCandidates.make({
      pollInterval: spec.pollInterval ?? Number.POSITIVE_INFINITY
    }).pipe(Effect.provideService(ClientDb, db), Scope.extend(scope), Effect.orDie)
    const settings = yield* Effect.orDie(validate({ ...options, ...spec.options } as Options))
    const negotiator = yield* makeWithRules(spec.rules ?? Rules.defaults, settings, { listen }).pipe(
      Effect.provideService(ClientDb, db),
      Effect.provideService(KeyRing, spec.keyRing?.(FixedKeyRing.makeFake) ?? FixedKeyRing.makeFake),
      Effect.provideService(TowerCandidates, spec.candidates?.(candidates) ?? candidates),
      Effect.provideService(TowerTransport, transport.service),
      Scope.extend(scope),
      Effect.orDie
    )
    return {
      negotiator,
      candidates,
      db: memory,
      transport,
      events,
      scope,
      close: Scope.close(scope, Exit.void),
      add: (n, address) => Effect.orDie(Effect.asVoid(candidates.add(towerKey(n), address ?? addressOf(n)))),
      remove: (n, address) => Effect.orDie(candidates.remove(towerKey(n), address)),
      dialsOf: (n) => transport.dials().filter((dial) => dial.tower === towerKey(n)),
      sessionsOf: (n) =>
        those(events, "SessionStored").filter(({ session }) => session.towerPublicKey === towerKey(n)).length
    }
  })

/** A world whose program does not end: it waits again and again, for ever. */
export class RunsAway extends Error {
  override readonly name = "RunsAway"
}

/** Virtual time in milliseconds, and events: those of failures hold some kilobytes each. */
export interface Limits {
  readonly time?: number
  readonly events?: number
}

/** To be called before time passes: throws `RunsAway` beyond the limits. `elapsed` is monotonic, in milliseconds. */
export const stopRunaway = (elapsed: number, events: ReadonlyArray<NegotiatorEvent>, limits: Limits = {}): void => {
  if (elapsed <= (limits.time ?? 30 * day) && events.length <= (limits.events ?? 100_000)) return
  const [reached, last] = [(elapsed / hour).toFixed(1), events.at(-1)?.happening._tag]
  throw new RunsAway(
    `After ${events.length} events and ${reached} h of virtual time the world is not at its end; the last event is ${last}.`
  )
}

/** Runs a program in a world of its own and closes it; a violation fails the test. */
export const run = <A>(
  spec: WorldOptions,
  program: (world: World, time: VirtualTime.VirtualTime) => Effect.Effect<A>,
  around: Layer.Layer<never> = Layer.empty
): A => {
  let elapsed = 0
  let events: ReadonlyArray<NegotiatorEvent> = []
  const onPass = (millis: number) => {
    elapsed += millis
    stopRunaway(elapsed, events, spec.limits)
    spec.time?.onPass?.(millis)
  }
  const time = VirtualTime.make({ ...spec.time, onPass })
  const exit = time.run(
    Effect.gen(function* () {
      const world = yield* make(spec)
      events = world.events
      const value = yield* Effect.onExit(program(world, time), () => world.close)
      const violations = world.transport.violations()
      if (violations.length > 0) return yield* Effect.die(new Error(`violated: ${JSON.stringify(violations)}`))
      const open = world.transport.open()
      if (open.length > 0) return yield* Effect.die(new Error(`${open.length} connections are still open`))
      return value
    }).pipe(Effect.provide(around))
  )
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  return exit.value
}
