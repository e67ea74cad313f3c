/**
 * One round for one caller, beside the loop (docs/negotiation.md, Requests and takers).
 *
 * The round is a fiber of the negotiator, not of the caller: when the caller is interrupted the round is called off, unless
 * the claim was taken; then its session waits for the next taker.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type { ClientSession } from "../../schema/ClientSession.js"
import { FailedNegotiation, type NegotiationError, NoTowerCandidates } from "../../schema/NegotiationError.js"
import type { Environment } from "./environment.js"
import * as Gone from "./gone.js"
import type { Handover } from "./handover.js"
import * as Round from "./round.js"
import * as Standings from "./standing.js"

/** `turn` runs a round when no other one is in progress; `fibers` are the negotiator's. @since 0.1.0 @category constructors */
export const negotiate = (
  env: Environment,
  handover: Handover,
  fibers: FiberSet.FiberSet<unknown>,
  turn: (round: Round.Round) => Effect.Effect<Round.RoundEnd>
): Effect.Effect<ClientSession, NegotiationError> =>
  Effect.flatMap(Gone.watch, (isGone) =>
    Effect.uninterruptibleMask((restore) => {
      const round = Round.make(env)
      const leaveToNext = () => {
        const session = round.session()
        if (session !== undefined) handover.offer(session)
      }
      const ended = Effect.gen(function* () {
        const fiber = yield* FiberSet.run(fibers, Effect.interruptible(turn(round)))
        const wait = yield* Effect.exit(restore(Fiber.await(fiber)))
        if (Exit.isSuccess(wait)) return yield* wait.value
        round.callOff()
        fiber.addObserver(leaveToNext)
        if (!round.isClaimed()) yield* Fiber.interrupt(fiber)
        return yield* Effect.failCause(wait.cause)
      })
      return Effect.flatMap(ended, (end) => {
        const { session } = end
        if (session === undefined) return withoutSession(env, end)
        return Effect.sync(() => {
          if (isGone()) leaveToNext()
          return session
        })
      })
    })
  )

const withoutSession = (env: Environment, { failures }: Round.RoundEnd): Effect.Effect<never, NegotiationError> =>
  Effect.flatMap(Effect.zip(env.candidates.list, Clock.currentTimeMillis), ([towers, now]) => {
    const isAsked = towers.some(({ id }) => !Standings.isQuarantined(env.book.get(id), env.settings, now))
    return Effect.fail(
      failures.length > 0 || isAsked
        ? new FailedNegotiation({ failures })
        : new NoTowerCandidates({ quarantined: towers.length })
    )
  })
