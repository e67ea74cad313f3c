/**
 * Runs a plan in a world of its own and watches the guarantees: first what the plan says goes wrong, then all is well, and in the
 * end the scope is closed. The world is driven from outside, so that what is left after the close is seen.
 */
import { inspect } from "node:util"
import { Effect, Exit, Fiber, Stream } from "effect"
import * as VirtualTime from "../../../../src/layers/testing/VirtualTime.js"
import type { PublicKey } from "../../../../src/schema/Ids.js"
import type { NegotiatorEvent } from "../../../../src/schema/NegotiatorEvent.js"
import type { Tower } from "../../../../src/schema/Tower.js"
import type { TowerAddress } from "../../../../src/schema/TowerAddress.js"
import { all, type Violation, violations } from "../../../guarantees/guarantee.js"
import { LivingFibers } from "../../../guarantees/livingFibers.js"
import type { Context } from "../../../guarantees/negotiator/context.js"
import * as Cost from "../../../guarantees/negotiator/cost.js"
import * as Database from "../../../guarantees/negotiator/database.js"
import * as Guarantees from "../../../guarantees/negotiator/guarantees.js"
import * as Keys from "../../../guarantees/negotiator/keys.js"
import * as Faulty from "../faults.js"
import * as World from "../world.js"
import * as Callers from "./callers.js"
import * as Faults from "./faults.js"
import type { Action, End, Plan } from "./plan.js"
import * as Towers from "./towers.js"

export interface Run {
  /** In the order in which they were found. */
  readonly violations: ReadonlyArray<Violation>
  readonly events: ReadonlyArray<NegotiatorEvent>
}

/** Something that is done at an instant of the world. */
interface Entry {
  readonly at: number
  readonly run: () => void
}

const startAt = 1_000_000_000_000

/** How long a caller may wait at most once all is well (docs/negotiation.md, G6 and G8). */
const patience = ({ actions, settings, towers }: Plan, slowestCall: number, waiting: number): number => {
  const { hangUpWait, hedgeDelay, maxBackoff, quarantineProbe, visitTimeout } = settings
  const failedRound = visitTimeout + 2 * slowestCall + hangUpWait
  const goodRound = Math.max(...towers.map(({ whenWell }) => 3 * whenWell.latency + hangUpWait))
  const setBack = actions.reduce((sum, action) => sum + (action.what === "jump" ? Math.max(0, -action.by) : 0), 0)
  return failedRound + Math.max(maxBackoff, quarantineProbe + setBack) + hedgeDelay + (waiting + 2) * goodRound
}

