/**
 * Towers over brontide: a raw socket, the Noise handshake, and wtwire messages in its frames (protocol 1 and 2).
 *
 * A connection belongs to the scope of its caller. When connecting fails or is interrupted, its socket is closed at
 * once, whatever becomes of that scope.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { TowerAddress } from "../schema/TowerAddress.js"
import { DialFailed, MalformedMessage } from "../schema/TransportError.js"
import * as Codec from "../schema/wire/Codec.js"
import { SocketDialer } from "../services/SocketDialer.js"
import { TowerTransport } from "../services/TowerTransport.js"
import * as Brontide from "./brontide/connection.js"
import { within } from "./firstOf.js"
import { allOrNothing } from "./net/allOrNothing.js"

/** How long a tower may take. @since 0.1.0 @category config */
export interface Options {
  /** Until the socket is open (default 10 s; through a proxy 60 s: an onion service takes 20 s to 60 s to be met). */
  readonly dialTimeout?: Duration.DurationInput | undefined
  /** From act one to act two (default 5 s). */
  readonly handshakeTimeout?: Duration.DurationInput | undefined
  /** For one message, sent or received (default 15 s). */
  readonly messageTimeout?: Duration.DurationInput | undefined
}

const messages = (connection: Brontide.Connection, address: TowerAddress): TowerTransport.Connection => ({
  send: (message) => connection.send(Codec.encode(message)),
  receive: Effect.flatMap(connection.receive, (body) =>
    Either.mapLeft(Codec.decode(body), (fault) => new MalformedMessage({ address, ...fault }))
  ),
  closed: connection.closed,
  isClosed: connection.isClosed
})

/** The transport over whatever dials. @since 0.1.0 @category constructors */
export const make = (options: Options = {}): Effect.Effect<TowerTransport.Service, never, SocketDialer> =>
  Effect.map(SocketDialer, (dialer) => {
    const dialTimeout = Duration.decode(options.dialTimeout ?? (dialer.way === "tor" ? "60 seconds" : "10 seconds"))
    const timeouts = {
      handshakeTimeout: Duration.decode(options.handshakeTimeout ?? "5 seconds"),
      messageTimeout: Duration.decode(options.messageTimeout ?? "15 seconds")
    }
    const open = <E>({ address, ecdh, onStep, publicKey, tower }: TowerTransport.ConnectRequest<E>) =>
      Effect.gen(function* () {
        let ifLate = new DialFailed({ address, reason: "Timeout" })
        const dial = dialer.dial(address, (failure) => {
          ifLate = failure
        })
        const socket = yield* within(dial, dialTimeout, () => ifLate)
        yield* onStep("connected")
        const connection = yield* Brontide.initiate(
          socket,
          tower,
          { publicKey, ecdh },
          { address, ...timeouts, onActTwo: onStep("actTwo") }
        )
        return messages(connection, address)
      })
    return {
      way: dialer.way,
      connect: Effect.fn("watchtower.connect")(function* <E>(request: TowerTransport.ConnectRequest<E>) {
        yield* Effect.annotateCurrentSpan({ "watchtower.tower": request.tower, "watchtower.address": request.address })
        return yield* open(request)
      }, allOrNothing)
    }
  })

/** The transport over the program's SocketDialer. @since 0.1.0 @category layers */
export const layer = (options?: Options): Layer.Layer<TowerTransport, never, SocketDialer> =>
  Layer.effect(TowerTransport, make(options))
