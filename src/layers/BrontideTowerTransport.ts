/**
 * Towers over brontide: a raw socket, the Noise handshake, and wtwire messages in its frames (docs/protocol.md,
 * Brontide and wtwire).
 *
 * A connection belongs to the scope of its caller. When connecting fails or is interrupted, its socket is closed at once,
 * although that scope stays open.
 *
 * ```ts
 * import { Layer } from "effect"
 * import { BrontideTowerTransport } from "effect-watchtower"
 * import * as NodeSocketDialer from "effect-watchtower/layers/NodeSocketDialer"
 *
 * export const transport = Layer.provide(
 *   BrontideTowerTransport.layer({ dialTimeout: "5 seconds" }),
 *   NodeSocketDialer.layer
 * )
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Table from "../internal/optionTable.js"
import type { InvalidOptions } from "../schema/InvalidOptions.js"
import type { TowerAddress } from "../schema/TowerAddress.js"
import { DialFailed, MalformedMessage } from "../schema/TransportError.js"
import * as Codec from "../schema/wire/Codec.js"
import { Curve } from "../services/Curve.js"
import { SocketDialer } from "../services/SocketDialer.js"
import { TowerTransport } from "../services/TowerTransport.js"
import * as Brontide from "./brontide/connection.js"
import * as Alarm from "./concurrency/alarm.js"
import { untilStopped } from "./concurrency/firstOf.js"
import { releaseOnFailure } from "./concurrency/releaseOnFailure.js"
import { decodeOptions } from "./support/decodeOptions.js"
import { spanWhereTraced } from "./support/spanWhereTraced.js"

/** How long a tower may take. @since 0.1.0 @category config */
export const options = Table.table("BrontideTowerTransport", ["transport"], {
  dialTimeout: Table.optional(
    Table.time({ forever: true }),
    "10s; 60s through a proxy, since it takes 20s to 60s to meet an onion service",
    "The time until the socket is open; a proxy that does not answer is given up after 10s"
  ),
  handshakeTimeout: Table.withDefault(Table.time({ forever: true }), "5 seconds", "The time from act one to act two"),
  messageTimeout: Table.withDefault(
    Table.time({ forever: true }),
    "15 seconds",
    "The time for one message, sent or received"
  )
})

/** How long a tower may take. docs/options.md has the defaults and ranges. @since 0.1.0 @category models */
export interface Options extends Table.Input<typeof options> {}

/** The options from configuration: `watchtower.transport.dialTimeout`, ... @since 0.1.0 @category config */
export const config: Config.Config<Options> = Table.config(options)

/** How long a proxy may take until it has the address: to log in is between it and us, and waits for no network of its own. */
const proxyTimeout = 10_000

const messages = (connection: Brontide.BrontideConnection, address: TowerAddress): TowerTransport.Connection => ({
  send: (message) => connection.send(Codec.encode(message)),
  receive: Effect.flatMap(connection.receive, (body) =>
    Either.mapLeft(Codec.decode(body), (malformed) => new MalformedMessage({ address, ...malformed }))
  ),
  closed: connection.closed,
  isClosed: connection.isClosed
})

/**
 * The transport over a dialer. Its connections share an alarm for their time limits, by the Clock with which it is made. While the scope is
 * open, that alarm can keep the process from ending for as long as a limit was; connections that outlive the scope keep their limits.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  given: Options = {}
): Effect.Effect<TowerTransport.Service, InvalidOptions, SocketDialer | Scope.Scope> =>
  Effect.gen(function* () {
    const dialer = yield* SocketDialer
    const curve = yield* Curve
    const alarm = yield* Alarm.shared
    const {
      dialTimeout = dialer.route === "tor" ? 60_000 : 10_000,
      handshakeTimeout,
      messageTimeout
    } = yield* decodeOptions(options, given)
    const timeouts = {
      handshakeTimeout: Duration.millis(handshakeTimeout),
      messageTimeout: Duration.millis(messageTimeout)
    }
    const open = <E>({ address, ecdh, onProgress, publicKey, tower }: TowerTransport.ConnectRequest<E>) =>
      Effect.gen(function* () {
        let ifLate: DialFailed | undefined
        const dial = dialer.dial(address, (failure) => {
          ifLate = failure
        })
        const late = () => ifLate ?? new DialFailed({ address, reason: "Timeout" })
        const socket = yield* untilStopped(Effect.interruptible(dial), (stop: (late: DialFailed) => void) => {
          const callOff = alarm(dialTimeout, () => stop(late()))
          if (dialer.route === "clear") return callOff
          const callOffProxy = alarm(proxyTimeout, () => {
            if (ifLate?.reason === "ProxyUnavailable") stop(ifLate)
          })
          return () => {
            callOffProxy()
            callOff()
          }
        })
        yield* onProgress("connected")
        const connection = yield* Brontide.initiate(
          socket,
          tower,
          { publicKey, ecdh },
          { address, curve, alarm, ...timeouts, onActTwo: onProgress("actTwo") }
        )
        return messages(connection, address)
      })
    return {
      route: dialer.route,
      connect: (request) =>
        open(request).pipe(
          releaseOnFailure,
          spanWhereTraced("watchtower.connect", {
            attributes: { "watchtower.tower": request.tower, "watchtower.address": request.address }
          })
        )
    }
  })

/** The transport over the program's SocketDialer. @since 0.1.0 @category layers */
export const layer = (given?: Options): Layer.Layer<TowerTransport, InvalidOptions, SocketDialer> =>
  Layer.scoped(TowerTransport, make(given))

/** The transport with options from configuration. @since 0.1.0 @category layers */
export const layerConfig = (
  given: Config.Config.Wrap<Options> = config
): Layer.Layer<TowerTransport, InvalidOptions | ConfigError, SocketDialer> =>
  Layer.scoped(TowerTransport, Effect.flatMap(Config.unwrap(given), make))
