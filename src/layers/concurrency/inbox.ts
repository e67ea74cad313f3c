/**
 * Items from synchronous code for one fiber: a list, and a latch that is open while there is something to take.
 *
 * `Queue` and `Mailbox` of Effect (3.22.4) lose an item, or the wake-up for it, when an offer meets an interruption or a
 * yield (docs/concurrency.md, Inbox). A latch shows a state, not an event: a fiber that looks and then waits misses nothing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { alarm } from "./alarm.js"

/** `E` is how it ends. @since 0.1.0 @category models */
export interface Inbox<A, E = never> {
  readonly offer: (item: A) => void
  /** Nothing more comes: what is left is taken first, then every take ends like this. */
  readonly end: (end: Effect.Effect<never, E>) => void
  /** The next item. */
  readonly take: Effect.Effect<A, E>
  /** All items, at least one. */
  readonly takeAll: Effect.Effect<ReadonlyArray<A>, E>
  /** All items, as soon as there is one; none when that time, in milliseconds, is up. */
  readonly takeWithin: (millis: number) => Effect.Effect<ReadonlyArray<A>, E>
  /** Returns when there is an item, or the end. */
  readonly ready: Effect.Effect<void>
  /** Whether there is an item, or the end, as soon as there is; false when that time, in milliseconds, is up. */
  readonly readyWithin: (millis: number) => Effect.Effect<boolean>
  readonly isEmpty: () => boolean
}

/** Beyond `capacity` items the oldest is dropped; `onTake` is called in the step in which an item is taken. @since 0.1.0 @category models */
export interface Options<A> {
  readonly capacity?: number
  readonly onTake?: (item: A) => void
}

/** An empty inbox. @since 0.1.0 @category constructors */
export const make = <A, E = never>(options: Options<A> = {}): Inbox<A, E> => {
  const { capacity = Number.POSITIVE_INFINITY, onTake = () => {} } = options
  const items: Array<A> = []
  let ended: Effect.Effect<never, E> | undefined
  const filled = Effect.unsafeMakeLatch(false)
  const closeIfEmpty = () => {
    if (items.length === 0 && ended === undefined) filled.unsafeClose()
  }
  const isReady = () => items.length > 0 || ended !== undefined

  const take: Effect.Effect<A, E> = Effect.suspend(() => {
    const [item] = items.splice(0, 1)
    if (item === undefined) return ended ?? Effect.andThen(filled.await, take)
    closeIfEmpty()
    onTake(item)
    return Effect.succeed(item)
  })
  const takeAll: Effect.Effect<ReadonlyArray<A>, E> = Effect.suspend(() => {
    if (items.length === 0) return ended ?? Effect.andThen(filled.await, takeAll)
    const all = items.splice(0)
    closeIfEmpty()
    all.forEach(onTake)
    return Effect.succeed(all)
  })

  const waitWithin = (millis: number): Effect.Effect<void> =>
    Effect.flatMap(alarm, (alarm) =>
      Effect.uninterruptibleMask((restore) => {
        let isLate = false
        const callOff = alarm(millis, () => {
          isLate = true
          filled.unsafeOpen()
          closeIfEmpty()
        })
        const wait: Effect.Effect<void> = Effect.suspend(() =>
          isReady() || isLate ? Effect.void : Effect.andThen(filled.await, wait)
        )
        return Effect.ensuring(restore(wait), Effect.sync(callOff))
      })
    )
  // Whether it is ready is asked after the wait: what comes in the very step in which the time is up counts.
  const readyWithin = (millis: number): Effect.Effect<boolean> =>
    Effect.suspend(() => (isReady() ? Effect.succeed(true) : Effect.map(waitWithin(millis), isReady)))

  return {
    offer: (item) => {
      items.push(item)
      if (items.length > capacity) items.shift()
      filled.unsafeOpen()
    },
    end: (end) => {
      ended = end
      filled.unsafeOpen()
    },
    take,
    takeAll,
    takeWithin: (millis) =>
      millis === Number.POSITIVE_INFINITY
        ? takeAll
        : Effect.flatMap(readyWithin(millis), (ready) => (ready ? takeAll : Effect.succeed<ReadonlyArray<A>>([]))),
    ready: filled.await,
    readyWithin,
    isEmpty: () => items.length === 0
  }
}
