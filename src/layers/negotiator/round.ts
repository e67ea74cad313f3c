/**
 * A round: the candidates, each visited at most once, until one of them has given a session (docs/negotiation.md, A round).
 *
 * The round owns its visits: each is a fiber of its own, and all end with the round. What happens to them, to the claim and
 * to the candidates comes as reports to one inbox. Who may store is decided in the claim, synchronously, never here.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { TowerId } from "../../schema/Ids.js"
import type { FailedAttempt } from "../../schema/NegotiationError.js"
import { Happening } from "../../schema/NegotiatorEvent.js"
import type { Tower } from "../../schema/Tower.js"
import * as Inbox from "../concurrency/inbox.js"
import { startNow, stop } from "../concurrency/startNow.js"
import { spanWhereTraced } from "../support/spanWhereTraced.js"
import * as Claim from "./claim.js"
import type { Environment } from "./environment.js"
import * as Monotonic from "./monotonic.js"
import type { FailedVisit } from "./Rules.js"
import { type VisitEnd, visit } from "./visit.js"

/** How a round ended. @since 0.1.0 @category models */
export interface RoundEnd {
  readonly session: ClientSession | undefined
  readonly failures: ReadonlyArray<FailedAttempt>
  /** `CandidateChanges.additions` when the round began: what was added since may have come too late for it. */
  readonly additions: number
}

/** A round that its starter may call off. @since 0.1.0 @category models */
export interface Round {
  readonly run: Effect.Effect<RoundEnd>
  /** Starts no visit any more, and interrupts all but the holder of the claim. */
  readonly callOff: () => void
  /** Is a session being stored, or stored? */
  readonly isClaimed: () => boolean
  /** The session, once it is stored. */
  readonly session: () => ClientSession | undefined
}

/**
 * The reports to a round. All but a visit's end and the call-off only say that there may be something to do now. That the claim was
 * taken is no report: nothing can be done then, and the wait for the next visit goes on.
 */
type Report = Data.TaggedEnum<{
  VisitEnded: { readonly exit: Exit.Exit<VisitEnd> }
  ClaimReleased: object
  Stored: object
  TowerAdded: object
  CalledOff: object
}>
const Report = Data.taggedEnum<Report>()

/**
 * A round for the loop or for one caller of `negotiate`. Its span is a child of its caller's, if there is one, and linked to
 * those of the others that it serves: what `waitingSpans` answers when the round begins and when it ends.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  env: Environment,
  by: "loop" | "negotiate",
  waitingSpans: () => ReadonlyArray<Tracer.AnySpan> = () => []
): Round => {
  const inbox = Inbox.make<Report>({ alarm: env.alarm })
  const visits: Visits = new Map()
  const claim = Claim.make({
    onReleased: () => inbox.offer(Report.ClaimReleased()),
    // Without rivals there is nothing to do before the end of its visit.
    onStored: () => {
      if (visits.size > 1) inbox.offer(Report.Stored())
    }
  })
  return {
    run: candidatesInTurn(env, inbox, claim, visits).pipe(
      (round) => spanned(env, waitingSpans, round),
      (round) => withEvents(env, by, claim, round)
    ),
    callOff: () => inbox.offer(Report.CalledOff()),
    isClaimed: () => claim.holder() !== undefined,
    session: claim.session
  }
}

/** Emits the events of a round's start and, however it ends, of its end. */
const withEvents = (env: Environment, by: "loop" | "negotiate", claim: Claim.Claim, round: Effect.Effect<RoundEnd>) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      env.standings.clampToNow(yield* Clock.currentTimeMillis)
      env.events.emit(Happening.RoundStarted({ round: env.nextRound(), by }))
      const exit = yield* Effect.exit(restore(round))
      const { failures, session } = Exit.isSuccess(exit) ? exit.value : { session: claim.session(), failures: [] }
      env.events.emit(Happening.RoundEnded({ session, failures }))
      return yield* exit
    })
  )

