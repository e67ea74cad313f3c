/**
 * The one place where the events of a service are numbered and told: to its status, to listeners, to streams.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Instant } from "../../schema/Ids.js"
import * as Inbox from "../concurrency/inbox.js"

/** A slow subscriber loses the oldest events beyond this number. */
const capacity = 4096

/** A happening with its number, counted from 1 without gaps, and its instant. @since 0.1.0 @category models */
export interface Numbered<Happening> {
  readonly number: number
  readonly at: Instant
  readonly happening: Happening
}

/** The status, and what is behind it. @since 0.1.0 @category models */
export interface Fold<Status> {
  readonly status: Status
}

/** @since 0.1.0 @category models */
export interface EventLog<Happening, Status> {
  /** Tells what happened, in the caller's synchronous step. */
  readonly emit: (happening: Happening) => void
  readonly status: () => Status
  /** Subscribed when the effect returns; so is `statusChanges`. */
  readonly events: Effect.Effect<Stream.Stream<Numbered<Happening>>, never, Scope.Scope>
  readonly statusChanges: Effect.Effect<Stream.Stream<Status>, never, Scope.Scope>
  /** Calls back in the step in which something happens; for tests that check after each event. */
  readonly listen: (listener: (event: Numbered<Happening>) => void) => () => void
  /** Ends the streams. */
  readonly close: () => void
}

/** The end of a stream. */
type End = Option.Option<never>

type Subscribers<A> = Set<Inbox.Inbox<A, End>>

/** `now` is the service's clock; `after` answers the same status where an event does not change it. @since 0.1.0 @category constructors */
export const make = <Happening, F extends Fold<unknown>>(
  now: () => Instant,
  initial: F,
  after: (fold: F, event: Numbered<Happening>) => F
): EventLog<Happening, F["status"]> => {
  const ofEvents: Subscribers<Numbered<Happening>> = new Set()
  const ofStatuses: Subscribers<F["status"]> = new Set()
  const listeners = new Set<(event: Numbered<Happening>) => void>()
  const end: Effect.Effect<never, End> = Effect.fail(Option.none())
  let number = 0
  let fold = initial
  let isClosed = false

  const subscribe = <A>(subscribers: Subscribers<A>, first: () => ReadonlyArray<A>) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const inbox = Inbox.make<A, End>({ capacity })
          for (const item of first()) inbox.offer(item)
          if (isClosed) inbox.end(end)
          subscribers.add(inbox)
          return inbox
        }),
        (inbox) => Effect.sync(() => subscribers.delete(inbox))
      ),
      ({ takeAll }): Stream.Stream<A> => Stream.repeatEffectChunkOption(Effect.map(takeAll, Chunk.unsafeFromArray))
    )

  return {
    emit: (happening) => {
      number += 1
      const event = { number, at: now(), happening }
      const before = fold.status
      fold = after(fold, event)
      for (const inbox of ofEvents) inbox.offer(event)
      if (fold.status !== before) for (const inbox of ofStatuses) inbox.offer(fold.status)
      for (const listener of listeners) listener(event)
    },
    status: () => fold.status,
    events: subscribe(ofEvents, () => []),
    // Only the newest status matters to a slow subscriber, but a fold may want those before it.
    statusChanges: subscribe(ofStatuses, () => [fold.status]),
    listen: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: () => {
      isClosed = true
      for (const inbox of [...ofEvents, ...ofStatuses]) inbox.end(end)
    }
  }
}
