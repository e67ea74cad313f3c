/**
 * TCP connections of node:net as the layers want them: owned by a scope, read by need, and read to the last byte however
 * the other side ends.
 *
 * Bytes that had come are lost nowhere on our side. Linux keeps what it has received when a reset comes behind it, and
 * hands it out before the end. Node alone would lose it: a write that meets the reset destroys the socket with all that
 * was not read yet. So a failed write destroys nothing here; it is told to the writer, and the reader comes to the end.
 * Reading is ours for the same reason: `NodeStream.fromReadable` drops what Node has buffered of a socket that is
 * destroyed before its reader comes. What the other side's system had not sent yet when it reset, nobody can read.
 *
 * @since 0.1.0
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SocketDialer } from "../../services/SocketDialer.js"

/** A connection that is open, or not yet. @since 0.1.0 @category models */
export interface Line extends SocketDialer.RawSocket {
  readonly socket: Net.Socket
  /** So many bytes, or fewer before the end; fails with `Ended` after the last one. */
  readonly exactly: (count: number) => Effect.Effect<Uint8Array, "Ended">
}

/**
 * Keeps a failed write from destroying the socket, and answers whether one has failed. Node writes through `_write`, and
 * several writes at once through `_writev` where there is one.
 */
const survivingWrites = (socket: Net.Socket): (() => boolean) => {
  const write = socket._write.bind(socket)
  let failed = false
  Object.assign(socket, {
    _write: (chunk: Uint8Array, encoding: BufferEncoding, done: () => void) =>
      write(chunk, encoding, (error) => {
        if (error) failed = true
        done()
      }),
    _writev: undefined
  })
  return () => failed
}

const lineOf = (socket: Net.Socket): Line => {
  const hasFailed = survivingWrites(socket)
  // The latch shows a state, not an event: whoever looks and then waits misses nothing. Its listener also keeps Node from
  // handing out bytes by itself to nobody, as it would after a `resume`.
  const news = Effect.unsafeMakeLatch(false)
  for (const event of ["readable", "end", "close"]) socket.on(event, () => news.unsafeOpen())
  const read = (count?: number): Effect.Effect<Uint8Array, "Ended"> =>
    Effect.suspend(() => {
      // The type is `any`: without an encoding it is a buffer. What was read before an error is still handed out.
      const bytes: Buffer | null = socket.read(count)
      if (bytes !== null) return Effect.succeed(bytes)
      if (socket.readableEnded || socket.destroyed) return Effect.fail("Ended")
      news.unsafeClose()
      return Effect.andThen(news.await, read(count))
    })
  return {
    socket,
    read: read(),
    exactly: read,
    write: (bytes) =>
      Effect.async((resume) => {
        // Node calls back without an error when a reset cut the write short.
        socket.write(bytes, (error) => resume(Effect.succeed(!error && !hasFailed() && !socket.destroyed)))
      })
  }
}

/**
 * A line over a socket that the scope owns: it is destroyed when the scope closes. Errors are told by reading and
 * writing; a listener keeps them from being thrown. What is written leaves at once: held back until the other side has
 * acknowledged what came before (Nagle), an exchange of small messages waits 40 ms and more.
 *
 * @since 0.1.0
 * @category constructors
 */
export const own = (open: () => Net.Socket): Effect.Effect<Line, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      // Also one that is not connected yet remembers it; as an option of `connect` Node 20 ignores it.
      Effect.sync(() =>
        open()
          .setNoDelay(true)
          .on("error", () => {})
      ),
      (socket) => Effect.sync(() => socket.destroy())
    ),
    lineOf
  )

/** Connects to an IP address; fails with what the system says. @since 0.1.0 @category constructors */
export const connect = (target: {
  readonly host: string
  readonly port: number
}): Effect.Effect<Line, NodeJS.ErrnoException, Scope.Scope> =>
  Effect.tap(
    own(() => new Net.Socket({ allowHalfOpen: true })),
    ({ socket }) =>
      Effect.async<void, NodeJS.ErrnoException>((resume) => {
        const refused = (cause: NodeJS.ErrnoException) => resume(Effect.fail(cause))
        socket.once("error", refused)
        socket.connect(target, () => {
          socket.off("error", refused)
          resume(Effect.void)
        })
      })
  )
