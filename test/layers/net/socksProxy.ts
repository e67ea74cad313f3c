import * as Net from "node:net"
import { Socks5Server } from "@pondwader/socks5-server"
import { Effect } from "effect"
import { fromHex, toHex } from "../../../src/internal/bytes.js"
import * as NodeSocketDialer from "../../../src/layers/NodeSocketDialer.js"
import * as ByteReader from "../../../src/layers/net/byteReader.js"
import * as RawSocket from "../../../src/layers/net/rawSocket.js"
import { listen } from "./sockets.js"

/** How the proxy of the library ends a request that it does not grant. */
export type Status = Exclude<Parameters<Parameters<Socks5Server["connectionHandler"]>[1]>[0], "REQUEST_GRANTED">

/** What one client said to the proxy of the library. */
export interface Visit {
  readonly user: string
  readonly password: string
  readonly target: string
}

/**
 * A proxy of a well-kept library on a free port of this machine. It resolves nothing: `route` says for each `host:port`
 * which port of this machine is meant, or how the request ends.
 */
export const proxy = (
  route: (target: string) => number | Status,
  accepts: (user: string, password: string) => boolean = () => true
) =>
  Effect.gen(function* () {
    const visits: Array<Visit> = []
    const server = new Socks5Server()
      .setAuthHandler(({ password, username }) => accepts(username, password))
      .setConnectionHandler((connection, sendStatus) => {
        const { destAddress, destPort, password = "", socket, username = "" } = connection
        const target = `${destAddress}:${destPort}`
        visits.push({ user: username, password, target })
        socket.on("error", () => {})
        const routed = route(target)
        if (typeof routed === "string") return sendStatus(routed)
        const onward = Net.connect({ host: "127.0.0.1", port: routed }, () => {
          sendStatus("REQUEST_GRANTED")
          socket.pipe(onward).pipe(socket)
        })
        onward.on("error", () => sendStatus("CONNECTION_REFUSED"))
        socket.on("close", () => onward.destroy())
      })
    // Every connection of a test server, so that it can be closed at the end.
    const { port } = yield* listen((socket) => server._handleConnection(socket))
    return { options: { host: "127.0.0.1", port }, visits }
  })

/** What a proxy answers to the greeting, the login and the request, in hex; no answer: it is silent from there on. */
export interface Script {
  /** Answers when this is over. */
  readonly after?: Effect.Effect<void> | undefined
  readonly method?: string | undefined
  readonly login?: string | undefined
  readonly reply?: string | undefined
  /** Hangs up after the last answer. */
  readonly ends?: "cleanly" | "by reset" | undefined
  /** Waits a turn of the event loop after every byte. */
  readonly bytewise?: boolean | undefined
}

export const granted = { method: "0502", login: "0100", reply: "05000001000000000000" } as const satisfies Script

/** A proxy that says what no well-kept library would. `heard` is all that it was told, in hex, message by message. */
export const rawProxy = (script: Script) =>
  Effect.gen(function* () {
    const heard: Array<string> = []
    const { accepted, port } = yield* listen((socket) => socket.setNoDelay(true))
    const serve = Effect.gen(function* () {
      const peer = yield* accepted
      const socket = yield* NodeSocketDialer.fromSocket(peer)
      const source = ByteReader.make(socket)
      const turn = Effect.async<void>((resume) => {
        setImmediate(() => resume(Effect.void))
      })
      const say = (hex: string) =>
        script.bytewise
          ? Effect.forEach(fromHex(hex), (byte) => Effect.andThen(RawSocket.write(socket, Uint8Array.of(byte)), turn))
          : RawSocket.write(socket, fromHex(hex))
      for (const answer of [script.method, script.login, script.reply]) {
        heard.push(toHex(yield* source.next))
        yield* script.after ?? Effect.void
        if (answer !== undefined) yield* say(answer)
      }
      if (script.ends === "cleanly") peer.end()
      if (script.ends === "by reset") peer.resetAndDestroy()
      while (true) heard.push(toHex(yield* source.next))
    })
    const serving = yield* Effect.forkScoped(Effect.scoped(Effect.ignore(serve)))
    return { options: { host: "127.0.0.1", port }, heard, accepted, serving }
  })
