/**
 * The guarantees of docs/negotiation.md (G1 to G9) as checks that are made in the step in which something happens. They
 * know the world: which towers are listed, which of them are good; and keep books of their own of what the negotiator
 * says it does.
 */
import type { Settings } from "../../src/layers/negotiator/Options.js"
import type { SessionId, TowerId } from "../../src/schema/Ids.js"
import type { Happening, NegotiatorEvent } from "../../src/schema/NegotiatorEvent.js"
import type { NegotiatorStatus } from "../../src/schema/NegotiatorStatus.js"

/** What the checks may know of the world. */
export interface Facts {
  /** Time that never jumps, in milliseconds. */
  readonly monotonic: () => number
  readonly isStored: (id: SessionId) => boolean
  /** Listed, reachable, and giving a session within one hedge delay. */
  readonly goodTowers: () => Iterable<TowerId>
  readonly addressesOf: (tower: TowerId) => number
}

export interface Violation {
  readonly guarantee: string
  readonly at: number
  readonly detail: string
}

/** A round as it goes on. */
interface Round {
  lastStart: number
  readonly visited: Set<TowerId>
  readonly running: Set<TowerId>
  readonly storing: Set<TowerId>
  /** Towers that had failed before and were visited before any other. */
  readonly tried: Array<TowerId>
  metFine: boolean
  /** Failures of our own side; the second ends the round. */
  own: number
  /** The next may start late or never: all places were taken, a claim was held, the round was ended, the clock jumped. */
  excused: boolean
}

/** A wait of the loop. Exact: nothing but the end of it can begin the next round. */
interface Backoff {
  readonly until: number
  woken: boolean
  jumped: boolean
  exact: boolean
}

/** Visits of a tower within an hour, since it last gave a session. */
interface Cost {
  hour: number
  visits: number
  dials: number
}

/** The most visits an hour of a tower that never gives a session: 17 by its rests, and those of rounds that find no better tower. */
const maxVisits = 20

export interface Counts {
  rounds: number
  visits: number
  attempts: number
  sessions: number
  delivered: number
  worstHour: number
}

export interface Checks {
  readonly violations: ReadonlyArray<Violation>
  readonly counts: Counts
  readonly violate: (guarantee: string, detail: string) => void
  readonly listen: (event: NegotiatorEvent) => void
  /** A session came out of `negotiate`. */
  readonly negotiated: (id: SessionId) => void
  /** `negotiate` was called, or has come back. */
  readonly negotiating: (by: 1 | -1) => void
  readonly jumped: () => void
  /** A scope is about to be closed, or a caller of `negotiate` to be interrupted. */
  readonly closing: () => void
  readonly status: (status: NegotiatorStatus, asked: boolean, now: number) => void
  /** A life of the negotiator begins, with the towers that have failed according to the database. */
  readonly begin: (failed: Iterable<TowerId>) => void
  /** A life ends: what was stored was delivered, or waits. */
  readonly end: (undelivered: number) => void
}

