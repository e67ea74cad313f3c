/**
 * Items from synchronous code for one fiber: a list, and who is told when there is something to take.
 *
 * `Queue` and `Mailbox` of Effect (3.22.4) lose an item, or the wake-up for it, when an offer meets an interruption or a
 * yield (docs/concurrency.md, Inbox). Here a fiber that has to wait registers first and then looks: it misses nothing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type Alarm, alarm as callersAlarm } from "./alarm.js"
import { awaitCallback } from "./awaitCallback.js"

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
  /** For the waits with a limit (default: that of each caller's Clock). */
  readonly alarm?: Alarm
}

/** An empty inbox. @since 0.1.0 @category constructors */
export const make = <A, E = never>(options: Options<A> = {}): Inbox<A, E> => {
  const { alarm, capacity = Number.POSITIVE_INFINITY, onTake = () => {} } = options
  const items: Array<A> = []
  let ended: Effect.Effect<never, E> | undefined
  const waiting = new Set<() => void>()
  const isReady = () => items.length > 0 || ended !== undefined
  const changed = () => {
    for (const look of waiting) look()
  }

  /** Waits until it is ready, or until that alarm rings. Registered before the first look: what is offered between the two is not missed. */
  const wait = (setAlarm?: (ring: () => void) => () => void): Effect.Effect<void> =>
    awaitCallback((resume) => {
      const look = () => {
        if (isReady()) resume(undefined)
      }
      waiting.add(look)
      look()
      const callOff = setAlarm === undefined || isReady() ? () => {} : setAlarm(() => resume(undefined))
      return () => {
        waiting.delete(look)
        callOff()
      }
    })

  const take: Effect.Effect<A, E> = Effect.suspend(() => {
    const item = items.shift()
    if (item === undefined) return ended ?? Effect.andThen(wait(), take)
    onTake(item)
    return Effect.succeed(item)
  })
  const takeAll: Effect.Effect<ReadonlyArray<A>, E> = Effect.suspend(() => {
    if (items.length === 0) return ended ?? Effect.andThen(wait(), takeAll)
    const all = items.splice(0)
    all.forEach(onTake)
    return Effect.succeed(all)
  })

  const waitWithin = (millis: number): Effect.Effect<void> =>
    alarm === undefined
      ? Effect.flatMap(callersAlarm, (alarm) => wait((ring) => alarm(millis, ring)))
      : wait((ring) => alarm(millis, ring))
  /** What is there, as soon as there is something. Asked after the wait: what comes in the very step in which the time is up counts. */
  const within = <B, E2>(
    millis: number,
    there: Effect.Effect<B, E2>,
    nothing: Effect.Effect<B>
  ): Effect.Effect<B, E2> =>
    Effect.suspend(() => (isReady() ? there : Effect.flatMap(waitWithin(millis), () => (isReady() ? there : nothing))))

  return {
    offer: (item) => {
      items.push(item)
      if (items.length > capacity) items.shift()
      changed()
    },
    end: (end) => {
      ended = end
      changed()
    },
    take,
    takeAll,
    takeWithin: (millis) =>
      millis === Number.POSITIVE_INFINITY ? takeAll : within(millis, takeAll, Effect.succeed<ReadonlyArray<A>>([])),
    ready: Effect.suspend(() => wait()),
    readyWithin: (millis) => within(millis, Effect.succeed(true), Effect.succeed(false)),
    isEmpty: () => items.length === 0
  }
}
