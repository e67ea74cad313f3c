/**
 * Plays a plan in a world of its own, with the guards on: first a sick time, then all is well, and in the end its scope is
 * closed. It is driven from outside, so that whatever is left then is seen.
 */
import { inspect } from "node:util"
import { Effect, Exit, Fiber, Stream } from "effect"
import * as VirtualTime from "../../../../src/layers/testing/VirtualTime.js"
import type { NegotiatorEvent } from "../../../../src/schema/NegotiatorEvent.js"
import type { TowerAddress } from "../../../../src/schema/TowerAddress.js"
import * as World from "../world.js"
import { Census } from "./census.js"
import * as DeliveryGuard from "./deliveryGuard.js"
import * as Faults from "./faults.js"
import type { Guard, Scene } from "./guard.js"
import * as HedgingGuard from "./hedgingGuard.js"
import * as KeysGuard from "./keysGuard.js"
import * as People from "./people.js"
import type { Deed, End, Plan } from "./plan.js"
import * as StatusGuard from "./statusGuard.js"
import * as Terrain from "./terrain.js"
import * as VisitsGuard from "./visitsGuard.js"
import * as WaitsGuard from "./waitsGuard.js"

/** What was violated, in the order in which it was found, and what happened. */
export interface Play {
  readonly violations: ReadonlyArray<string>
  readonly events: ReadonlyArray<NegotiatorEvent>
}

/** Something that is done at an instant of the world. */
interface Entry {
  readonly at: number
  readonly run: () => void
}

const startAt = 1_000_000_000_000

/** How long anybody may wait at most once all is well (docs/negotiation.md, G6 and G8). */
const patience = ({ deeds, settings, towers }: Plan, slowest: number, wanting: number): number => {
  const { hangUpWait, hedgeDelay, maxBackoff, quarantineProbe, visitTimeout } = settings
  const sickRound = visitTimeout + 2 * slowest + hangUpWait
  const goodRound = Math.max(...towers.map(({ whenWell }) => 3 * whenWell.latency + hangUpWait))
  const putBack = deeds.reduce((sum, deed) => sum + (deed.what === "jump" ? Math.max(0, -deed.by) : 0), 0)
  return sickRound + Math.max(maxBackoff, quarantineProbe + putBack) + hedgeDelay + (wanting + 2) * goodRound
}

