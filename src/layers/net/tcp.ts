/**
 * TCP connections of node:net, owned by a scope, read on demand, and read to the last byte whichever way the other side
 * ends them.
 *
 * No byte that has arrived at this machine is lost. Linux keeps what it received before a reset and hands it out before the
 * end; Node would lose it, because a write that meets the reset destroys the socket with everything that is not read yet.
 * So a failed write destroys nothing here: the writer learns of it, and the reader reads on to the end. For the same reason
 * `NodeStream.fromReadable` is not used: it drops what Node has buffered when the socket is destroyed before the first
 * read. Bytes that the other system had not sent when it reset the connection are lost; no reader can have them.
 *
 * @since 0.1.0
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { SocketDialer } from "../../services/SocketDialer.js"

/**
 * Keeps a failed write from destroying the socket, and answers whether a write has failed. Node writes through `_write`,
 * and several writes at once through `_writev` where it exists.
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
  const listeners = new Set<() => void>()
  const tell = () => {
    for (const onNews of listeners) onNews()
  }
  // Never removed: the listener for `readable` also keeps the socket paused; without it a `resume` would throw bytes away.
  for (const event of ["readable", "end", "close"]) socket.on(event, tell)
  return {
    take: () => {
      // The type is `any`; without an encoding it is a buffer. Bytes that came before an error are still handed out.
      const bytes: Buffer | null = socket.read()
      if (bytes !== null) return bytes
      return socket.readableEnded || socket.destroyed ? "Ended" : undefined
    },
    listen: (onNews) => {
      listeners.add(onNews)
      return () => listeners.delete(onNews)
    },
    // In a later turn of the event loop: where the kernel has taken all of it at once, Node calls back in this one. A sender that sends
    // one message after another would keep everything from being read then, until the answers count as late.
    // After a reset in the middle of a write Node calls back without an error.
    write: (bytes, onWritten) =>
      void socket.write(bytes, (error) => {
        setImmediate(() => onWritten(!error && !hasFailed() && !socket.destroyed))
      })
  }
}

/**
 * A socket that remembers TCP_NODELAY before it is connected; Node 20 ignores it as an option of `connect`. Without it each small
 * message waits 40 ms or more until the other side has acknowledged the one before. The listener keeps Node from throwing errors,
 * of which reads and writes tell.
 */
const prepared = (socket: Net.Socket): Net.Socket => socket.setNoDelay(true).on("error", () => {})

const destroy = (socket: Net.Socket): Effect.Effect<void> => Effect.sync(() => socket.destroy())

/** The raw socket of a connection that is open; the scope owns it: it is destroyed when that closes. @since 0.1.0 @category constructors */
export const own = (socket: Net.Socket): Effect.Effect<SocketDialer.RawSocket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => rawSocket(prepared(socket))),
    () => destroy(socket)
  )

/** Connects to an IP address; fails with what the system says. The scope owns the connection. @since 0.1.0 @category constructors */
export const connect = (target: {
  readonly host: string
  readonly port: number
}): Effect.Effect<SocketDialer.RawSocket, NodeJS.ErrnoException, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) => {
    const socket = prepared(new Net.Socket({ allowHalfOpen: true }))
    // Before it connects, so that no event comes before its listeners.
    const raw = rawSocket(socket)
    const connecting = Effect.async<SocketDialer.RawSocket, NodeJS.ErrnoException>((resume) => {
      const refused = (cause: NodeJS.ErrnoException) => resume(Effect.fail(cause))
      socket.once("error", refused)
      socket.connect(target, () => {
        socket.off("error", refused)
        resume(Effect.succeed(raw))
      })
    })
    return Effect.matchCauseEffect(restore(connecting), {
      // At once, although the scope may stay open.
      onFailure: (cause) => Effect.andThen(destroy(socket), Effect.failCause(cause)),
      onSuccess: (connected) =>
        Effect.flatMap(Effect.scope, (scope) => Effect.as(Scope.addFinalizer(scope, destroy(socket)), connected))
    })
  })
