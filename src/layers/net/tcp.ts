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

const rawSocket = (socket: Net.Socket): SocketDialer.RawSocket => {
  const hasFailed = survivingWrites(socket)
  // The latch shows a state, not an event: whoever looks and then waits misses nothing. Its listener also keeps Node from
  // handing out bytes by itself to nobody, as it would after a `resume`.
  const news = Effect.unsafeMakeLatch(false)
  for (const event of ["readable", "end", "close"]) socket.on(event, () => news.unsafeOpen())
  const read: Effect.Effect<Uint8Array, "Ended"> = Effect.suspend(() => {
    // The type is `any`: without an encoding it is a buffer. What was read before an error is still handed out.
    const bytes: Buffer | null = socket.read()
    if (bytes !== null) return Effect.succeed(bytes)
    if (socket.readableEnded || socket.destroyed) return Effect.fail("Ended")
    news.unsafeClose()
    return Effect.andThen(news.await, read)
  })
  return {
    read,
    write: (bytes) =>
      Effect.async((resume) => {
        // Node calls back without an error when a reset cut the write short.
        socket.write(bytes, (error) => resume(Effect.succeed(!error && !hasFailed() && !socket.destroyed)))
      })
  }
}

/**
 * A socket that the scope owns: it is destroyed when the scope closes. Errors are told by reading and writing; a listener
 * keeps them from being thrown. What is written leaves at once: held back until the other side has acknowledged what came
 * before (Nagle), an exchange of small messages waits 40 ms and more.
 */
const acquire = (open: () => Net.Socket): Effect.Effect<Net.Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    // Also one that is not connected yet remembers it; as an option of `connect` Node 20 ignores it.
    Effect.sync(() =>
      open()
        .setNoDelay(true)
        .on("error", () => {})
    ),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** The raw socket of a connection that is open; the scope owns it. @since 0.1.0 @category constructors */
export const own = (socket: Net.Socket): Effect.Effect<SocketDialer.RawSocket, never, Scope.Scope> =>
  Effect.map(
    acquire(() => socket),
    rawSocket
  )

/** Connects to an IP address; fails with what the system says. @since 0.1.0 @category constructors */
export const connect = (target: {
  readonly host: string
  readonly port: number
}): Effect.Effect<SocketDialer.RawSocket, NodeJS.ErrnoException, Scope.Scope> =>
  Effect.flatMap(
    acquire(() => new Net.Socket({ allowHalfOpen: true })),
    (socket) => {
      // Before it connects, so that no event comes before its listeners.
      const raw = rawSocket(socket)
      return Effect.async<SocketDialer.RawSocket, NodeJS.ErrnoException>((resume) => {
        const refused = (cause: NodeJS.ErrnoException) => resume(Effect.fail(cause))
        socket.once("error", refused)
        socket.connect(target, () => {
          socket.off("error", refused)
          resume(Effect.succeed(raw))
        })
      })
    }
  )
