import * as net from "node:net"
import { Effect } from "effect"

/** What the proxy does to the next connection that says COMMIT. */
export type Fault =
  | "none"
  /** The server commits; its answer, and everything after it, gets lost. */
  | "answer lost"
  /** The server hears nothing more, and keeps its end. */
  | "commit lost"
  /** The client's end is reset; the server does not hear the COMMIT and is hung up. */
  | "reset"
  /** The client's end is reset; the server hears the COMMIT later. */
  | "late"

export interface Proxy {
  readonly url: string
  /** The faults of the COMMITs to come, first one first; afterwards all goes well. */
  readonly inject: (...faults: ReadonlyArray<Fault>) => Effect.Effect<void>
  /** New connections are accepted and nothing comes through. */
  readonly silence: Effect.Effect<void>
}

const commit = Buffer.from("COMMIT\0")
const lateMs = 300

/** A proxy in front of the server of this address. */
export const make = (url: string) =>
  Effect.gen(function* () {
    const target = new URL(url)
    const pending: Array<Fault> = []
    const sockets = new Set<net.Socket>()
    let silent = false

    const serve = (client: net.Socket) => {
      const upstream = net.connect(Number(target.port || 5432), target.hostname)
      let answers = true
      let listens = true
      for (const socket of [client, upstream]) {
        sockets.add(socket)
        socket.on("error", () => socket.destroy())
        socket.on("close", () => sockets.delete(socket))
      }
      upstream.on("data", (bytes) => {
        if (answers && !silent) client.write(bytes)
      })
      upstream.on("close", () => {
        if (answers) client.destroy()
      })
      client.on("close", () => {
        if (listens) upstream.destroy()
      })
      client.on("data", (bytes) => {
        if (!listens || silent) return
        const fault = bytes.includes(commit) ? pending.shift() : undefined
        switch (fault) {
          case undefined:
          case "none":
            upstream.write(bytes)
            return
          case "answer lost":
            answers = false
            upstream.write(bytes)
            return
          case "commit lost":
            answers = false
            listens = false
            return
          case "reset":
            upstream.destroy()
            client.destroy()
            return
          case "late":
            answers = false
            listens = false
            client.destroy()
            setTimeout(() => upstream.end(bytes), lateMs)
            return
        }
      })
    }

    const server = yield* Effect.acquireRelease(
      Effect.async<net.Server>((resume) => {
        const listening: net.Server = net
          .createServer(serve)
          .listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
      }),
      (listening) =>
        Effect.async<void>((resume) => {
          listening.close(() => resume(Effect.void))
          for (const socket of sockets) socket.destroy()
        })
    )
    const bound = server.address()
    const address = new URL(url)
    address.hostname = "127.0.0.1"
    address.port = String(typeof bound === "object" && bound !== null ? bound.port : 0)
    const proxy: Proxy = {
      url: address.toString(),
      inject: (...faults) => Effect.sync(() => void pending.push(...faults)),
      silence: Effect.sync(() => {
        silent = true
      })
    }
    return proxy
  })
