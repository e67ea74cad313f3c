/**
 * A negotiator from its parts (docs/negotiation.md).
 *
 * Owners: the scope of the layer owns the loop and the rounds of `negotiate`; a round owns its visits; an attempt owns its
 * connection. Closing the scope interrupts all of them at the same time; a write in progress is finished.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { DbError, WrongDatabase } from "../../schema/DbError.js"
import type { KeyRingError } from "../../schema/KeyRingError.js"
import { Happening, type NegotiatorEvent } from "../../schema/NegotiatorEvent.js"
import { CreateSession } from "../../schema/wire/CreateSession.js"
import { Init } from "../../schema/wire/Init.js"
import { ClientDb } from "../../services/ClientDb.js"
import { familyTowerSession, KeyRing } from "../../services/KeyRing.js"
import { SessionNegotiator } from "../../services/SessionNegotiator.js"
import { TowerCandidates } from "../../services/TowerCandidates.js"
import { TowerTransport } from "../../services/TowerTransport.js"
import * as Alarm from "../concurrency/alarm.js"
import { firstOf } from "../concurrency/firstOf.js"
import * as Mutex from "../concurrency/mutex.js"
import * as CandidateChanges from "./candidateChanges.js"
import type { Environment } from "./environment.js"
import * as Events from "./events.js"
import * as Loop from "./loop.js"
import { negotiate } from "./negotiate.js"
import type { Settings } from "./Options.js"
import type { Rules } from "./Rules.js"
import * as SessionLine from "./sessionLine.js"
import * as Standings from "./standings.js"
import * as Unreleased from "./unreleased.js"

/** The ports that a negotiator stands on. @since 0.1.0 @category services */
export type Ports = ClientDb | KeyRing | TowerCandidates | TowerTransport

/** The name of a negotiator in traces, and the listener of its events. @since 0.1.0 @category models */
export interface Extras {
  /** The key of its tag (default: that of the default tag). */
  readonly name?: string | undefined
  /** Called in the step in which something happens: for the recorded runs and for tests that check after each event. */
  readonly listen?: ((event: NegotiatorEvent) => void) | undefined
}

/**
 * A negotiator with given rules, for as long as the scope is open. It binds the database to its identity first.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeWithRules: (
  rules: Rules,
  settings: Settings,
  extras?: Extras
) => Effect.Effect<SessionNegotiator.Service, WrongDatabase | DbError | KeyRingError, Ports | Scope.Scope> =
  Effect.fnUntraced(function* (rules, settings, { listen, name = SessionNegotiator.key } = {}) {
    const env = yield* makeEnvironment(rules, settings, name)
    if (listen !== undefined) env.events.listen(listen)
    const line = SessionLine.make(settings.maxPending, env.events)
    const fibers = yield* FiberSet.make<unknown>()
    // A defect of one ends all three, and reaches all waiting callers.
    const loop = yield* FiberSet.run(
      fibers,
      firstOf(Loop.run(env, line), env.candidates.follow, env.standings.loadAdded)
    )
    let isClosing = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosing = true
      })
    )
    /** Why the loop has ended before it was closed: a defect, or an interruption that a port has made up. */
    let stopped: Effect.Effect<never> | undefined
    loop.addObserver((exit) => {
      if (isClosing || Exit.isSuccess(exit)) return line.close(Effect.fail(Option.none()))
      const cause = Cause.squash(exit.cause)
      stopped = Effect.die(cause)
      env.events.emit(Happening.Stopped({ cause }))
      line.close(stopped)
    })

    const take = (kind: SessionLine.TakerKind) => Effect.catchAll(line.take(kind), () => Effect.interrupt)
    return {
      requestSession: line.request,
      takeSession: take("take"),
      newSessions: Stream.repeatEffectOption(line.take("take")),
      nextSession: take("next"),
      negotiate: Effect.suspend(() => stopped ?? negotiate(env, line, fibers)),
      status: Effect.sync(env.events.status),
      statusChanges: env.events.statusChanges,
      events: env.events.events
    }
  })

/** Binds the database to its identity, and reads what it knows of the towers. */
const makeEnvironment = Effect.fnUntraced(function* (rules: Rules, settings: Settings, name: string) {
  const { chain, policy } = settings
  const db = yield* ClientDb
  const keyRing = yield* KeyRing
  const towers = yield* TowerCandidates
  const clock = yield* Effect.clock

  const publicKey = yield* keyRing.deriveKey({ family: familyTowerSession, index: 0 })
  const { layout } = keyRing
  const { firstKeyIndex } = settings
  yield* db.bindIdentity({ chainHash: chain.chainHash, layout, publicKey, firstKeyIndex })

  const events = Events.make(() => clock.unsafeCurrentTimeMillis())
  yield* Effect.addFinalizer(() => Effect.sync(events.close))
  const alarm = yield* Alarm.shared
  const unreleased = Unreleased.make()
  const standings = Standings.make(db, settings, yield* Clock.currentTimeMillis)
  // Before the standings are read: so that the addition of a tower that comes during the read is found.
  const candidates = yield* CandidateChanges.make(towers, {
    onAdded: standings.added,
    onRemoved: (tower) => {
      standings.removed(tower)
      unreleased.forget(tower)
    }
  })
  yield* standings.load
  let rounds = 0
  const env: Environment = {
    name,
    settings,
    init: new Init({ features: [...rules.features(chain, policy.blobType)], chainHash: chain.chainHash }),
    createSession: new CreateSession(policy),
    rules,
    db,
    keyRing,
    transport: yield* TowerTransport,
    candidates,
    pick: yield* rules.ranking(candidates.list, standings, settings),
    standings,
    unreleased,
    events,
    alarm,
    oneRound: Mutex.make(),
    nextRound: () => ++rounds
  }
  return env
})
