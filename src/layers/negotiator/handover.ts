/**
 * Requests and takers: how many sessions are asked for, and who gets the next one (docs/negotiation.md, Requests and
 * takers).
 *
 * Everything here happens in synchronous steps of whoever calls; the worker alone offers sessions. Takers wait in a line,
 * first come, first served, those of `nextSession` before the others. A session is delivered in its taker's own step: a
 * taker that was interrupted before it puts the session back.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import type { ClientSession } from "../../schema/ClientSession.js"
import { Happening } from "../../schema/NegotiatorEvent.js"
import * as Condition from "./condition.js"
import * as Gone from "./gone.js"
import type { Journal } from "./journal.js"
import type { Settings } from "./Options.js"
import type { Rules } from "./Rules.js"

/** `next` asks and takes, `take` only takes. @since 0.1.0 @category models */
export type TakerKind = "next" | "take"

/** @since 0.1.0 @category models */
export interface Handover {
  readonly request: Effect.Effect<void>
  /** The next session; fails with none once the negotiator is closed. */
  readonly take: (kind: TakerKind) => Effect.Effect<ClientSession, Option.Option<never>>
  /** Puts a stored session up for the next taker. */
  readonly offer: (session: ClientSession) => void
  /** The spans of the `nextSession` calls that wait for a session. */
  readonly waitingSpans: () => ReadonlyArray<Tracer.AnySpan>
  /** Is a session asked for, and none waiting for its taker? */
  readonly isWanted: () => boolean
  readonly wanted: Effect.Effect<void>
  /** Comes back when no session waits for its taker. */
  readonly delivered: Effect.Effect<void>
  /** From now on requests are counted as they come; before, as if the negotiator were busy. */
  readonly start: () => void
  /** Ends the line: so ends the wait of all who wait for a session, or who come for one later. */
  readonly close: (end: Effect.Effect<never, Option.Option<never>>) => void
}

interface Taker {
  readonly kind: TakerKind
  readonly span: Option.Option<Tracer.AnySpan>
  session: ClientSession | undefined
}

/** @since 0.1.0 @category constructors */
export const make = (rules: Rules, settings: Settings, journal: Journal): Handover => {
  const condition = Condition.make()
  const line: Array<Taker> = []
  const waiting: Array<ClientSession> = []
  let requested = 0
  let whenBusy: number | undefined = 0
  let end: Effect.Effect<never, Option.Option<never>> | undefined

  const undelivered = () => waiting.length + line.filter((taker) => taker.session !== undefined).length
  const unserved = (kind: TakerKind) => line.filter((taker) => taker.kind === kind && taker.session === undefined)
  const pending = () => requested + unserved("next").length

  let told = { pending: 0, undelivered: 0 }
  const changed = () => {
    const demand = { pending: pending(), undelivered: undelivered() }
    if (demand.pending !== told.pending || demand.undelivered !== told.undelivered) {
      told = demand
      journal.tell(Happening.Demand(demand))
    }
    condition.signal()
  }

  /** Gives the waiting sessions to those who have waited longest; to nobody once the line has ended. */
  const serve = () => {
    while (waiting.length > 0 && end === undefined) {
      const taker = unserved("next")[0] ?? unserved("take")[0]
      if (taker === undefined) return
      taker.session = waiting.shift()
    }
  }

  const leave = (taker: Taker) => line.splice(line.indexOf(taker), 1)

  /** Whoever was interrupted while being served leaves the session to the next. */
  const putBack = ({ session }: Taker) => {
    if (session !== undefined) waiting.unshift(session)
    serve()
    changed()
  }

  const deliver = (kind: TakerKind, session: ClientSession): ClientSession => {
    if (kind === "take") requested = Math.max(0, requested - 1)
    journal.tell(Happening.SessionDelivered({ session }))
    if (undelivered() === 0) whenBusy = undefined
    changed()
    return session
  }

  const take = (kind: TakerKind): Effect.Effect<ClientSession, Option.Option<never>> =>
    Effect.flatMap(Effect.zip(Gone.watch, Effect.option(Effect.currentParentSpan)), ([isGone, span]) =>
      Effect.uninterruptibleMask((restore) => {
        const taker: Taker = { kind, span, session: undefined }
        line.push(taker)
        serve()
        changed()
        const served = condition.until(() => taker.session !== undefined || end !== undefined)
        return Effect.flatMap(Effect.exit(restore(served)), (exit) => {
          if (Exit.isFailure(exit)) {
            leave(taker)
            putBack(taker)
            return Effect.failCause(exit.cause)
          }
          const { session } = taker
          if (session === undefined) {
            leave(taker)
            changed()
            return end ?? Effect.fail(Option.none())
          }
          // The last step of this region.
          return Effect.sync(() => {
            leave(taker)
            if (!isGone()) return deliver(kind, session)
            putBack(taker)
            return session
          })
        })
      })
    )

  const isWanted = () => pending() > 0 && undelivered() === 0

  return {
    request: Effect.sync(() => {
      requested = Math.max(requested, Math.min(requested + 1, rules.requestLimit(settings, whenBusy)))
      changed()
    }),
    take,
    offer: (session) => {
      whenBusy ??= requested
      waiting.push(session)
      serve()
      changed()
    },
    waitingSpans: () => unserved("next").flatMap(({ span }) => Option.toArray(span)),
    isWanted,
    wanted: condition.until(isWanted),
    delivered: condition.until(() => undelivered() === 0),
    start: () => {
      if (undelivered() === 0) whenBusy = undefined
    },
    close: (ending) => {
      end = ending
      condition.signal()
    }
  }
}
