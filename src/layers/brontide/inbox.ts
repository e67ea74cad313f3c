/**
 * What was read and not taken yet, in order, and then how it ended.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"

/** Bodies between their reader and their taker. @since 0.1.0 @category models */
export interface Inbox<E> {
  readonly offer: (bodies: ReadonlyArray<Uint8Array>) => void
  /** Nothing more will come. */
  readonly end: (cause: Cause.Cause<E>) => void
  /** The next body; when there is none any more, the end. */
  readonly take: Effect.Effect<Uint8Array, E>
  /** Comes back when there is a body to take, or the end. */
  readonly news: Effect.Effect<void>
  /** Comes back when so little waits that more may be read. */
  readonly room: Effect.Effect<void>
  readonly isEmpty: () => boolean
}

/**
 * An inbox with room for so many bytes, each body counted with an overhead, so that empty ones cost too. The last offer
 * may exceed it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E>(capacity: number, overhead: number): Inbox<E> => {
  const waiting: Array<Uint8Array> = []
  let bytes = 0
  let ended: Cause.Cause<E> | undefined
  // Both latches show a state, not an event: whoever looks and then waits misses nothing.
  const news = Effect.unsafeMakeLatch(false)
  const room = Effect.unsafeMakeLatch(true)
  const take: Effect.Effect<Uint8Array, E> = Effect.suspend(() => {
    const body = waiting.shift()
    if (body !== undefined) {
      bytes -= overhead + body.length
      if (waiting.length === 0 && ended === undefined) news.unsafeClose()
      if (bytes < capacity) room.unsafeOpen()
      return Effect.succeed(body)
    }
    return ended === undefined ? Effect.andThen(news.await, take) : Effect.failCause(ended)
  })
  return {
    offer: (bodies) => {
      if (bodies.length === 0) return
      for (const body of bodies) {
        waiting.push(body)
        bytes += overhead + body.length
      }
      if (bytes >= capacity) room.unsafeClose()
      news.unsafeOpen()
    },
    end: (cause) => {
      ended = cause
      news.unsafeOpen()
    },
    take,
    news: news.await,
    room: room.await,
    isEmpty: () => waiting.length === 0
  }
}
