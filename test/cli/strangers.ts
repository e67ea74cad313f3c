/** Servers that are no towers. */
import * as Net from "node:net"
import { Effect } from "effect"

/** A server on this machine, and where it listens; it is closed with the scope. */
export const stranger = (onConnection: (socket: Net.Socket) => void) =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: Net.Server; readonly sockets: Set<Net.Socket>; readonly address: string }>(
      (resume) => {
        const sockets = new Set<Net.Socket>()
        const server = Net.createServer((socket) => {
          sockets.add(socket)
          socket.on("error", () => {})
          onConnection(socket)
        })
        server.listen(0, "127.0.0.1", () => {
          const at = server.address()
          const port = typeof at === "object" && at !== null ? at.port : 0
          resume(Effect.succeed({ server, sockets, address: `127.0.0.1:${port}` }))
        })
      }
    ),
    ({ server, sockets }) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  ).pipe(Effect.map(({ address }) => address))

/** A server that answers the first bytes that come with these, and hangs up. */
export const answering = (answer: string | Uint8Array) =>
  stranger((socket) => socket.once("data", () => socket.end(answer)))

/** A server that says this at once, as SSH does, and hangs up when it is answered. */
export const greeting = (greeting: string | Uint8Array) =>
  stranger((socket) => {
    socket.write(greeting)
    socket.once("data", () => socket.end())
  })

/** A server that hangs up at the first bytes. */
export const hangingUp = stranger((socket) => socket.once("data", () => socket.end()))

/** A server that says nothing. */
export const silent = stranger((socket) => socket.resume())

/** A Postgres server that takes any client, answers its first question, and none after it. */
export const stuckPostgres = stranger((socket) => {
  const ready = [0x5a, 0, 0, 0, 5, 0x49]
  const tag = Buffer.from("SELECT 1\0")
  const answers = [
    Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, ...ready]),
    Buffer.from([0x43, 0, 0, 0, 4 + tag.length, ...tag, ...ready])
  ]
  socket.on("data", () => {
    const next = answers.shift()
    if (next !== undefined) socket.write(next)
  })
})
