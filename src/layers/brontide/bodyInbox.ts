/**
 * The bodies that were read and not taken yet, up to a number of bytes.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Inbox from "../concurrency/inbox.js"

/** `E` is how the connection ends; what was read before is taken first. @since 0.1.0 @category models */
export interface BodyInbox<E>
  extends Pick<Inbox.Inbox<Uint8Array, E>, "end" | "take" | "ready" | "readyWithin" | "isEmpty"> {
  readonly offer: (bodies: ReadonlyArray<Uint8Array>) => void
  /** Returns when there is room for more. */
  readonly room: Effect.Effect<void>
}

/**
 * Each body counts with an overhead, so that empty ones cost too. The last offer may exceed the capacity.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E>(capacity: number, overhead: number): BodyInbox<E> => {
  const room = Effect.unsafeMakeLatch(true)
  let bytes = 0
  const inbox = Inbox.make<Uint8Array, E>({
    onTake: (body) => {
      bytes -= overhead + body.length
      if (bytes < capacity) room.unsafeOpen()
    }
  })
  return {
    ...inbox,
    offer: (bodies) => {
      for (const body of bodies) {
        inbox.offer(body)
        bytes += overhead + body.length
      }
      if (bytes >= capacity) room.unsafeClose()
    },
    room: room.await
  }
}