const spanned = (
  env: Environment,
  waitingSpans: () => ReadonlyArray<Tracer.AnySpan>,
  round: Effect.Effect<RoundEnd>
): Effect.Effect<RoundEnd> =>
  Effect.suspend(() => {
    const first = waitingSpans()
    const linkLater = Effect.gen(function* () {
      for (const span of waitingSpans()) if (!first.includes(span)) yield* Effect.linkSpanCurrent(span)
    })
    return round.pipe(
      Effect.tap(linkLater),
      spanWhereTraced("watchtower.round", {
        attributes: { "watchtower.negotiator": env.name },
        links: first.map((span) => ({ _tag: "SpanLink", span, attributes: {} }))
      })
    )
  })

/** The visits that have not ended. */
type Visits = Map<TowerId, Fiber.RuntimeFiber<VisitEnd>>

const candidatesInTurn = (
  env: Environment,
  inbox: Inbox.Inbox<Report>,
  claim: Claim.Claim,
  visits: Visits
): Effect.Effect<RoundEnd> =>
  Effect.flatMap(env.candidates.list, () =>
    Effect.uninterruptibleMask((restore) => {
      const additions = env.candidates.additions()
      let seen = additions
      const unlisten = env.candidates.listen(() => {
        if (env.candidates.additions() === seen) return
        seen = env.candidates.additions()
        inbox.offer(Report.TowerAdded())
      })
      return Effect.ensuring(
        restore(Effect.map(visitInTurn(env, inbox, claim, visits), (end) => ({ ...end, additions }))),
        Effect.suspend(() => {
          unlisten()
          return stop(...visits.values())
        })
      )
    })
  )

const visitInTurn: (
  env: Environment,
  inbox: Inbox.Inbox<Report>,
  claim: Claim.Claim,
  visits: Visits
) => Effect.Effect<Omit<RoundEnd, "additions">> = Effect.fnUntraced(function* (env, inbox, claim, visits) {
  const { hedgeDelay, maxHedged } = env.settings
  const visited = new Set<TowerId>()
  const failed: Array<FailedVisit> = []
  const failures: Array<FailedAttempt> = []
  /** The next candidate is to be started as soon as it may be; if none is left, as soon as one is added. */
  let isDue = true
  let isOver = false
  let lastStart = 0
  const mayStart = () => !isOver && claim.holder() === undefined && visits.size < maxHedged

  for (;;) {
    while (isDue && mayStart()) {
      const tower = yield* env.pick(visited)
      // A visit may have taken the claim while the list was read.
      if (Option.isNone(tower) || !mayStart()) break
      visited.add(tower.value.id)
      yield* start(env, inbox, claim, visits, tower.value)
      lastStart = yield* Monotonic.now
      isDue = false
    }
    if (visits.size === 0 && inbox.isEmpty()) return { session: claim.session(), failures }

    const mayHedge: boolean = !isDue && mayStart()
    const reports: ReadonlyArray<Report> = yield* inbox.takeWithin(
      mayHedge ? Math.max(0, lastStart + hedgeDelay - (yield* Monotonic.now)) : Number.POSITIVE_INFINITY
    )
    if (reports.length === 0) isDue = true
    for (const report of reports) {
      if (report._tag === "CalledOff") isOver = true
      if (report._tag !== "VisitEnded") continue
      isDue = true
      // A defect of a visit is one of the round.
      const end = yield* report.exit
      if (end._tag === "Stored") continue
      failures.push(...end.failures)
      if (end._tag === "Failed") failed.push(end)
    }
    isOver = isOver || (failed.length > 0 && env.rules.endsRound(failed))
    if (isOver || claim.session() !== undefined) {
      yield* stop(...[...visits].flatMap(([tower, fiber]) => (tower === claim.holder() ? [] : [fiber])))
    }
  }
})

/** Starts a visit, and reports its end. */
const start = (
  env: Environment,
  inbox: Inbox.Inbox<Report>,
  claim: Claim.Claim,
  visits: Visits,
  tower: Tower
): Effect.Effect<void> =>
  // A fiber inherits it: a visit is uninterruptible from its root on, stops its conversations itself, and always writes down how
  // it ended. And no interruption comes between its start and its place among those that end with the round.
  Effect.uninterruptible(
    Effect.map(startNow(visit(env, claim, tower)), (fiber) => {
      visits.set(tower.id, fiber)
      fiber.addObserver((exit) => {
        visits.delete(tower.id)
        inbox.offer(Report.VisitEnded({ exit }))
      })
    })
  )
