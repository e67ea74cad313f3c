/**
 * What arrives on a raw socket, read by need: acts have known sizes, frames do not.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { concat } from "../../internal/bytes.js"
import type { SocketDialer } from "../../services/SocketDialer.js"

/** Reads in order; fails with `Ended` at the end of the stream. One reader at a time. @since 0.1.0 @category models */
export interface Source {
  /** Exactly so many bytes. What came beyond them is read next. */
  readonly exactly: (count: number) => Effect.Effect<Uint8Array, "Ended">
  /** Whatever comes next. */
  readonly next: Effect.Effect<Uint8Array, "Ended">
}

const nothing = new Uint8Array(0)

/** Begins to read a socket. Nothing is taken from it before it is asked for. @since 0.1.0 @category constructors */
export const make = (socket: SocketDialer.RawSocket): Effect.Effect<Source, never, Scope.Scope> =>
  Effect.map(Stream.toPull(socket.bytes), (pull) => {
    let rest: Uint8Array = nothing
    const more = Effect.mapBoth(pull, {
      onFailure: () => "Ended" as const,
      onSuccess: (chunks) => concat(...Chunk.toReadonlyArray(chunks))
    })
    const exactly = (count: number): Effect.Effect<Uint8Array, "Ended"> =>
      Effect.suspend(() => {
        if (rest.length < count) {
          return Effect.flatMap(more, (bytes) => {
            rest = concat(rest, bytes)
            return exactly(count)
          })
        }
        const taken = rest.subarray(0, count)
        rest = rest.subarray(count)
        return Effect.succeed(taken)
      })
    const next = Effect.suspend(() => {
      if (rest.length === 0) return more
      const taken = rest
      rest = nothing
      return Effect.succeed(taken)
    })
    return { exactly, next }
  })
