/**
 * Requests, and the line of those who take sessions: how many sessions are asked for, and who gets the next one
 * (docs/negotiation.md, Requests and takers).
 *
 * Takers wait in a line, first come, first served, those of `nextSession` before the others. All changes are synchronous
 * steps of their callers; the loop alone offers sessions, and `negotiate` those that its caller left. A session is delivered
 * in its taker's own step: a taker that is interrupted before that step puts the session back.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { ClientSession } from "../../schema/ClientSession.js"
import { Happening } from "../../schema/NegotiatorEvent.js"
import * as CallerIsInterrupted from "../concurrency/callerIsInterrupted.js"
import type { Events } from "./events.js"

/** `next` requests and takes, `take` only takes. @since 0.1.0 @category models */
export type TakerKind = "next" | "take"

/** What ends the line: none when the negotiator is closed, or the defect that ended it. @since 0.1.0 @category models */
export type End = Effect.Effect<never, Option.Option<never>>

/** @since 0.1.0 @category models */
export interface SessionLine {
  /** Asks for one more session, up to the limit. */
  readonly request: Effect.Effect<void>
  /** The next session; fails with none once the negotiator is closed. */
  readonly take: (kind: TakerKind) => Effect.Effect<ClientSession, Option.Option<never>>
  /** Gives a stored session to the first taker, or to the next one that comes. */
  readonly offer: (session: ClientSession) => void
  /** Is a session asked for, and none left to be taken first? */
  readonly isWanted: () => boolean
  /** Returns when a session is wanted. It may not be any more when the fiber that waited runs. */
  readonly wanted: Effect.Effect<void>
  /** Returns when every session that was offered is delivered. */
  readonly delivered: Effect.Effect<void>
  /** The spans of the `nextSession` calls that wait for a session. */
  readonly waitingSpans: () => ReadonlyArray<Tracer.AnySpan>
  /** Ends the wait of all takers, and of those that come later. */
  readonly close: (end: End) => void
}

interface Taker {
  readonly kind: TakerKind
  readonly span: Option.Option<Tracer.AnySpan>
  /** Completed when there is a session for it, or the line has ended. */
  readonly turn: Deferred.Deferred<void, Option.Option<never>>
  session: ClientSession | undefined
}

/** At most `maxPending` requests are counted, beside those of `nextSession`. @since 0.1.0 @category constructors */
export const make = (maxPending: number, events: Events): SessionLine => {
  const line: Array<Taker> = []
  const waiting: Array<ClientSession> = []
  const wanted = Effect.unsafeMakeLatch(false)
  const delivered = Effect.unsafeMakeLatch(true)
  let requested = 0
  let end: End | undefined

  const unserved = (kind: TakerKind) => line.filter((taker) => taker.kind === kind && taker.session === undefined)
  const pending = () => requested + unserved("next").length
  const undelivered = () => waiting.length + line.filter((taker) => taker.session !== undefined).length
  const isWanted = () => pending() > 0 && undelivered() === 0

  let emitted = { pending: 0, undelivered: 0 }
  /** Called after each change. */
  const changed = () => {
    const demand = { pending: pending(), undelivered: undelivered() }
    if (demand.pending !== emitted.pending || demand.undelivered !== emitted.undelivered) {
      emitted = demand
      events.emit(Happening.Demand(demand))
    }
    show(wanted, isWanted())
    show(delivered, demand.undelivered === 0)
  }

  /** Gives the waiting sessions to the takers that have waited longest; to none once the line has ended. */
  const serve = () => {
    while (waiting.length > 0 && end === undefined) {
      const taker = unserved("next")[0] ?? unserved("take")[0]
      if (taker === undefined) return
      taker.session = waiting.shift()
      Deferred.unsafeDone(taker.turn, Effect.void)
    }
  }

  const leave = (taker: Taker) => line.splice(line.indexOf(taker), 1)

  /** A taker that was interrupted leaves its session, if it had been given one, to the next. */
  const returnSession = ({ session }: Taker) => {
    if (session !== undefined) waiting.unshift(session)
    serve()
    changed()
  }

  const deliver = (kind: TakerKind, session: ClientSession): ClientSession => {
    if (kind === "take") requested = Math.max(0, requested - 1)
    events.emit(Happening.SessionDelivered({ session }))
    changed()
    return session
  }

  const take = (kind: TakerKind): Effect.Effect<ClientSession, Option.Option<never>> =>
    Effect.flatMap(CallerIsInterrupted.check, (callerIsInterrupted) =>
      Effect.flatMap(parentSpan, (span) =>
        Effect.uninterruptibleMask((restore) => {
          if (end !== undefined) return end
          const taker: Taker = { kind, span, turn: Deferred.unsafeMake(FiberId.none), session: undefined }
          line.push(taker)
          serve()
          changed()
          return Effect.flatMap(Effect.exit(restore(Deferred.await(taker.turn))), (exit) => {
            const { session } = taker
            if (Exit.isFailure(exit) || session === undefined) {
              leave(taker)
              returnSession(taker)
              return exit._tag === "Failure" ? Effect.failCause(exit.cause) : Effect.interrupt
            }
            // The last step of this region. A fiber that yields between the check and the end of the region, and is interrupted
            // there, would lose the session.
            return Effect.sync(() => {
              leave(taker)
              if (!callerIsInterrupted()) return deliver(kind, session)
              returnSession(taker)
              return session
            })
          })
        })
      )
    )

  return {
    request: Effect.sync(() => {
      requested = Math.max(requested, Math.min(requested + 1, maxPending))
      changed()
    }),
    take,
    offer: (session) => {
      waiting.push(session)
      serve()
      changed()
    },
    isWanted,
    wanted: wanted.await,
    delivered: delivered.await,
    waitingSpans: () => unserved("next").flatMap(({ span }) => Option.toArray(span)),
    close: (ending) => {
      end = ending
      for (const { session, turn } of line) if (session === undefined) Deferred.unsafeDone(turn, ending)
    }
  }
}

/** The span of the caller; one step, where Effect's own takes eight to say that there is none. */
const parentSpan = Effect.withFiberRuntime<Option.Option<Tracer.AnySpan>>(({ currentContext }) =>
  Effect.succeed(Context.getOption(currentContext, Tracer.ParentSpan))
)

const show = (latch: Effect.Latch, isOpen: boolean) => {
  if (isOpen) latch.unsafeOpen()
  else latch.unsafeClose()
}
