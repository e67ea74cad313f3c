/**
 * The one place where events are numbered and told: to the status, to listeners, to streams.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Happening, NegotiatorEvent } from "../../schema/NegotiatorEvent.js"
import type { NegotiatorStatus } from "../../schema/NegotiatorStatus.js"
import * as Inbox from "../concurrency/inbox.js"
import * as Status from "./status.js"

/** A slow subscriber loses the oldest events beyond this number. */
const capacity = 4096

/** @since 0.1.0 @category models */
export interface Events {
  /** Tells what happened, in the caller's synchronous step. */
  readonly emit: (happening: Happening) => void
  readonly status: () => NegotiatorStatus
  /** Subscribed when the effect returns; so is `statusChanges`. */
  readonly events: Effect.Effect<Stream.Stream<NegotiatorEvent>, never, Scope.Scope>
  readonly statusChanges: Effect.Effect<Stream.Stream<NegotiatorStatus>, never, Scope.Scope>
  /** Calls back in the step in which something happens; for tests that check after each event. */
  readonly listen: (listener: (event: NegotiatorEvent) => void) => void
  /** Ends the streams. */
  readonly close: () => void
}

/** The end of a stream. */
type End = Option.Option<never>

type Subscribers<A> = Set<Inbox.Inbox<A, End>>

/** `now` is the negotiator's clock. @since 0.1.0 @category constructors */
export const make = (now: () => number): Events => {
  const ofEvents: Subscribers<NegotiatorEvent> = new Set()
  const ofStatuses: Subscribers<NegotiatorStatus> = new Set()
  const listeners: Array<(event: NegotiatorEvent) => void> = []
  const end: Effect.Effect<never, End> = Effect.fail(Option.none())
  let number = 0
  let fold = Status.initial
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
      const event: NegotiatorEvent = { number, at: now(), happening }
      const before = fold.status
      fold = Status.after(fold, event)
      for (const inbox of ofEvents) inbox.offer(event)
      if (fold.status !== before) for (const inbox of ofStatuses) inbox.offer(fold.status)
      for (const listener of listeners) listener(event)
    },
    status: () => fold.status,
    events: subscribe(ofEvents, () => []),
    // Only the newest status matters to a slow subscriber, but a fold may want those before it.
    statusChanges: subscribe(ofStatuses, () => [fold.status]),
    listen: (listener) => listeners.push(listener),
    close: () => {
      isClosed = true
      for (const inbox of [...ofEvents, ...ofStatuses]) inbox.end(end)
    }
  }
}
