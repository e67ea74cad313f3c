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
import * as ByteReader from "../net/byteReader.js"
import * as RawSocket from "../net/rawSocket.js"

/** How a pair carries bytes. @since 0.1.0 @category testing */
export interface Options {
  /** The most bytes that one read answers (default: as many as one write). */
  readonly chunkSize?: number | undefined
  /** A write waits while this number of bytes is unread (default 65,536). */
  readonly capacity?: number | undefined
}

/** One end of a pair. @since 0.1.0 @category testing */
export interface End extends SocketDialer.RawSocket {
  /** The next bytes that the other side wrote. For a program of a test that speaks and listens in turns. */
  readonly read: Effect.Effect<Uint8Array, "Ended">
  /** Writes; answers false when the connection is closed. */
  readonly send: (bytes: Uint8Array) => Effect.Effect<boolean>
  /** Hangs up at once, both ways: the other side reads what was written and then the end, and its writes answer false. */
  readonly close: Effect.Effect<void>
  /** Writes no more but reads on: the other side reads what was written and then the end. */
  readonly halfClose: Effect.Effect<void>
}

interface Pipe extends SocketDialer.RawSocket {
  /** The writer has closed: what was written can still be read. */
  readonly end: () => void
  /** The reader has closed: what was written is lost. */
  readonly abandon: () => void
}

/** A write of which not all bytes have had room. */
interface Write {
  left: Uint8Array
  readonly onWritten: (isWritten: boolean) => void
}

const makePipe = ({ capacity = 65_536, chunkSize = capacity }: Options): Pipe => {
  const listeners = new Set<() => void>()
  let unread: Array<Uint8Array> = []
  let size = 0
  const writes: Array<Write> = []
  let state: "open" | "ended" | "abandoned" = "open"
  // True from the take that found nothing on: a reader that still takes is not called back in the middle of that.
  let isWaitedFor = true

  const tell = (): void => {
    if (!isWaitedFor) return
    isWaitedFor = false
    for (const onNews of listeners) onNews()
  }

  /** Puts what has room where the reader takes it, and tells the writers of what is there as a whole, and the reader. */
  const admit = (): void => {
    const isOpen = state === "open"
    const told: Array<Write> = []
    for (let first = writes[0]; first !== undefined && (!isOpen || size < capacity); first = writes[0]) {
      const piece = first.left.slice(0, isOpen ? Math.min(chunkSize, capacity - size) : 0)
      if (piece.length > 0) unread.push(piece)
      size += piece.length
      first.left = first.left.subarray(piece.length)
      if (isOpen && first.left.length > 0) continue
      told.push(first)
      writes.shift()
    }
    for (const { onWritten } of told) onWritten(isOpen)
    if (unread.length > 0 || !isOpen) tell()
  }

  const close = (as: "ended" | "abandoned"): void => {
    state = as
    admit()
  }
  return {
    write: (bytes, onWritten) => {
      writes.push({ left: bytes, onWritten })
      admit()
    },
    take: () => {
      const piece = unread.shift()
      if (piece !== undefined) {
        size -= piece.length
        admit()
        return piece
      }
      if (state !== "open") return "Ended"
      isWaitedFor = true
      return undefined
    },
    listen: (onNews) => {
      listeners.add(onNews)
      return () => listeners.delete(onNews)
    },
    end: () => {
      if (state === "open") close("ended")
    },
    abandon: () => {
      unread = []
      size = 0
      close("abandoned")
    }
  }
}

/** A new pair. Nothing has to be released. @since 0.1.0 @category testing */
export const make = (options: Options = {}): Effect.Effect<readonly [End, End]> =>
  Effect.sync(() => {
    const there = makePipe(options)
    const back = makePipe(options)
    const end = (out: Pipe, into: Pipe): End => {
      const socket: SocketDialer.RawSocket = { take: into.take, listen: into.listen, write: out.write }
      return {
        ...socket,
        read: ByteReader.make(socket).next,
        send: (bytes) => RawSocket.write(socket, bytes),
        halfClose: Effect.sync(out.end),
        close: Effect.sync(() => {
          out.end()
          into.abandon()
        })
      }
    }
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
