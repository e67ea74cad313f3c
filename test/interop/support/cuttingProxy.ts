/**
 * A proxy in front of a tower that cuts connections in the middle of what goes through.
 */
import * as Net from "node:net"
import { Effect } from "effect"
import { hostPort, TowerAddress } from "../../../src/schema/TowerAddress.js"

export interface CuttingProxy {
  readonly address: TowerAddress
  /** How many connections it has cut. */
  readonly cuts: Effect.Effect<number>
}

/**
 * One that lets `bytesOf(n)` bytes of its connection number n, from 0, through, both ways together, and then resets both ends;
 * undefined: all.
 */
export const make = (tower: TowerAddress, bytesOf: (connection: number) => number | undefined) =>
  Effect.gen(function* () {
    const sockets = new Set<Net.Socket>()
    let connections = 0
    let cuts = 0
    const serve = (client: Net.Socket) => {
      let left = bytesOf(connections++) ?? Number.POSITIVE_INFINITY
      const upstream = Net.connect(hostPort(tower))
      const ends = [client, upstream]
      const forward = (from: Net.Socket, to: Net.Socket) => {
        sockets.add(from)
        from.on("error", () => from.destroy())
        from.on("close", () => {
          sockets.delete(from)
          to.destroy()
        })
        from.on("data", (bytes: Buffer) => {
          if (left === 0) return
          const through = bytes.subarray(0, left)
          left -= through.length
          if (left === 0) cuts += 1
          // What is before the cut arrives.
          to.write(through, () => {
            if (left === 0) for (const end of ends) end.resetAndDestroy()
          })
        })
      }
      forward(client, upstream)
      forward(upstream, client)
    }
    const server = yield* Effect.acquireRelease(
      Effect.async<Net.Server>((resume) => {
        const listening: Net.Server = Net.createServer(serve).listen(0, "127.0.0.1", () =>
          resume(Effect.succeed(listening))
        )
      }),
      (listening) =>
        Effect.async<void>((resume) => {
          listening.close(() => resume(Effect.void))
          for (const socket of sockets) socket.destroy()
        })
    )
    const bound = server.address()
    if (typeof bound !== "object" || bound === null) return yield* Effect.dieMessage("no port")
    const proxy: CuttingProxy = {
      address: TowerAddress.make(`127.0.0.1:${bound.port}`),
      cuts: Effect.sync(() => cuts)
    }
    return proxy
  })
