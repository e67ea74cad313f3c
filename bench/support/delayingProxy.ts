/** A proxy in front of a tower, behind which every byte arrives later: a tower far away. */
import * as Net from "node:net"
import { Effect } from "effect"
import { hostPort, TowerAddress } from "../../src/schema/TowerAddress.js"

/** Each way takes this many milliseconds. */
export const make = (tower: TowerAddress, delay: number) =>
  Effect.gen(function* () {
    const sockets = new Set<Net.Socket>()
    const forward = (from: Net.Socket, to: Net.Socket) => {
      sockets.add(from)
      // Else Nagle's algorithm holds a message back until the one before it is acknowledged, up to 40 ms more than the delay.
      from.setNoDelay(true)
      const later = (act: () => void) => setTimeout(() => to.destroyed || act(), delay)
      from.on("error", () => from.destroy())
      from.on("data", (bytes: Buffer) => later(() => to.write(bytes)))
      from.on("end", () => later(() => to.end()))
      from.on("close", () => {
        sockets.delete(from)
        later(() => to.destroy())
      })
    }
    const server = Net.createServer({ allowHalfOpen: true }, (client) => {
      const upstream = Net.connect({ ...hostPort(tower), allowHalfOpen: true })
      forward(client, upstream)
      forward(upstream, client)
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.async<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
        })
    )
    const address = server.address()
    if (address === null || typeof address === "string") return yield* Effect.dieMessage("the proxy has no port")
    return TowerAddress.make(`127.0.0.1:${address.port}`)
  })
