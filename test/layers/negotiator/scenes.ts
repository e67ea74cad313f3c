/**
 * What the step-by-step tests share: towers, ports that fail on purpose, and short readings of what happened.
 */
import { Effect } from "effect"
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import { DatabaseUnavailable } from "../../../src/schema/DbError.js"
import { KeyRingError } from "../../../src/schema/KeyRingError.js"
import type { NegotiatorEvent } from "../../../src/schema/NegotiatorEvent.js"
import type { TowerAddress } from "../../../src/schema/TowerAddress.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"
import { run, those, towerKey, type World, type WorldOptions } from "./world.js"

/** A good tower whose dial, Init and reply take `latency` milliseconds each. */
export const good = (latency = 0) => ({ script: (): TowerScript.Script => ({ ...TowerScript.ok, latency }) })

/** A tower that always does the same. */
export const always = (script: TowerScript.Script) => ({ script: () => script })

/** A tower that does these things, one after the other, and the last of them from then on. */
export const inTurn = (...scripts: ReadonlyArray<TowerScript.Script>) => ({
  script: ({ number }: TowerScript.Dial) => scripts[Math.min(number, scripts.length) - 1] ?? TowerScript.ok
})

/** A tower that does one thing at each of its addresses, and is good at the others. */
export const byAddress = (scripts: ReadonlyArray<readonly [TowerAddress, TowerScript.Script]>) => ({
  addresses: scripts.map(([address]) => address),
  script: (dial: TowerScript.Dial) => scripts.find(([address]) => address === dial.address)?.[1] ?? TowerScript.ok
})

export const broken = new DatabaseUnavailable({ operation: "test", detail: "broken on purpose" })

export const brokenRing = (operation: "deriveKey" | "ecdh") =>
  new KeyRingError({ operation, detail: "broken on purpose" })

/** The instant now. */
export const now = Effect.map(Effect.clock, (clock) => clock.unsafeCurrentTimeMillis())

export const sleepUntil = (instant: number) => Effect.flatMap(now, (at) => Effect.sleep(Math.max(0, instant - at)))

/** The number of the tower with that public key. */
export const numberOf = (publicKey: string): number => Number.parseInt(publicKey.slice(2), 16)

/** The key index that a dial used; the fake ring writes it into the key. */
export const indexOf = ({ publicKey }: TowerScript.Dial): number => Number.parseInt(publicKey.slice(-8), 16)

/** The dials so far as [instant, tower, key index]. */
export const dials = (world: World) =>
  world.transport.dials().map((dial) => [dial.at, numberOf(dial.tower), indexOf(dial)] as const)

/** The addresses dialled at tower n, in their order. */
export const addressesDialled = (world: World, n: number) => world.dialsOf(n).map((dial) => dial.address)

/** The failures so far as [instant, tower, tag]. */
export const failures = (events: ReadonlyArray<NegotiatorEvent>) =>
  those(events, "AttemptFailed").map(({ at, failure, tower }) => [at, numberOf(tower), failure._tag] as const)

/** The waits so far as [begin, end]. */
export const waits = (world: World) => those(world.events, "BackingOff").map(({ at, until }) => [at, until] as const)

/** The instants at which rounds began. */
export const rounds = (world: World) => those(world.events, "RoundStarted").map(({ at }) => at)

/** The sessions stored so far as [instant, tower, key index]. */
export const stored = (world: World) =>
  those(world.events, "SessionStored").map(
    ({ at, session }) => [at, numberOf(session.towerPublicKey), session.keyIndex] as const
  )

/** A database whose key indexes cannot be taken for tower n. */
export const noKeysFor =
  (n: number) =>
  (db: ClientDb.Service): ClientDb.Service => ({
    ...db,
    nextSessionKeyIndex: (towerId, ...rest) =>
      towerId === n ? Effect.fail(broken) : db.nextSessionKeyIndex(towerId, ...rest)
  })

/** A database that does not store the sessions of tower n. */
export const noStoresFor =
  (n: number) =>
  (db: ClientDb.Service): ClientDb.Service => ({
    ...db,
    createClientSession: (session, reservation, update) =>
      session.towerPublicKey === towerKey(n)
        ? Effect.fail(broken)
        : db.createClientSession(session, reservation, update)
  })

/** A database whose stores take that many milliseconds longer. */
export const slowStores =
  (millis: number) =>
  (db: ClientDb.Service): ClientDb.Service => ({
    ...db,
    createClientSession: (...all) => Effect.delay(db.createClientSession(...all), millis)
  })

/** Starts of visits as [instant, tower]. */
export const starts = (world: World) =>
  those(world.events, "VisitStarted").map(({ at, tower }) => [at, numberOf(tower)])

/** Ends of visits without a session as [instant, tower, blamed]; of interrupted ones without the last. */
export const ends = (world: World) =>
  world.events.flatMap(({ at, happening }) =>
    happening._tag === "VisitFailed"
      ? [[at, numberOf(happening.tower), happening.blamed]]
      : happening._tag === "VisitInterrupted"
        ? [[at, numberOf(happening.tower)]]
        : []
  )

/** Asks without waiting and lets time pass until an instant. */
export const askUntil = (world: World, instant: number) =>
  Effect.andThen(world.negotiator.requestSession, sleepUntil(instant))

/** Takes that number of sessions, one after the other; answers the numbers of their towers. */
export const take = (world: World, count: number, pause = 0) =>
  Effect.forEach(Array.from({ length: count }), () =>
    Effect.map(world.negotiator.nextSession, (session) => numberOf(session.towerPublicKey)).pipe(
      Effect.tap(Effect.sleep(pause))
    )
  )

/** Takes one session after the other until an instant; answers how long each took. */
export const takeUntil = (world: World, until: number, pause: number) =>
  Effect.gen(function* () {
    const took: Array<number> = []
    yield* Effect.gen(function* () {
      for (;;) {
        const begin = yield* now
        yield* world.negotiator.nextSession
        took.push((yield* now) - begin)
        yield* Effect.sleep(pause)
      }
    }).pipe(Effect.timeoutOption(until))
    return took
  })

/** A program that must not fail, in a world of its own. */
export const scene = (spec: WorldOptions, program: (world: World) => Effect.Effect<unknown, unknown>) =>
  run(spec, (world) => Effect.orDie(program(world)))
