/**
 * A round: the candidates, each visited at most once, until one of them has given a session (docs/negotiation.md, A
 * round; by the rules of the reference a round is one candidate).
 *
 * The round owns its visits; they end with it, all at once. Visits talk to it through the race (claim, session) and
 * by their exits; the one who may store is decided in the race, synchronously, never here.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { TowerId } from "../../schema/Ids.js"
import type { FailedAttempt } from "../../schema/NegotiationError.js"
import type { Environment } from "./environment.js"
import * as Monotonic from "./monotonic.js"
import type { FailedVisit } from "./Rules.js"
import * as Race from "./race.js"
import * as Visits from "./visits.js"

/** What a round came to. @since 0.1.0 @category models */
export interface RoundEnd {
  readonly session: ClientSession | undefined
  readonly failures: ReadonlyArray<FailedAttempt>
  /** How many additions there were before the round began; what was added since has come too late for it, or joined it. */
  readonly additions: number
}

/** A round that is going on: whoever started it may call it off. @since 0.1.0 @category models */
export interface Round {
  readonly run: Effect.Effect<RoundEnd>
  /** Starts nobody any more and interrupts all but the claimant. */
  readonly callOff: () => void
  /** Is a session being stored, or stored? */
  readonly isClaimed: () => boolean
  /** The session, once it is stored. */
  readonly session: () => ClientSession | undefined
}

/**
 * The round's span is a child of the span of its caller, if it has one, and linked to the others that it serves: those that
 * `waitingSpans` answers when the round begins and when it ends.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (env: Environment, waitingSpans: () => ReadonlyArray<Tracer.AnySpan> = () => []): Round => {
  const race = Race.make(env.pulse.signal)
  let over = false
  return {
    run: Effect.suspend(() => {
      const first = waitingSpans()
      const linkLater = Effect.suspend(() =>
        Effect.forEach(
          waitingSpans().filter((span) => !first.includes(span)),
          (span) => Effect.linkSpanCurrent(span),
          { discard: true }
        )
      )
      return run(env, race, () => over).pipe(
        Effect.tap(linkLater),
        Effect.withSpan("watchtower.round", {
          attributes: { "watchtower.negotiator": env.name },
          links: first.map((span) => ({ _tag: "SpanLink", span, attributes: {} })),
          captureStackTrace: false
        })
      )
    }),
    callOff: () => {
      over = true
      env.pulse.signal()
    },
    isClaimed: () => race.claimant() !== undefined,
    session: race.session
  }
}

const run = (env: Environment, race: Race.Race, isCalledOff: () => boolean) =>
  Effect.suspend(() => {
    const visits = Visits.make(env, race)
    const end = Effect.suspend(() => visits.interruptAllBut(undefined))
    return Effect.ensuring(loop(env, race, visits, isCalledOff), end)
  })

const loop = (env: Environment, race: Race.Race, visits: Visits.Visits, isCalledOff: () => boolean) =>
  Effect.gen(function* () {
    const { hedgeDelay, maxHedged } = env.settings
    const visited = new Set<TowerId>()
    const failed: Array<FailedVisit> = []
    const failures: Array<FailedAttempt> = []
    /** The next candidate is to be started as soon as it may be; if nobody is left, as soon as news brings somebody. */
    let isDue = true
    let lastStart = 0
    let isOver = isCalledOff()
    yield* env.candidates.list
    const additions = env.candidates.additions()

    for (;;) {
      const heard = env.candidates.additions()
      const mayStart = () => !isOver && race.claimant() === undefined && visits.running() < maxHedged
      while (isDue && mayStart()) {
        const tower = yield* env.pick(visited)
        // The claim may have been taken meanwhile.
        if (Option.isNone(tower) || !mayStart()) break
        visited.add(tower.value.id)
        yield* visits.start(tower.value)
        lastStart = yield* Monotonic.now
        isDue = false
      }
      if (visits.running() === 0 && !visits.hasEnded()) return { session: race.session(), failures, additions }

      const { claimant, session } = { claimant: race.claimant(), session: race.session() }
      const isNews = () =>
        visits.hasEnded() ||
        race.claimant() !== claimant ||
        race.session() !== session ||
        (isCalledOff() && !isOver) ||
        env.candidates.additions() !== heard
      const mayHedge: boolean = env.rules.hedges && !isDue && mayStart()
      const patience: number = mayHedge
        ? Math.max(0, lastStart + hedgeDelay - (yield* Monotonic.now))
        : Number.POSITIVE_INFINITY
      const isHedgeDue: boolean = !(yield* env.pulse.within(isNews, patience))

      for (const ending of visits.ends()) {
        const end = yield* ending
        isDue = true
        if (end._tag !== "Stored") failures.push(...end.failures)
        if (end._tag === "Failed") failed.push(end)
      }
      isDue = isDue || isHedgeDue
      isOver = isOver || isCalledOff() || (failed.length > 0 && env.rules.endsRound(failed))
      if (isOver || race.session() !== undefined) yield* visits.interruptAllBut(race.claimant())
    }
  })