/** Plays it. */
export const play = (plan: Plan): Play => {
  const violations: Array<string> = []
  const guards: Array<Guard> = []
  const census = new Census()
  /** What is done in the step of the first event from that number on. */
  const atEvent: Array<{ readonly number: number; readonly run: () => void }> = []
  let timeline: ReadonlyArray<Entry> = []
  let isWell = false
  let isClosing = false
  let world: World.World | undefined

  const time = VirtualTime.make({
    seed: plan.seed,
    yieldEvery: plan.yieldEvery ?? undefined,
    startAt,
    maxTurns: 200_000,
    onPass: (millis) => {
      if (!isClosing) for (const guard of guards) guard.pass?.(now() + millis)
    }
  })
  const now = () => Number(time.clock.unsafeCurrentTimeNanos() / 1000n) / 1000
  const fail = (rule: string) => void violations.push(`${rule} (at ${now() - startAt} ms)`)
  const faults = Faults.make(plan.faults, now)
  const spawn = <A, E>(effect: Effect.Effect<A, E>) => time.fork(Effect.supervised(effect, census))

  const scene: Scene = {
    plan,
    world: () => {
      if (world === undefined) throw new Error("the world is not built yet")
      return world
    },
    now,
    wall: time.now,
    status: () => Effect.runSync(scene.world().negotiator.status),
    candidates: () => Effect.runSync(scene.world().candidates.list),
    slowest: faults.slowest,
    deeds: { additions: [], calledOff: 0, jumps: 0 },
    fail
  }
  const delivery = DeliveryGuard.make(scene)
  guards.push(delivery)
  for (const { make } of [VisitsGuard, KeysGuard, WaitsGuard, StatusGuard, HedgingGuard]) guards.push(make(scene))

  const listen = (event: NegotiatorEvent) => {
    for (const guard of guards) guard.hear(event)
    // The taker emits these in the step in which it takes: an interruption then comes too late.
    const { _tag } = event.happening
    if (_tag === "SessionDelivered" || _tag === "Demand") return
    for (const due of atEvent.filter(({ number }) => number <= event.number)) {
      atEvent.splice(atEvent.indexOf(due), 1)
      due.run()
    }
  }

  const built = time.run(
    Effect.supervised(
      World.make({
        towers: plan.towers.map((tower, i) => Terrain.spec(tower, i + 1, () => isWell)),
        options: plan.settings,
        transport: plan.patient ? { dialTimeout: Infinity, handshakeTimeout: Infinity, messageTimeout: Infinity } : {},
        db: (db) => faults.db(Terrain.hidingNowhere(db)),
        keyRing: faults.keyRing,
        listen
      }),
      census
    )
  )
  if (Exit.isFailure(built)) return { violations: [`not built: ${built.cause}`], events: [] }
  const here = built.value
  world = here
  const { negotiator } = here
  const people = People.make(scene, negotiator, spawn)

  const close = () => {
    if (isClosing) return
    isClosing = true
    const begin = now()
    spawn(here.close).addObserver((exit) => {
      if (Exit.isFailure(exit)) fail(`closing failed: ${exit.cause}`)
      const took = now() - begin
      if (took > 0 && !faults.callEnds().has(now())) fail(`G4: closing took ${took} ms, not for the database`)
      if (took > 2 * faults.slowest) fail(`G4: closing took ${took} ms`)
      if (here.transport.open().length > 0) fail("G4: a connection is open after the close")
    })
  }

  const schedule = (entry: Entry) => {
    timeline = [...timeline, entry].sort((a, b) => a.at - b.at)
  }
  const scheduleEnd = (end: End, since: number, run: () => void) => {
    if ("after" in end) schedule({ at: since + end.after, run })
    else atEvent.push({ number: end.event, run })
  }

  const add = (n: number, address: TowerAddress) => {
    scene.deeds.additions.push(World.towerKey(n))
    spawn(here.add(n, address))
  }
  const perform = (deed: Deed): void => {
    switch (deed.what) {
      case "add":
        add(deed.tower, World.addressOf(deed.tower, deed.address ?? 1))
        return
      case "remove": {
        const address = deed.address === null ? undefined : World.addressOf(deed.tower, deed.address)
        spawn(Effect.ignore(here.candidates.remove(World.towerKey(deed.tower), address)))
        return
      }
      case "jump":
        scene.deeds.jumps += 1
        time.jump(deed.by)
        return
      case "request":
        spawn(negotiator.requestSession)
        return
      default: {
        const person = people.enter(deed.what)
        if (deed.end !== null) scheduleEnd(deed.end, deed.at, () => people.leave(person))
      }
    }
  }

  const sickTime = () => {
    faults.begin()
    for (const deed of plan.deeds) schedule({ at: deed.at, run: () => perform(deed) })
    if (plan.stop !== null) scheduleEnd(plan.stop, 0, close)
    const passTo = (at: number) => time.advance(Math.max(0, startAt + at - now()))
    for (;;) {
      const [next, ...later] = timeline
      if (next === undefined || isClosing) break
      timeline = later
      passTo(next.at)
      next.run()
    }
    if (!isClosing) passTo(plan.wellAt)
  }

  const goodTime = () => {
    isWell = true
    atEvent.length = 0
    faults.end()
    const wanting = people.wanting()
    const limit = patience(plan, faults.slowest, wanting.length)
    for (let n = 1; n <= plan.towers.length; n++) {
      const known = scene.candidates().find((tower) => tower.publicKey === World.towerKey(n))
      if (!known?.addresses.some((address) => !address.includes("onion"))) add(n, World.addressOf(n))
    }
    const served = (those: ReadonlyArray<People.Person>) => {
      const exit = time.run(Effect.timeoutOption(Fiber.awaitAll(those.map(({ fiber }) => fiber)), limit))
      if (Exit.isFailure(exit)) return fail(`stalled: ${exit.cause}`)
      if (exit.value._tag === "None") fail(`not served within ${limit} ms: ${inspect(scene.status(), { depth: 5 })}`)
    }
    const becomesIdle = () => {
      time.advance(limit)
      const { pending, state, undelivered } = scene.status()
      if (state._tag === "Idle" && pending === 0 && undelivered === 0) return
      fail(`not idle: ${inspect(scene.status(), { depth: 5 })}`)
    }
    served(wanting)
    people.enter("stream")
    becomesIdle()
    served([people.enter("next")])
    becomesIdle()
    close()
  }

  const nothingIsLeft = () => {
    time.settle()
    while (faults.inProgress() > 0 && time.timers() > 0) time.advance(1)
    time.settle()
    if (faults.mostStores() > 1) fail("two sessions were being stored at the same time")
    if (time.timers() > 0) fail(`G4: ${time.timers()} timers are left`)
    if (census.living.size > 0) fail(`G4: ${census.living.size} fibers are left`)
    for (const after of [negotiator.nextSession, negotiator.takeSession, negotiator.negotiate]) {
      const exit = time.run<unknown, unknown>(after)
      if (!Exit.isInterrupted(exit)) fail(`after the close: ${inspect(exit)}`)
    }
    const ended = time.run(Stream.runDrain(negotiator.newSessions))
    if (Exit.isFailure(ended)) fail(`after the close the stream does not end: ${ended.cause}`)
  }

  try {
    sickTime()
    if (!isClosing) goodTime()
    nothingIsLeft()
    people.check(delivery)
  } catch (error) {
    fail(String(error))
  }
  return { violations, events: here.events }
}
