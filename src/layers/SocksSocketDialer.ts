/**
 * TCP through a SOCKS5 proxy, such as Tor. Every dial logs in with a random user name, so that Tor gives it a circuit of
 * its own. The proxy gets every target as it is written: no name is resolved here.
 *
 * `net/socks.ts` speaks with the proxy; `docs/adr/socks-is-ours.md` says why no package does.
 *
 * ```ts
 * import { Layer } from "effect"
 * import { BrontideTowerTransport } from "effect-watchtower"
 * import * as SocksSocketDialer from "effect-watchtower/layers/SocksSocketDialer"
 *
 * const tor = SocksSocketDialer.layer({ host: "127.0.0.1", port: 9050 })
 *
 * export const transport = Layer.provide(BrontideTowerTransport.layer(), tor)
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { toHex } from "../internal/bytes.js"
import * as Table from "../internal/optionTable.js"
import type { InvalidOptions } from "../schema/InvalidOptions.js"
import type { TowerAddress } from "../schema/TowerAddress.js"
import { DialFailed, type ProxyFault } from "../schema/TransportError.js"
import { Entropy } from "../services/Entropy.js"
import { SocketDialer } from "../services/SocketDialer.js"
import { releaseOnFailure } from "./concurrency/releaseOnFailure.js"
import { connect, type Failure } from "./net/connect.js"
import * as Socks from "./net/socks.js"
import { decodeOptions } from "./support/decodeOptions.js"
import { spanWhereTraced } from "./support/spanWhereTraced.js"

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

/** A failure to connect to the proxy means that the proxy is unavailable, unless the cause is this machine. */
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
 * Dials through the proxy. Until the proxy has the address, a failure or a timeout is trouble of this machine, which
 * the proxy counts as a part of (`ProxyUnavailable`). After that it belongs to the address (`Proxy`, or the reason that the
 * proxy gives).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (given: Options): Effect.Effect<SocketDialer.Service, InvalidOptions> =>
  Effect.map(decodeOptions(options, given), (proxy) => ({
    route: "tor",
    dial: Effect.fnUntraced(
      function* (address: TowerAddress, onProgress: SocketDialer.OnProgress = () => {}) {
        const at = (fault: ProxyFault) => ({ address: `${proxy.host}:${proxy.port}`, fault })
        onProgress(new DialFailed({ address, reason: "ProxyUnavailable", proxy: at("Silent") }))
        const socket = yield* Effect.mapError(
          connect(proxy, () => {}),
          (failure) => {
            const reason = toProxy(failure)
            return new DialFailed({
              address,
              reason,
              proxy: reason === "ProxyUnavailable" ? at("NotThere") : undefined,
              cause: failure.cause
            })
          }
        )
        const login = [yield* randomName, yield* randomName] as const
        const onAsking = () => onProgress(new DialFailed({ address, reason: "Timeout", proxy: at("Late") }))
        return yield* Effect.mapError(
          Socks.connect(socket, address, login, onAsking),
          ({ fault, reason }) => new DialFailed({ address, reason, proxy: at(fault) })
        )
      },
      releaseOnFailure,
      spanWhereTraced("watchtower.dial")
    )
  }))

/** Connections through a SOCKS5 proxy. @since 0.1.0 @category layers */
export const layer = (given: Options): Layer.Layer<SocketDialer, InvalidOptions> =>
  Layer.effect(SocketDialer, make(given))

/** Connections through a SOCKS5 proxy that the configuration names. @since 0.1.0 @category layers */
export const layerConfig = (
  given: Config.Config.Wrap<Options> = config
): Layer.Layer<SocketDialer, InvalidOptions | ConfigError> =>
  Layer.effect(SocketDialer, Effect.flatMap(Config.unwrap(given), make))
