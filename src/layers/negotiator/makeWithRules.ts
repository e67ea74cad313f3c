/**
 * A negotiator from its parts (docs/negotiation.md).
 *
 * Owners: the layer's scope owns the worker, the reader of news and the rounds of `negotiate`; a round owns its visits; an
 * attempt owns its connection. Rounds exclude each other by one permit, which is given back after all visits have ended.
 * Closing the scope interrupts all of them at the same time; a write in progress is finished.
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
import type { InvalidPolicy } from "../../schema/Policy.js"
import { CreateSession } from "../../schema/wire/CreateSession.js"
import { Init } from "../../schema/wire/Init.js"
import { ClientDb } from "../../services/ClientDb.js"
import { familyTowerSession, KeyRing } from "../../services/KeyRing.js"
import { SessionNegotiator } from "../../services/SessionNegotiator.js"
import { TowerCandidates } from "../../services/TowerCandidates.js"
import { TowerTransport } from "../../services/TowerTransport.js"
import { firstOf } from "../firstOf.js"
import * as Mutex from "../mutex.js"
import * as Book from "./book.js"
import * as CandidateChanges from "./candidateChanges.js"
import * as Condition from "./condition.js"
import type { Environment } from "./environment.js"
import * as Handover from "./handover.js"
import * as Journal from "./journal.js"
import { negotiate } from "./negotiate.js"
import { decode, type InvalidOptions, type Options, validate } from "./Options.js"
import type { Rules } from "./Rules.js"
import * as Round from "./round.js"
import * as Unreleased from "./unreleased.js"
import { work } from "./worker.js"

/** Why a negotiator cannot be built. @since 0.1.0 @category errors */
export type BuildError = InvalidOptions | InvalidPolicy | WrongDatabase | DbError | KeyRingError

/** The ports that a negotiator stands on. @since 0.1.0 @category services */
export type Ports = ClientDb | KeyRing | TowerCandidates | TowerTransport

/** How a negotiator is called in traces, and who hears of its events. @since 0.1.0 @category models */
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
export const makeWithRules = (
  rules: Rules,
  options: Options,
  { listen, name = SessionNegotiator.key }: Extras = {}
): Effect.Effect<SessionNegotiator.Service, BuildError, Ports | Scope.Scope> =>
  Effect.gen(function* () {
    const settings = rules.validates ? yield* validate(options) : decode(options)
    const db = yield* ClientDb
    const keyRing = yield* KeyRing
    const candidates = yield* TowerCandidates
    const transport = yield* TowerTransport
    const clock = yield* Effect.clock

    const publicKey = yield* keyRing.deriveKey({ family: familyTowerSession, index: 0 })
    const { chainHash } = settings.chain
    yield* db.bindIdentity({ chainHash, layout: keyRing.layout, publicKey, firstKeyIndex: settings.firstKeyIndex })

    const journal = Journal.make(() => clock.unsafeCurrentTimeMillis())
    yield* Effect.addFinalizer(() => Effect.sync(journal.close))
    if (listen !== undefined) journal.listen(listen)
    const pulse = Condition.make()
    const unreleased = Unreleased.make()
    const book = Book.make(db, settings, pulse, yield* Clock.currentTimeMillis)
    // The list first: of a tower that is added while the standings are read, the addition is found.
    const { changes, follow } = yield* CandidateChanges.make(candidates, {
      onAdded: book.added,
      onRemoved: (tower) => {
        book.removed(tower)
        unreleased.forget(tower)
      },
      onChange: pulse.signal
    })
    yield* book.load
    const pick = yield* rules.candidates({ ...candidates, list: changes.list }, book.standings, settings)
    const env: Environment = {
      name,
      settings,
      init: new Init({ features: [...rules.features(settings.chain, settings.policy.blobType)], chainHash }),
      createSession: new CreateSession(settings.policy),
      rules,
      db,
      keyRing,
      transport,
      book,
      journal,
      pick,
      candidates: changes,
      pulse,
      unreleased
    }
    const handover = Handover.make(rules, settings, journal)
    const oneRound = Mutex.make()
    const fibers = yield* FiberSet.make<unknown>()

    let count = 0
    /** A round that is begun is told to be over, however it ends. */
    const tracked = (by: "loop" | "negotiate", round: Round.Round) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          book.tick(yield* Clock.currentTimeMillis)
          journal.tell(Happening.RoundStarted({ round: ++count, by }))
          const exit = yield* Effect.exit(restore(round.run))
          const { failures, session } = Exit.isSuccess(exit) ? exit.value : { session: round.session(), failures: [] }
          journal.tell(Happening.RoundEnded({ session, failures }))
          return yield* exit
        })
      )

    /** A round of the loop, unless what was wanted has come while it waited for its turn. */
    const roundOfLoop = oneRound(
      Effect.suspend(() =>
        handover.isWanted()
          ? Effect.asSome(tracked("loop", Round.make(env, handover.waitingSpans)))
          : Effect.succeed(Option.none())
      )
    )
    // A defect of one ends all three, and reaches all who wait.
    const working = firstOf(work(env, handover, roundOfLoop), firstOf(follow, book.loadAdded))
    const worker = yield* FiberSet.run(fibers, working)
    let isClosing = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosing = true
      })
    )
    /** Why it has ended before it was closed: a defect, or an interruption that a port has made up. */
    let stopped: Effect.Effect<never> | undefined
    worker.addObserver((exit) => {
      if (isClosing || Exit.isSuccess(exit)) return handover.close(Effect.fail(Option.none()))
      const cause = Cause.squash(exit.cause)
      stopped = Effect.die(cause)
      journal.tell(Happening.Stopped({ cause }))
      handover.close(stopped)
    })

    const take = (kind: Handover.TakerKind) => Effect.catchAll(handover.take(kind), () => Effect.interrupt)

    return {
      requestSession: handover.request,
      takeSession: take("take"),
      newSessions: Stream.repeatEffectOption(handover.take("take")),
      nextSession: take("next"),
      negotiate: Effect.suspend(
        () => stopped ?? negotiate(env, handover, fibers, (round) => oneRound(tracked("negotiate", round)))
      ),
      status: Effect.sync(journal.status),
      statusChanges: journal.statusChanges,
      events: journal.events
    }
  })
