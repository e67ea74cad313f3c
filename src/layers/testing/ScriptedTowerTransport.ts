/**
 * Towers in memory that do what a script says: a `TowerTransport` without sockets and without cryptography. All time
 * passes through the Clock, so it works under `VirtualTime` and TestClock. What happened can be read afterwards, and what
 * must not happen with session keys is found as it happens.
 *
 * ```ts
 * import { Effect } from "effect"
 * import type { TowerTransport } from "effect-watchtower"
 * import { ScriptedTowerTransport, TowerScript } from "effect-watchtower/testing"
 *
 * const towers = ScriptedTowerTransport.make(({ number }) =>
 *   number === 1 ? TowerScript.failsAt("dial") : TowerScript.ok
 * )
 *
 * export const onThem = <A, E, R>(program: Effect.Effect<A, E, R | TowerTransport.TowerTransport>) =>
 *   Effect.provide(program, towers.layer)
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Table from "../../internal/optionTable.js"
import { PublicKey, type Route } from "../../schema/Ids.js"
import { TowerTransport } from "../../services/TowerTransport.js"
import * as BrontideTowerTransport from "../BrontideTowerTransport.js"
import * as keyWatch from "./keyWatch.js"
import * as scriptedTower from "./scriptedTower.js"
import type { Dial, Script } from "./TowerScript.js"

export type { Violation } from "./keyWatch.js"

/**
 * The transport's own timeouts are those of the real one, whose defaults they have.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends BrontideTowerTransport.Options {
  readonly route?: Route | undefined
  /** How many of the last dials are remembered at least (default: all). */
  readonly remember?: number | undefined
}

/** The transport and what can be known of it. @since 0.1.0 @category models */
export interface ScriptedTowerTransport {
  readonly service: TowerTransport.Service
  readonly layer: Layer.Layer<TowerTransport>
  /** The dials so far, in their order. */
  readonly dials: () => ReadonlyArray<Dial>
  /** How many dials there were. */
  readonly count: () => number
  /** The connections that are not closed. */
  readonly open: () => ReadonlyArray<Dial>
  /** What must not happen with session keys, and did. */
  readonly violations: () => ReadonlyArray<keyWatch.Violation>
  /** Ends when there have been this many dials. */
  readonly dialled: (count: number) => Effect.Effect<void>
}

/** The base point of the curve, where a real tower's ephemeral key would stand. */
const ephemeralKey = PublicKey.make("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")

/**
 * Towers that follow a script, which is asked at each dial.
 *
 * @since 0.1.0
 * @category testing
 */
export const make = (script: (dial: Dial) => Script, options: Options = {}): ScriptedTowerTransport => {
  const { remember = Number.POSITIVE_INFINITY, route = "clear" } = options
  const settings = Table.settings(BrontideTowerTransport.options, options)
  const timeouts: scriptedTower.Timeouts = {
    dial: Duration.millis(settings.dialTimeout ?? (route === "tor" ? 60_000 : 10_000)),
    handshake: Duration.millis(settings.handshakeTimeout),
    message: Duration.millis(settings.messageTimeout)
  }
  const dials: Array<scriptedTower.OpenDial> = []
  const open = new Set<scriptedTower.OpenDial>()
  const numbers = new Map<PublicKey, number>()
  const keys = keyWatch.make()
  // Opened and closed at each dial: those that wait look again.
  const dialling = Effect.unsafeMakeLatch(false)
  let count = 0

  const begin = <E>({ address, publicKey, tower }: TowerTransport.ConnectRequest<E>) =>
    Effect.map(Clock.currentTimeMillis, (at) => {
      const number = (numbers.get(tower) ?? 0) + 1
      numbers.set(tower, number)
      const dial: scriptedTower.OpenDial = { number, tower, address, publicKey, at, sent: [] }
      count += 1
      dials.push(dial)
      if (dials.length > 2 * remember) dials.splice(0, dials.length - remember)
      open.add(dial)
      dialling.unsafeOpen()
      dialling.unsafeClose()
      return dial
    })

  const close = (dial: scriptedTower.OpenDial) =>
    Effect.zipWith(Clock.currentTimeMillis, Clock.currentTimeNanos, (now, nanos) => {
      dial.closedAt = now
      open.delete(dial)
      keys.closed(dial, nanos)
    })

  const connect: TowerTransport.Service["connect"] = (request) =>
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const dial = yield* Effect.uninterruptible(
        Effect.tap(begin(request), (dial) => Scope.addFinalizer(scope, close(dial)))
      )
      const tower = scriptedTower.make(dial, script(dial), timeouts, scope)
      yield* tower.dial
      dial.connectedAt = yield* Clock.currentTimeMillis
      yield* request.onProgress("connected")
      yield* tower.actTwo
      yield* request.onProgress("actTwo")
      yield* request.ecdh(ephemeralKey)
      dial.shownAt = yield* Clock.currentTimeMillis
      keys.shown(dial, dial.shownAt, yield* Clock.currentTimeNanos)
      return {
        send: tower.take,
        receive: tower.give,
        closed: tower.ended,
        isClosed: Effect.sync(() => dial.endedAt !== undefined)
      }
    })

  const dialled = (wanted: number): Effect.Effect<void> =>
    Effect.suspend(() => (count >= wanted ? Effect.void : Effect.andThen(dialling.await, dialled(wanted))))

  const service: TowerTransport.Service = { route, connect }
  return {
    service,
    layer: Layer.succeed(TowerTransport, service),
    dials: () => [...dials],
    count: () => count,
    open: () => [...open],
    violations: () => keys.violations,
    dialled
  }
}