export const make = (settings: Settings, facts: Facts): Checks => {
  const violations: Array<Violation> = []
  const counts: Counts = { rounds: 0, visits: 0, attempts: 0, sessions: 0, delivered: 0, worstHour: 0 }
  const failing = new Set<TowerId>()
  const costs = new Map<TowerId, Cost>()
  const stored = new Set<SessionId>()
  const delivered = new Set<SessionId>()
  let number = 0
  let round: Round | undefined
  let backoff: Backoff | undefined
  let attempt = 0
  let negotiations = 0
  let jumpedAt = Number.NEGATIVE_INFINITY

  const violate = (guarantee: string, detail: string) => {
    if (violations.length < 50) violations.push({ guarantee, at: facts.monotonic(), detail })
  }
  const expect = (holds: boolean, guarantee: string, detail: () => string) => {
    if (!holds) violate(guarantee, detail())
  }

  const fineGoodTower = (visited: ReadonlySet<TowerId>): TowerId | undefined => {
    for (const tower of facts.goodTowers()) if (!failing.has(tower) && !visited.has(tower)) return tower
    return undefined
  }

  /** G6: `hedgeDelay` after the last start, or at once when nobody runs, the next one is started. */
  const checkPace = (current: Round) => {
    const waited = facts.monotonic() - current.lastStart
    if (current.excused || waited <= settings.hedgeDelay + 1) return
    const left = fineGoodTower(current.visited)
    expect(left === undefined, "G6", () => `tower ${left} was not started ${waited} ms after the last start`)
    current.excused = true
  }

  const cost = (tower: TowerId): Cost => {
    const hour = Math.floor(facts.monotonic() / 3_600_000)
    const known = costs.get(tower)
    if (known !== undefined && known.hour === hour) return known
    const fresh: Cost = { hour, visits: 0, dials: 0 }
    costs.set(tower, fresh)
    return fresh
  }

  const visitStarted = (current: Round, tower: TowerId) => {
    counts.visits += 1
    checkPace(current)
    expect(!current.visited.has(tower), "G6", () => `tower ${tower} is visited twice in a round`)
    expect(current.storing.size === 0, "G1", () => `tower ${tower} is started while a session is being stored`)
    if (failing.has(tower)) {
      if (!current.metFine) current.tried.push(tower)
      if (current.tried.length > 1 && fineGoodTower(current.visited) !== undefined) {
        violate("G6", `${current.tried.length} towers that had failed were visited before one that had not`)
      }
    } else current.metFine = true
    current.visited.add(tower)
    current.running.add(tower)
    current.lastStart = facts.monotonic()
    current.excused = current.running.size >= settings.maxHedged
    expect(current.running.size <= settings.maxHedged, "G6", () => `${current.running.size} visits at once`)
    const spent = cost(tower)
    spent.visits += 1
    counts.worstHour = Math.max(counts.worstHour, spent.visits)
    expect(spent.visits <= maxVisits, "G7", () => `${spent.visits} visits of tower ${tower} in an hour`)
  }

  const visitEnded = (tower: TowerId) => {
    if (round === undefined) return
    checkPace(round)
    round.running.delete(tower)
    round.storing.delete(tower)
    // The next one is started at once.
    round.lastStart = Math.min(round.lastStart, facts.monotonic() - settings.hedgeDelay)
  }

  const dialled = (tower: TowerId) => {
    counts.attempts += 1
    const spent = cost(tower)
    spent.dials += 1
    const most = spent.visits * (facts.addressesOf(tower) + settings.maxKeyAttempts)
    expect(spent.dials <= most, "G7", () => `${spent.dials} dials in ${spent.visits} visits of tower ${tower}`)
  }

  /** G5: the wait is over, and not before its time. */
  const waited = (at: number) => {
    if (backoff === undefined) return
    const { exact, jumped, until, woken } = backoff
    const isOnTime = woken || jumped || (exact ? at === until : at >= until)
    expect(isOnTime, "G5", () => `the wait until ${until} was over at ${at}`)
    backoff = undefined
  }

  const roundStarted = (at: number, by: "loop" | "negotiate") => {
    counts.rounds += 1
    expect(round === undefined, "G6", () => "two rounds at once")
    if (by === "loop") waited(at)
    round = {
      lastStart: facts.monotonic(),
      visited: new Set(),
      running: new Set(),
      storing: new Set(),
      tried: [],
      metFine: false,
      own: 0,
      excused: false
    }
  }

  const backingOff = (at: number, happening: Extract<Happening, { readonly _tag: "BackingOff" }>) => {
    const wait = Math.min(settings.minBackoff * 2 ** (happening.attempt - 1), settings.maxBackoff)
    expect(happening.until - at === wait, "G5", () => `wait ${happening.attempt} is ${happening.until - at} ms`)
    expect(happening.attempt === attempt + 1, "G5", () => `wait ${happening.attempt} comes after wait ${attempt}`)
    attempt = happening.attempt
    backoff = { until: happening.until, woken: false, jumped: false, exact: negotiations === 0 }
  }

  const listen = ({ at, happening, number: counted }: NegotiatorEvent) => {
    number += 1
    expect(counted === number, "events", () => `event ${counted} comes after event ${number - 1}`)
    switch (happening._tag) {
      case "RoundStarted":
        return roundStarted(at, happening.by)
      case "VisitStarted":
        return round === undefined
          ? violate("G6", "a visit outside of a round")
          : visitStarted(round, happening.towerId)
      case "StepStarted":
        if (happening.step === "dialling") dialled(happening.towerId)
        if (happening.step === "storing" && round !== undefined) {
          expect(round.storing.size === 0, "G1", () => "two visits store at the same time")
          round.storing.add(happening.towerId)
          round.excused = true
        }
        return
      case "AttemptFailed":
        round?.storing.delete(happening.towerId)
        return
      case "VisitFailed":
        failing.add(happening.towerId)
        if (round !== undefined && !happening.blamed && ++round.own >= 2) round.excused = true
        return visitEnded(happening.towerId)
      case "VisitInterrupted":
        return visitEnded(happening.towerId)
      case "SessionStored": {
        const { id, towerId } = happening.session
        counts.sessions += 1
        expect(facts.isStored(id), "G1", () => `session ${id} is not in the database`)
        expect(!stored.has(id), "G1", () => `session ${id} is stored twice`)
        stored.add(id)
        failing.delete(towerId)
        costs.delete(towerId)
        round?.storing.delete(towerId)
        round?.running.delete(towerId)
        if (round !== undefined) round.excused = true
        return
      }
      case "SessionDelivered":
        counts.delivered += 1
        expect(stored.has(happening.session.id), "G1", () => `session ${happening.session.id} was not stored before`)
        expect(!delivered.has(happening.session.id), "G1", () => `session ${happening.session.id} is delivered twice`)
        delivered.add(happening.session.id)
        return
      case "RoundEnded":
        expect(round?.running.size === 0, "G3", () => "a round ends before its visits")
        round = undefined
        return
      case "BackingOff":
        return backingOff(at, happening)
      case "Woken":
        if (backoff !== undefined) backoff.woken = true
        return
      case "Delivering":
        attempt = 0
        return
      case "Idle":
        if (backoff !== undefined) backoff.exact = false
        return waited(at)
      default:
        return
    }
  }

  return {
    violations,
    counts,
    violate,
    listen,
    negotiated: (id) => {
      expect(
        stored.has(id) && !delivered.has(id),
        "G1",
        () => `session ${id} of negotiate was not stored before, or taken`
      )
      delivered.add(id)
    },
    negotiating: (by) => {
      negotiations += by
      if (backoff !== undefined) backoff.exact = false
    },
    closing: () => {
      if (round !== undefined) round.excused = true
    },
    jumped: () => {
      jumpedAt = facts.monotonic()
      if (backoff !== undefined) backoff.jumped = true
      if (round !== undefined) round.excused = true
    },
    status: ({ pending, state, undelivered }, asked, now) => {
      expect(!asked || pending + undelivered > 0, "G8", () => "a request is not in the status")
      if (pending === 0 || undelivered > 0) return
      expect(state._tag !== "Idle", "G8", () => `${pending} requests are pending, and the status is Idle`)
      // Ends of waits are told by the wall clock; one that jumps makes them wrong until the wait is over.
      const isSteady = facts.monotonic() - jumpedAt > settings.maxBackoff
      if (state._tag === "BackingOff" && isSteady)
        expect(state.until >= now, "G8", () => `it says to wait until ${state.until}, which is over`)
      if (state._tag === "Negotiating") {
        expect(round !== undefined, "G8", () => "the status is Negotiating although there is no round")
        for (const { deadline, step } of state.attempts) {
          expect(
            deadline === undefined || deadline >= now || step === "storing" || !isSteady,
            "G8",
            () => `a visit is over its deadline in ${step}`
          )
        }
      }
      if (state._tag === "WaitingForCandidates") {
        const left = fineGoodTower(new Set())
        expect(left === undefined, "G8", () => `it waits for candidates although there is tower ${left}`)
      }
    },
    begin: (failed) => {
      number = 0
      attempt = 0
      negotiations = 0
      round = undefined
      backoff = undefined
      stored.clear()
      delivered.clear()
      failing.clear()
      for (const tower of failed) failing.add(tower)
    },
    end: (undelivered) => {
      const missing = stored.size - delivered.size - undelivered
      const inFlight = round === undefined && negotiations === 0 ? 0 : 1
      expect(missing >= 0 && missing <= inFlight, "G1", () => `${missing} sessions are neither delivered nor waiting`)
    }
  }
}
