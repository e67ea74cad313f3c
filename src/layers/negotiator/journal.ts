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
import * as Condition from "./condition.js"
import * as Status from "./status.js"

/** A slow reader of events loses the oldest beyond so many. */
const capacity = 4096

/** @since 0.1.0 @category models */
export interface Journal {
  /** Tells what happened, in the caller's synchronous step. */
  readonly tell: (happening: Happening) => void
  readonly status: () => NegotiatorStatus
  /** Subscribed when the effect returns; so is `statusChanges`. */
  readonly events: Effect.Effect<Stream.Stream<NegotiatorEvent>, never, Scope.Scope>
  readonly statusChanges: Effect.Effect<Stream.Stream<NegotiatorStatus>, never, Scope.Scope>
  /** Calls back in the step in which something happens; for tests that check after each event. */
  readonly listen: (listener: (event: NegotiatorEvent) => void) => void
  /** Ends the streams. */
  readonly close: () => void
}

/** Items told to one reader: an array and a condition. */
interface Reader<A> {
  readonly items: Array<A>
  readonly offer: (item: A) => void
}

/** `now` is the negotiator's clock. @since 0.1.0 @category constructors */
export const make = (now: () => number): Journal => {
  const condition = Condition.make()
  const eventReaders = new Set<Reader<NegotiatorEvent>>()
  const statusReaders = new Set<Reader<NegotiatorStatus>>()
  const listeners: Array<(event: NegotiatorEvent) => void> = []
  let number = 0
  let fold = Status.initial
  let closed = false

  const subscribe = <A>(readers: Set<Reader<A>>, limit: number, first: () => ReadonlyArray<A>) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const items: Array<A> = [...first()]
          const reader: Reader<A> = {
            items,
            offer: (item) => {
              items.push(item)
              if (items.length > limit) items.shift()
            }
          }
          readers.add(reader)
          return reader
        }),
        (reader) => Effect.sync(() => readers.delete(reader))
      ),
      ({ items }): Stream.Stream<A> =>
        Stream.repeatEffectChunkOption(
          Effect.flatMap(
            condition.until(() => closed || items.length > 0),
            () =>
              items.length > 0
                ? Effect.sync(() => Chunk.unsafeFromArray(items.splice(0)))
                : Effect.fail(Option.none<never>())
          )
        )
    )

  return {
    tell: (happening) => {
      number += 1
      const event: NegotiatorEvent = { number, at: now(), happening }
      const before = fold.status
      fold = Status.after(fold, event)
      for (const reader of eventReaders) reader.offer(event)
      if (fold.status !== before) for (const reader of statusReaders) reader.offer(fold.status)
      for (const listener of listeners) listener(event)
      condition.signal()
    },
    status: () => fold.status,
    events: subscribe(eventReaders, capacity, () => []),
    // Only the newest status matters to a slow reader, but a fold may want the way there.
    statusChanges: subscribe(statusReaders, capacity, () => [fold.status]),
    listen: (listener) => listeners.push(listener),
    close: () => {
      closed = true
      condition.signal()
    }
  }
}
