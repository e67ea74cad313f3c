/**
 * The negotiator's loop: rounds and the waits between them, until one has given a session; then its delivery
 * (docs/negotiation.md, Waits).
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { Instant } from "../../schema/Ids.js"
import { Happening } from "../../schema/NegotiatorEvent.js"
import { awaitCallback } from "../concurrency/awaitCallback.js"
import { writeOutTrace } from "../support/writeOutTrace.js"
import * as Backoff from "./backoff.js"
import type { Environment } from "./environment.js"
import * as Round from "./round.js"
import type { SessionLine } from "./sessionLine.js"
import * as Standing from "./standingTransitions.js"

/** Runs for ever; does nothing while no session is wanted. @since 0.1.0 @category constructors */
export const run = (env: Environment, line: SessionLine): Effect.Effect<never> =>
  Effect.gen(function* () {
    // Each turn waits; `Effect.forever` would yield before it besides.
    for (;;) {
      line.offer(yield* negotiation(env, line))
      env.events.emit(Happening.Delivering())
      yield* line.delivered
    }
  })

/** Rounds and waits until there is a session. A request that is withdrawn ends nothing: the wait stays in force. */
const negotiation: (env: Environment, line: SessionLine) => Effect.Effect<ClientSession> = Effect.fnUntraced(
  function* (env, line) {
    const delays = Backoff.delays(env.rules.waits(env.settings))
    for (let attempt = 1; ; ) {
      if (!line.isWanted()) env.events.emit(Happening.Idle())
      yield* line.wanted
      const end = yield* round(env, line)
      if (Option.isNone(end)) continue
      const { additions, failures, session } = end.value
      if (session !== undefined) return session
      // The status shows them during the wait.
      for (const { failure } of failures) writeOutTrace(failure)
      const { isAnyLeft, firstProbe } = yield* whoIsLeft(env)
      if (isAnyLeft) {
        const until = (yield* Clock.currentTimeMillis) + (yield* delays.next)
        env.events.emit(Happening.BackingOff({ until, attempt, failures }))
        attempt += 1
        yield* sleepUntil(env, until, additions)
      } else {
        env.events.emit(Happening.WaitingForCandidates({ until: firstProbe }))
        yield* sleepUntil(env, firstProbe, additions)
      }
    }
  }
)

/** A round, or none if what was wanted has come while a round of `negotiate` had its turn. */
const round = (env: Environment, line: SessionLine): Effect.Effect<Option.Option<Round.RoundEnd>> =>
  env.oneRound(
    Effect.suspend(() =>
      line.isWanted() ? Effect.asSome(Round.make(env, "loop", line.waitingSpans).run) : Effect.succeedNone
    )
  )

/** Is there a tower to ask, and if not, when is the first quarantined tower probed? */
const whoIsLeft = (env: Environment) =>
  Effect.zipWith(env.candidates.list, Clock.currentTimeMillis, (towers, now) => {
    const standings = towers.map((tower) => env.standings.get(tower.id))
    const probes = standings.flatMap((standing) => Standing.probeAt(standing, env.settings) ?? [])
    return {
      isAnyLeft: standings.some((standing) => !Standing.isQuarantined(standing, env.settings, now)),
      firstProbe: probes.length === 0 ? undefined : Math.min(...probes)
    }
  })

/** Sleeps until that instant, or until a tower or an address is added to what the round has seen. */
const sleepUntil = (env: Environment, until: Instant | undefined, seen: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const patience = until === undefined ? Number.POSITIVE_INFINITY : Math.max(0, until - now)
    const isAdded = () => env.candidates.additions() !== seen
    const wait = awaitCallback<void>((wake) => {
      const look = () => {
        if (isAdded()) wake()
      }
      const unlisten = env.candidates.listen(look)
      // An addition since the round counts too.
      look()
      const callOff = env.alarm(patience, wake)
      return () => {
        unlisten()
        callOff()
      }
    })
    // An addition in the very step in which the time is up counts.
    return Effect.map(wait, () => {
      if (isAdded()) env.events.emit(Happening.Woken())
    })
  })
