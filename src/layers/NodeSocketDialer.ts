/**
 * TCP over node:net. The socket of @effect/platform-node is not used: it reorders chunks, reads without back-pressure,
 * and can leave writes and connects hanging.
 *
 * @since 0.1.0
 */
import * as Net from "node:net"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { hostPort, kind, type TowerAddress } from "../schema/TowerAddress.js"
import { DialFailed } from "../schema/TransportError.js"
import { SocketDialer } from "../services/SocketDialer.js"
import { allOrNothing } from "./net/allOrNothing.js"

const rawSocket = (socket: Net.Socket): SocketDialer.RawSocket => ({
  // A reset comes as an error of the stream; what was read before it is still handed out.
  bytes: NodeStream.fromReadable<"Reset">(
    () => socket,
    () => "Reset",
    { closeOnDone: false }
  ).pipe(Stream.catchAll(() => Stream.empty)),
  write: (bytes) =>
    Effect.async((resume) => {
      // Node calls back without an error when a reset cut the write short.
      socket.write(bytes, (error) => resume(Effect.succeed(!error && !socket.destroyed)))
    })
})

/** Destroys the socket when the scope closes. Errors are told by reading and writing; the listener keeps them from being thrown. */
const owned = (open: () => Net.Socket): Effect.Effect<Net.Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => open().on("error", () => {})),
    (socket) => Effect.sync(() => socket.destroy())
  )

/**
 * The raw socket of an open connection, for servers; the scope owns it. The server is to allow half-open connections,
 * else Node ends the writing side as soon as the other side has ended its own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSocket = (socket: Net.Socket): Effect.Effect<SocketDialer.RawSocket, never, Scope.Scope> =>
  Effect.map(
    owned(() => socket.setNoDelay(true)),
    rawSocket
  )

const reasons: Readonly<Record<string, DialFailed["reason"]>> = {
  ECONNREFUSED: "Refused",
  ETIMEDOUT: "Timeout",
  EHOSTUNREACH: "Unreachable",
  ENETUNREACH: "Unreachable",
  ENOTFOUND: "NameNotFound",
  EAI_AGAIN: "NameNotFound"
}

const dialFailed = (address: TowerAddress, cause: NodeJS.ErrnoException): DialFailed =>
  new DialFailed({ address, reason: reasons[cause.code ?? ""] ?? "Other", cause })

const connected = (socket: Net.Socket, address: TowerAddress): Effect.Effect<void, DialFailed> =>
  Effect.async((resume) => {
    socket.once("error", (cause) => resume(dialFailed(address, cause)))
    socket.connect({ ...hostPort(address), noDelay: true }, () => resume(Effect.void))
  })

/**
 * Dials over TCP. Onion names are not asked of the resolver: that would tell it what is looked for, and it cannot know
 * them (RFC 7686).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: SocketDialer.Service = {
  way: "clear",
  dial: Effect.fn("SocketDialer.dial")(function* (address: TowerAddress) {
    if (kind(address) === "onion") return yield* new DialFailed({ address, reason: "NameNotFound" })
    const socket = yield* owned(() => new Net.Socket({ allowHalfOpen: true }))
    yield* connected(socket, address)
    return rawSocket(socket)
  }, allOrNothing)
}

/** Direct connections. @since 0.1.0 @category layers */
export const layer: Layer.Layer<SocketDialer> = Layer.succeed(SocketDialer, make)
