/**
 * TCP through a SOCKS5 proxy, such as Tor. Every dial logs in under a random name, so that Tor gives it a circuit of
 * its own, and every target goes to the proxy as it is written: nothing is resolved here.
 *
 * The `socks` package speaks with the proxy; `docs/adr/socks-is-guarded.md` says what we add to it and why.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SocksClient } from "socks"
import { toHex } from "../internal/bytes.js"
import * as Table from "../internal/optionTable.js"
import type { InvalidOptions } from "../schema/InvalidOptions.js"
import { hostPort, type TowerAddress } from "../schema/TowerAddress.js"
import { DialFailed } from "../schema/TransportError.js"
import { Entropy } from "../services/Entropy.js"
import { SocketDialer } from "../services/SocketDialer.js"
import { decodeOptions } from "./decodeOptions.js"
import { allOrNothing } from "./net/allOrNothing.js"
import { connect, type Failure } from "./net/connect.js"
import type * as Tcp from "./net/tcp.js"

/** Where the proxy listens. @since 0.1.0 @category config */
export const options = Table.table("SocksSocketDialer", ["proxy"], {
  host: Table.required(
    Table.text("a host name or an IP address", /^[\w.:%-]+$/),
    "Where the SOCKS5 proxy listens, such as Tor's"
  ),
  port: Table.withDefault(Table.wholeNumber({ least: 1, most: 0xffff }), 9050, "The proxy's port; the default is Tor's")
})

/** Where the proxy listens. docs/options.md has the defaults and ranges. @since 0.1.0 @category models */
export interface Options extends Table.Input<typeof options> {}

/** The options from configuration: `watchtower.proxy.host` and `watchtower.proxy.port`. @since 0.1.0 @category config */
export const config: Config.Config<Options> = Table.config(options)

const randomName = Effect.flatMap(Entropy, (entropy) => Effect.map(entropy.bytes(16), toHex))

/**
 * What a proxy says when all goes well, byte by byte (RFC 1928, RFC 1929): it wants a user name and a password, and takes
 * them; it has connected, from an address of some kind. One byte is reserved, and what follows says which address.
 */
const agreed: ReadonlyArray<ReadonlyArray<number> | undefined> = [[5], [2], [1], [0], [5], [0], undefined, [1, 3, 4]]

/** Where among these bytes the proxy's answer to the request begins: before it, no tower was spoken of. */
const reply = 4

/** Where among these bytes the proxy says why it has not connected. */
const replyCode = 5

const reasons: Readonly<Record<number, DialFailed["reason"]>> = {
  3: "Unreachable",
  4: "Unreachable",
  5: "Refused",
  6: "Timeout"
}

/** Has the proxy connect to the address, under that name; `onProgress` is told when it has been asked. */
const ask = (
  { exactly, socket }: Tcp.Line,
  proxy: Table.Settings<typeof options>,
  address: TowerAddress,
  [userId, password]: readonly [string, string],
  onProgress: SocketDialer.OnProgress
) => {
  let outcome: "Connected" | DialFailed["reason"] | undefined
  let heard = 0
  const broken = () => (heard < reply ? "ProxyUnavailable" : "Proxy")
  // Hears each byte before the package does. A destroyed socket sends nothing any more, whatever is still written to it.
  const check = ([byte = -1]: Uint8Array) => {
    const at = heard
    if (agreed[at]?.includes(byte) ?? true) {
      heard += 1
      if (heard === reply) onProgress(new DialFailed({ address, reason: "Timeout" }))
      return
    }
    outcome = (at === replyCode ? reasons[byte] : undefined) ?? broken()
    socket.destroy()
  }
  const start = Effect.sync(() => {
    socket.on("data", check)
    const client = new SocksClient({
      command: "connect",
      destination: hostPort(address),
      proxy: { ...proxy, type: 5, userId, password },
      existing_socket: socket,
      timeout: 1
    })
    // The package never clears its timer: this one is over at once, and does nothing. The time is the transport's affair.
    Object.assign(client, { onEstablishedTimeout: () => {} })
    client.once("established", () => {
      outcome ??= "Connected"
    })
    // It comes at the latest with the end of the socket. It carries user name and password, and goes no further.
    client.on("error", () => {
      outcome ??= broken()
    })
    client.connect(socket)
  })
  // One byte at a time: so the package takes none of those that come behind the proxy's reply.
  const feed: Effect.Effect<void, DialFailed> = Effect.suspend(() => {
    if (outcome === "Connected") return Effect.void
    if (outcome !== undefined) return new DialFailed({ address, reason: outcome })
    return Effect.matchEffect(exactly(1), {
      onFailure: () => new DialFailed({ address, reason: broken() }),
      onSuccess: () => feed
    })
  })
  return Effect.ensuring(
    Effect.andThen(start, feed),
    Effect.sync(() => socket.off("data", check))
  )
}

/** Whatever is wrong with the proxy itself is its unavailability; what this machine cannot do stays what it is. */
const toProxy = (failure: Failure): DialFailed["reason"] => {
  switch (failure.reason) {
    case "NetworkDown":
    case "NotAllowed":
    case "OutOfResources":
      return failure.reason
    default:
      return "ProxyUnavailable"
  }
}

/**
 * Dials through the proxy. Until the proxy has been asked for the address, whatever fails or takes too long is this
 * machine's trouble, and the proxy a part of it (`ProxyUnavailable`); then it is the address' (`Proxy`, or what the proxy
 * says).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (given: Options): Effect.Effect<SocketDialer.Service, InvalidOptions> =>
  Effect.map(decodeOptions(options, given), (proxy) => ({
    way: "tor",
    dial: Effect.fn("watchtower.dial")(function* (
      address: TowerAddress,
      onProgress: SocketDialer.OnProgress = () => {}
    ) {
      onProgress(new DialFailed({ address, reason: "ProxyUnavailable" }))
      const line = yield* Effect.mapError(
        connect(proxy, () => {}),
        (failure) => new DialFailed({ address, reason: toProxy(failure), cause: failure.cause })
      )
      yield* ask(line, proxy, address, [yield* randomName, yield* randomName], onProgress)
      return line
    }, allOrNothing)
  }))

/** Connections through a SOCKS5 proxy. @since 0.1.0 @category layers */
export const layer = (given: Options): Layer.Layer<SocketDialer, InvalidOptions> =>
  Layer.effect(SocketDialer, make(given))

/** Connections through a SOCKS5 proxy that the configuration names. @since 0.1.0 @category layers */
export const layerConfig = (
  given: Config.Config.Wrap<Options> = config
): Layer.Layer<SocketDialer, InvalidOptions | ConfigError> =>
  Layer.effect(SocketDialer, Effect.flatMap(Config.unwrap(given), make))