export const run = (plan: Plan): Run => {
  const living = new LivingFibers()
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
      World.stopRunaway(now() - startAt, world?.events ?? [])
      guarantees.onPass(now() + millis)
    }
  })
  const now = () => Number(time.clock.unsafeCurrentTimeNanos() / 1000n) / 1000
  const { found, violate } = violations(() => now() - startAt)
  const fork = <A, E>(effect: Effect.Effect<A, E>) => time.fork(Effect.supervised(effect, living))
  const built = (): World.World => {
    if (world === undefined) throw new Error("the world is not built yet")
    return world
  }
  const candidates = (): ReadonlyArray<Tower> => Effect.runSync(built().candidates.list)

  const faults = Faults.make(plan.faults)
  const records = Database.records()
  const calls = Database.calls(now)
  const callers = Callers.make(() => built().negotiator, fork, now, violate)
  const additions: Array<PublicKey> = []
  let clockSetAt = Number.NEGATIVE_INFINITY
  /** Those that must be served. */
  let waiting: ReadonlyArray<Callers.Caller> = []
  let wellSince = 0
  const limit = () => patience(plan, faults.slowest, waiting.length)

  const context: Context = {
    settings: plan.settings,
    now,
    wall: time.now,
    clockSetAt: () => clockSetAt,
    yields: plan.yieldEvery !== null,
    violate,
    status: () => Effect.runSync(built().negotiator.status),
    candidates: () => candidates().map(({ publicKey }) => publicKey),
    additions,
    failedBefore: [],
    callers: {
      ...callers,
      isRequested: () => callers.waiting().some(({ method }) => method === "next"),
      waitsSince: () => {
        const oldest = waiting.find(Callers.isWaiting)
        return oldest && Math.max(oldest.since, wellSince)
      },
      patience: limit,
      mayBeLost: () => {
        if (plan.stop !== null) return Number.POSITIVE_INFINITY
        return plan.yieldEvery === null ? 0 : callers.interrupted.filter(({ method }) => method === "negotiate").length
      }
    },
    transport: {
      open: () => built().transport.open(),
      // The first events come while the world is being built.
      violations: () => world?.transport.violations() ?? []
    },
    records,
    calls,
    slowestCall: faults.slowest,
    timers: time.timers,
    fibers: () => living.all.size
  }
  const idOf = (key: PublicKey) => candidates().find(({ publicKey }) => publicKey === key)?.id
  const heldSessions = Keys.heldSessions(violate, records, idOf)
  // The waits of these worlds are too short for a limit of the visits in an hour.
  const cost = Cost.make(context, { visits: Number.POSITIVE_INFINITY, addressesOf: () => 3 })
  const guarantees = all([Guarantees.make(context), cost, heldSessions])

  const listen = (event: NegotiatorEvent) => {
    guarantees.onEvent(event)
    // The taker emits these in the step in which it takes: an interruption then comes too late.
    const { _tag } = event.happening
    if (_tag === "SessionDelivered" || _tag === "Demand") return
    for (const due of atEvent.filter(({ number }) => number <= event.number)) {
      atEvent.splice(atEvent.indexOf(due), 1)
      due.run()
    }
  }

  const build = time.run(
    Effect.supervised(
      World.make({
        towers: plan.towers.map((tower, i) => {
          const { script, ...spec } = Towers.spec(tower, i + 1, () => isWell)
          return { ...spec, script: (dial) => heldSessions.remembering(dial.tower, script(dial)) }
        }),
        options: plan.settings,
        transport: plan.patient ? { dialTimeout: Infinity, handshakeTimeout: Infinity, messageTimeout: Infinity } : {},
        db: (db) => calls.wrap(Faulty.db(Towers.hidingNowhere(records.wrap(db)), faults.next)),
        keyRing: (ring) => Faulty.keyRing(ring, faults.next),
        listen
      }),
      living
    )
  )
  if (Exit.isFailure(build)) {
    violate("world", `not built: ${build.cause}`)
    return { violations: found, events: [] }
  }
  const here = build.value
  world = here
  const { negotiator } = here

  const close = () => {
    if (isClosing) return
    isClosing = true
    guarantees.onClose()
    fork(here.close).addObserver((exit) => {
      if (Exit.isFailure(exit)) violate("G4", `closing failed: ${exit.cause}`)
      guarantees.onClosed()
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
    additions.push(World.towerKey(n))
    fork(here.add(n, address))
  }
  const perform = (action: Action): void => {
    switch (action.what) {
      case "add":
        add(action.tower, World.addressOf(action.tower, action.address ?? 1))
        return
      case "remove": {
        const address = action.address === null ? undefined : World.addressOf(action.tower, action.address)
        fork(Effect.ignore(here.candidates.remove(World.towerKey(action.tower), address)))
        return
      }
      case "jump":
        clockSetAt = now()
        time.jump(action.by)
        return
      case "request":
        fork(negotiator.requestSession)
        return
      default: {
        const caller = callers.call(action.what)
        if (action.end !== null) scheduleEnd(action.end, action.at, () => callers.interrupt(caller))
      }
    }
  }

  const whatGoesWrong = () => {
    faults.begin()
    for (const action of plan.actions) schedule({ at: action.at, run: () => perform(action) })
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

  const allIsWell = () => {
    isWell = true
    wellSince = now()
    atEvent.length = 0
    faults.end()
    waiting = callers.waiting()
    for (let n = 1; n <= plan.towers.length; n++) {
      const known = candidates().find((tower) => tower.publicKey === World.towerKey(n))
      if (!known?.addresses.some((address) => !address.includes("onion"))) add(n, World.addressOf(n))
    }
    /** Until all are served, or the guarantee of liveness was violated. */
    const served = (those: ReadonlyArray<Callers.Caller>) => {
      waiting = those
      const exit = time.run(Effect.timeoutOption(Fiber.awaitAll(those.map(({ fiber }) => fiber)), limit() + 1))
      if (Exit.isFailure(exit)) violate("liveness", `stalled: ${exit.cause}`)
    }
    const becomesIdle = () => {
      time.advance(limit())
      const { pending, state, undelivered } = context.status()
      if (state._tag === "Idle" && pending === 0 && undelivered === 0) return
      violate("G8", `not idle: ${inspect(context.status(), { depth: 5 })}`)
    }
    served(waiting)
    callers.call("stream")
    becomesIdle()
    served([callers.call("next")])
    becomesIdle()
    close()
  }

  const afterTheClose = () => {
    time.settle()
    while (calls.inProgress() > 0 && time.timers() > 0) time.advance(1)
    time.settle()
    guarantees.onEnd()
    for (const call of [negotiator.nextSession, negotiator.takeSession, negotiator.negotiate]) {
      const exit = time.run<unknown, unknown>(call)
      if (!Exit.isInterrupted(exit)) violate("G4", `a call after the close is not interrupted: ${inspect(exit)}`)
    }
    const ended = time.run(Stream.runDrain(negotiator.newSessions))
    if (Exit.isFailure(ended)) violate("G4", `after the close the stream does not end: ${ended.cause}`)
  }

  try {
    whatGoesWrong()
    if (!isClosing) allIsWell()
    afterTheClose()
  } catch (error) {
    violate("world", String(error))
  }
  return { violations: found, events: here.events }
}
