/**
 * The negotiator's loop: rounds and the waits between them, until one has given a session; then its delivery.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Instant } from "../../schema/Ids.js"
import { Happening } from "../../schema/NegotiatorEvent.js"
import * as Backoff from "./backoff.js"
import type { Environment } from "./environment.js"
import type { Handover } from "./handover.js"
import type { RoundEnd } from "./round.js"
import * as Standings from "./standing.js"

/** Works for ever. `round` waits for a round in progress; nothing is done while no session is wanted. @since 0.1.0 @category constructors */
export const work = (env: Environment, handover: Handover, round: Effect.Effect<Option.Option<RoundEnd>>) =>
  Effect.gen(function* () {
    handover.start()
    for (;;) {
      handover.offer(yield* negotiation(env, handover, round))
      env.journal.tell(Happening.Delivering())
      yield* handover.delivered
    }
  })

/** Rounds and waits until there is a session. A withdrawn request ends nothing: its wait stays in force. */
const negotiation = (env: Environment, handover: Handover, round: Effect.Effect<Option.Option<RoundEnd>>) =>
  Effect.gen(function* () {
    const delays = Backoff.delays(env.rules.waits(env.settings))
    for (let attempt = 1; ; ) {
      if (!handover.isWanted()) env.journal.tell(Happening.Idle())
      yield* handover.wanted
      const end = yield* round
      if (Option.isNone(end)) continue
      if (end.value.session !== undefined) return end.value.session
      const isNews = () => env.rules.wakesOnNews && env.candidates.additions() !== end.value.additions
      const left = yield* whoIsLeft(env)
      if (env.rules.sleepsWithoutCandidates && !left.anybody) {
        env.journal.tell(Happening.WaitingForCandidates({ until: left.firstProbe }))
        yield* sleepUntil(env, left.firstProbe, isNews)
      } else {
        const until = (yield* Clock.currentTimeMillis) + (yield* delays.next)
        env.journal.tell(Happening.BackingOff({ until, attempt, failures: end.value.failures }))
        attempt += 1
        yield* sleepUntil(env, until, isNews)
      }
    }
  })

/** Is there anybody to ask, and if not, when is the first quarantined tower probed? */
const whoIsLeft = (env: Environment) =>
  Effect.zipWith(env.candidates.list, Clock.currentTimeMillis, (towers, now) => {
    const standings = towers.map((tower) => env.book.get(tower.id))
    const probes = standings.flatMap((standing) => Standings.probeAt(standing, env.settings) ?? [])
    return {
      anybody: standings.some((standing) => !Standings.isQuarantined(standing, env.settings, now)),
      firstProbe: probes.length === 0 ? undefined : Math.min(...probes)
    }
  })

/** Sleeps until that instant, or until there is news. The step of the schedule was taken before, so it is not lost. */
const sleepUntil = (env: Environment, until: Instant | undefined, isNews: () => boolean) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const patience = until === undefined ? Number.POSITIVE_INFINITY : Math.max(0, until - now)
    if (yield* env.pulse.within(isNews, patience)) env.journal.tell(Happening.Woken())
  })
