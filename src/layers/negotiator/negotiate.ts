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
import * as CallerIsInterrupted from "../concurrency/callerIsInterrupted.js"
import type { Environment } from "./environment.js"
import * as Round from "./round.js"
import type { SessionLine } from "./sessionLine.js"
import * as Standing from "./standingTransitions.js"

/** A round in its turn; `fibers` are the negotiator's. @since 0.1.0 @category constructors */
export const negotiate = (
  env: Environment,
  line: SessionLine,
  fibers: FiberSet.FiberSet<unknown>
): Effect.Effect<ClientSession, NegotiationError> =>
  Effect.flatMap(CallerIsInterrupted.check, (callerIsInterrupted) =>
    Effect.uninterruptibleMask((restore) => {
      const round = Round.make(env, "negotiate")
      const leaveToNext = () => {
        const session = round.session()
        if (session !== undefined) line.offer(session)
      }
      const ended = Effect.gen(function* () {
        const fiber = yield* FiberSet.run(fibers, Effect.interruptible(env.oneRound(round.run)))
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
        // The last step of this region, as in sessionLine.ts.
        return Effect.sync(() => {
          if (callerIsInterrupted()) leaveToNext()
          return session
        })
      })
    })
  )

const withoutSession = (env: Environment, { failures }: Round.RoundEnd): Effect.Effect<never, NegotiationError> =>
  Effect.flatMap(Effect.zip(env.candidates.list, Clock.currentTimeMillis), ([towers, now]) => {
    const leftOut = towers.flatMap(({ id, publicKey }) => {
      const standing = env.standings.get(id)
      const probeAt = Standing.probeAt(standing, env.settings)
      return standing.quarantine === undefined || probeAt === undefined
        ? []
        : [{ towerId: id, tower: publicKey, reason: standing.quarantine.reason, probeAt }]
    })
    const isAsked = towers.some(({ id }) => !Standing.isQuarantined(env.standings.get(id), env.settings, now))
    return Effect.fail(
      failures.length > 0 || isAsked
        ? new FailedNegotiation({ failures })
        : new NoTowerCandidates({ quarantined: towers.length, leftOut: leftOut.slice(0, 20) })
    )
  })
