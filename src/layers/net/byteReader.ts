/**
 * Reads from a raw socket either an exact number of bytes, as acts need it, or whatever comes next, as frames do.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { concat } from "../../internal/bytes.js"
import type { SocketDialer } from "../../services/SocketDialer.js"
import { awaitCallback } from "../concurrency/awaitCallback.js"

/** Reads in order; fails with `Ended` at the other side's end. One reader at a time. @since 0.1.0 @category models */
export interface ByteReader {
  /** Exactly `count` bytes. Bytes that came with them are read next. An interrupted read loses nothing. */
  readonly exactly: (count: number) => Effect.Effect<Uint8Array, "Ended">
  /** The next bytes, at least one. */
  readonly next: Effect.Effect<Uint8Array, "Ended">
  /** Whether that many bytes are there, or the end: then an exact read of them has no need to wait. */
  readonly fill: (count: number) => boolean
  /** What has come and was not read yet. */
  readonly unread: () => Uint8Array
  /** The socket's `take`, and before it the bytes that are left over from an exact read. */
  readonly take: SocketDialer.RawSocket["take"]
}

const nothing = new Uint8Array(0)

/** Waits until `look` is true. Registered before the first look: what comes between the two is not missed. */
const lookUntil = (socket: SocketDialer.RawSocket, look: () => boolean): Effect.Effect<void> =>
  awaitCallback((resume) => {
    const lookNow = () => {
      if (look()) resume(undefined)
    }
    const unlisten = socket.listen(lookNow)
    lookNow()
    return unlisten
  })

/** A reader of a socket. Nothing is read before it is asked for. @since 0.1.0 @category constructors */
export const make = (socket: SocketDialer.RawSocket): ByteReader => {
  let rest: Uint8Array = nothing
  let hasEnded = false
  const fill = (count: number): boolean => {
    while (rest.length < count) {
      const bytes = socket.take()
      if (bytes === undefined) return false
      if (bytes === "Ended") {
        hasEnded = true
        return true
      }
      rest = rest.length === 0 ? bytes : concat(rest, bytes)
    }
    return true
  }
  const taken = (count: number): Uint8Array => {
    const bytes = rest.subarray(0, count)
    rest = rest.subarray(count)
    return bytes
  }
  const read = (least: number, count: () => number): Effect.Effect<Uint8Array, "Ended"> => {
    const now = Effect.suspend(() =>
      hasEnded && rest.length < least ? Effect.fail("Ended" as const) : Effect.succeed(taken(count()))
    )
    return Effect.suspend(() =>
      fill(least)
        ? now
        : Effect.andThen(
            lookUntil(socket, () => fill(least)),
            now
          )
    )
  }
  return {
    exactly: (count) => read(count, () => count),
    next: read(1, () => rest.length),
    fill,
    unread: () => rest,
    take: () => (rest.length === 0 ? socket.take() : taken(rest.length))
  }
}
