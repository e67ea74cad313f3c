/**
 * Two raw sockets joined in memory, with back-pressure, and with chunks of the size that a test asks for. As with TCP, what
 * was written before an end is read before it.
 *
 * @since 0.1.0
 * @module
 */
import * as Effect from "effect/Effect"
import type { Route } from "../../schema/Ids.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { SocketDialer } from "../../services/SocketDialer.js"

/** How a pair carries bytes. @since 0.1.0 @category testing */
export interface Options {
  /** The most bytes that one read answers (default: as many as one write). */
  readonly chunkSize?: number | undefined
  /** A write waits while this number of bytes is unread (default 65,536). */
  readonly capacity?: number | undefined
}

/** One end of a pair. @since 0.1.0 @category testing */
export interface End extends SocketDialer.RawSocket {
  /** Hangs up at once, both ways: the other side reads what was written and then the end, and its writes answer false. */
  readonly close: Effect.Effect<void>
  /** Writes no more but reads on: the other side reads what was written and then the end. */
  readonly halfClose: Effect.Effect<void>
}

interface Pipe {
  readonly write: (bytes: Uint8Array) => Effect.Effect<boolean>
  readonly read: Effect.Effect<Uint8Array, "Ended">
  /** The writer has closed: what was written can still be read. */
  readonly end: () => void
  /** The reader has closed: what was written is lost. */
  readonly abandon: () => void
}

const makePipe = ({ capacity = 65_536, chunkSize = capacity }: Options): Pipe => {
  let unread: Array<Uint8Array> = []
  let size = 0
  let state: "open" | "ended" | "abandoned" = "open"
  // A latch that is open stays open until its state changes: a fiber that looks and then waits misses nothing.
  const readable = Effect.unsafeMakeLatch(false)
  const writable = Effect.unsafeMakeLatch(true)

  const write = (bytes: Uint8Array): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      if (state !== "open") return Effect.succeed(false)
      if (bytes.length === 0) return Effect.succeed(true)
      if (size >= capacity) {
        writable.unsafeClose()
        return Effect.andThen(writable.await, write(bytes))
      }
      const piece = bytes.slice(0, Math.min(chunkSize, capacity - size))
      unread.push(piece)
      size += piece.length
      readable.unsafeOpen()
      return write(bytes.subarray(piece.length))
    })

  const read: Effect.Effect<Uint8Array, "Ended"> = Effect.suspend(() => {
    const piece = unread.shift()
    if (piece !== undefined) {
      size -= piece.length
      writable.unsafeOpen()
      return Effect.succeed(piece)
    }
    if (state !== "open") return Effect.fail("Ended")
    readable.unsafeClose()
    return Effect.andThen(readable.await, read)
  })

  const wake = (): void => {
    readable.unsafeOpen()
    writable.unsafeOpen()
  }
  return {
    write,
    read,
    end: () => {
      if (state === "open") state = "ended"
      wake()
    },
    abandon: () => {
      state = "abandoned"
      unread = []
      size = 0
      wake()
    }
  }
}

/** A new pair. Nothing has to be released. @since 0.1.0 @category testing */
export const make = (options: Options = {}): Effect.Effect<readonly [End, End]> =>
  Effect.sync(() => {
    const there = makePipe(options)
    const back = makePipe(options)
    const end = (out: Pipe, into: Pipe): End => ({
      read: into.read,
      write: out.write,
      halfClose: Effect.sync(out.end),
      close: Effect.sync(() => {
        out.end()
        into.abandon()
      })
    })
    return [end(there, back), end(back, there)]
  })

/**
 * A dialer that runs `serve` with the other end of each dial, in a fiber of the dial's scope. Closing that scope hangs up.
 *
 * @since 0.1.0
 * @category testing
 */
export const dialer = (
  serve: (end: End, address: TowerAddress) => Effect.Effect<void>,
  options: Options & { readonly route?: Route | undefined } = {}
): SocketDialer.Service => ({
  route: options.route ?? "clear",
  dial: (address) =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* make(options)
      yield* Effect.forkScoped(Effect.interruptible(serve(theirs, address)))
      yield* Effect.addFinalizer(() => ours.close)
      return ours
    })
})
