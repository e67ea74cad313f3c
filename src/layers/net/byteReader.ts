/**
 * Reads from a raw socket either an exact number of bytes, as acts need it, or whatever comes next, as frames do.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { concat } from "../../internal/bytes.js"
import type { SocketDialer } from "../../services/SocketDialer.js"

/** Reads in order; fails with `Ended` at the other side's end. One reader at a time. @since 0.1.0 @category models */
export interface ByteReader {
  /** Exactly `count` bytes. Bytes that came with them are read next. */
  readonly exactly: (count: number) => Effect.Effect<Uint8Array, "Ended">
  /** What has come and was not read yet. */
  readonly unread: () => Uint8Array
  /** The bytes that are left over from an exact read; without any, the next ones from the socket. */
  readonly next: Effect.Effect<Uint8Array, "Ended">
}

const nothing = new Uint8Array(0)

/** A reader of a socket. Nothing is read before it is asked for. @since 0.1.0 @category constructors */
export const make = (socket: SocketDialer.RawSocket): ByteReader => {
  let rest: Uint8Array = nothing
  const exactly = (count: number): Effect.Effect<Uint8Array, "Ended"> =>
    Effect.suspend(() => {
      if (rest.length < count) {
        return Effect.flatMap(socket.read, (bytes) => {
          rest = concat(rest, bytes)
          return exactly(count)
        })
      }
      const taken = rest.subarray(0, count)
      rest = rest.subarray(count)
      return Effect.succeed(taken)
    })
  const next = Effect.suspend(() => {
    if (rest.length === 0) return socket.read
    const taken = rest
    rest = nothing
    return Effect.succeed(taken)
  })
  return { exactly, next, unread: () => rest }
}
