/**
 * What has happened since the service began, as counts by minute: a fold over the events of the tower client and its negotiators.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import type { History, LastFailure, Minute } from "../../schema/http/WatchtowerApi.js"
import type { Instant, TowerId } from "../../schema/Ids.js"
import type { NegotiatorEvent } from "../../schema/NegotiatorEvent.js"
import type { TowerClientEvent } from "../../schema/TowerClientEvent.js"
import { TowerClient } from "../../services/TowerClient.js"

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

/** The minute that counts now, those before it, and the last failures. */
interface Kept {
  readonly before: ReadonlyArray<Minute>
  readonly current: Minute
  readonly lastFailures: ReadonlyMap<TowerId, LastFailure>
}

/** What one event adds. */
interface Added extends Partial<Omit<Minute, "at">> {
  readonly failure?: { readonly towerId: TowerId; readonly message: string }
}

const empty = (at: Instant): Minute => ({ at, sessions: 0, updates: 0, failures: 0 })

const isEmpty = ({ failures, sessions, updates }: Minute): boolean => failures + sessions + updates === 0

const withinDay = (minutes: ReadonlyArray<Minute>, now: Instant): ReadonlyArray<Minute> =>
  minutes.filter(({ at }) => at > now - dayMs)

/** The minutes are copied once in each of them: a client can have thousands of events in a second. */
const add = (kept: Kept, at: Instant, { failure, failures = 0, sessions = 0, updates = 0 }: Added): Kept => {
  const minute = at - (at % minuteMs)
  // A clock that went back counts on in the minute that it has reached.
  const isNew = minute > kept.current.at
  const { current, ...rest } = isNew
    ? { ...kept, before: withinDay([...kept.before, kept.current], at), current: empty(minute) }
    : kept
  return {
    before: rest.before,
    current: {
      at: current.at,
      sessions: current.sessions + sessions,
      updates: current.updates + updates,
      failures: current.failures + failures
    },
    lastFailures:
      failure === undefined ? rest.lastFailures : new Map(rest.lastFailures).set(failure.towerId, { ...failure, at })
  }
}

const ofNegotiator = ({ happening }: NegotiatorEvent): Added | undefined => {
  switch (happening._tag) {
    case "SessionStored":
      return { sessions: 1 }
    case "AttemptFailed":
      return { failures: 1, failure: { towerId: happening.towerId, message: happening.failure.message } }
    // Said again of a visit whose attempts have failed; some visits fail without an attempt.
    case "VisitFailed":
      return { failure: { towerId: happening.towerId, message: happening.failure.message } }
    default:
      return undefined
  }
}

const ofClient = ({ happening }: TowerClientEvent): Added | undefined => {
  switch (happening._tag) {
    case "Acked":
      return { updates: happening.last - happening.first + 1 }
    case "ContactFailed":
      return { failures: 1, failure: { towerId: happening.towerId, message: happening.failure.message } }
    default:
      return undefined
  }
}

/** What was counted so far. It outlives the tower client: the service builds that again when its configuration changes. @since 0.1.0 @category services */
export class Counted extends Context.Tag("effect-watchtower/http/Counted")<Counted, Ref.Ref<Kept>>() {}

/** Nothing was counted so far. @since 0.1.0 @category layers */
export const counted: Layer.Layer<Counted> = Layer.effect(
  Counted,
  Ref.make<Kept>({ before: [], current: empty(0), lastFailures: new Map() })
)

/** @since 0.1.0 @category services */
export class ServiceHistory extends Context.Tag("effect-watchtower/http/ServiceHistory")<
  ServiceHistory,
  Effect.Effect<History>
>() {}

/** Counts while the scope is open. @since 0.1.0 @category layers */
export const layer: Layer.Layer<ServiceHistory, never, TowerClient | Counted> = Layer.scoped(
  ServiceHistory,
  Effect.gen(function* () {
    const client = yield* TowerClient
    const kept = yield* Counted
    const count = <Event extends { readonly at: Instant }>(
      events: Stream.Stream<Event>,
      addedBy: (event: Event) => Added | undefined
    ) =>
      Effect.forkScoped(
        Stream.runForEach(events, (event) => {
          const added = addedBy(event)
          return added === undefined ? Effect.void : Ref.update(kept, (before) => add(before, event.at, added))
        })
      )
    yield* count(yield* client.events, ofClient)
    yield* Effect.forEach(client.negotiators, ({ events }) =>
      Effect.flatMap(events, (stream) => count(stream, ofNegotiator))
    )
    return Effect.zipWith(Ref.get(kept), Effect.clock, ({ before, current, lastFailures }, clock) => ({
      minutes: withinDay([...before, current], clock.unsafeCurrentTimeMillis()).filter((one) => !isEmpty(one)),
      lastFailures: [...lastFailures.values()]
    }))
  })
)
