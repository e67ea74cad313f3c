import * as Net from "node:net"
import { Deferred, Effect } from "effect"
import * as ByteReader from "../../../src/layers/net/byteReader.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import type { SocketDialer } from "../../../src/services/SocketDialer.js"

/** A server on a free port of this machine, and the first connection that it gets. */
export const listen = (onConnection: (socket: Net.Socket) => void = () => {}) =>
  Effect.gen(function* () {
    const first = yield* Deferred.make<Net.Socket>()
    const sockets = new Set<Net.Socket>()
    const server = yield* Effect.acquireRelease(
      Effect.async<Net.Server>((resume) => {
        const server = Net.createServer({ allowHalfOpen: true }, (socket) => {
          sockets.add(socket.on("error", () => {}))
          Deferred.unsafeDone(first, Effect.succeed(socket))
          onConnection(socket)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.async<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
        })
    )
    const bound = server.address()
    const port = typeof bound === "object" && bound !== null ? bound.port : 0
    return { address: TowerAddress.make(`127.0.0.1:${port}`), port, accepted: Deferred.await(first) }
  })

/** An address where no program listens any more. */
export const closedAddress = Effect.map(Effect.scoped(listen()), ({ address }) => address)

/** All that is read until the end, piece by piece. */
export const readAll = (socket: SocketDialer.RawSocket): Effect.Effect<ReadonlyArray<Uint8Array>> =>
  Effect.suspend(() => {
    const pieces: Array<Uint8Array> = []
    const readOne = Effect.map(ByteReader.make(socket).next, (piece) => pieces.push(piece))
    return Effect.as(Effect.ignore(Effect.forever(readOne)), pieces)
  })

/** The next event of that name. */
export const event = (socket: Net.Socket, name: "end" | "close") =>
  Effect.async<void>((resume) => {
    socket.once(name, () => resume(Effect.void))
  })

/** Lets the event loop turn that number of times: what was ready has happened then. */
export const turns = (count: number) =>
  Effect.repeatN(
    Effect.async<void>((resume) => {
      setImmediate(() => resume(Effect.void))
    }),
    count - 1
  )

/** How many sockets of TCP this process has open or opening, when those that are closing have closed. */
export const openSockets = Effect.andThen(turns(20), () =>
  Effect.sync(() => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length)
)
