/**
 * The port to towers: an encrypted connection that carries wtwire messages.
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { TowerTransport } from "effect-watchtower"
 *
 * // The same transport, with a limit for connections at a time.
 * export const limited = (connections: number) =>
 *   Layer.effect(
 *     TowerTransport.TowerTransport,
 *     Effect.gen(function* () {
 *       const transport = yield* TowerTransport.TowerTransport
 *       const free = yield* Effect.makeSemaphore(connections)
 *       const place = Effect.acquireRelease(free.take(1), () => free.release(1))
 *       return {
 *         ...transport,
 *         connect: (request) => Effect.zipRight(place, transport.connect(request))
 *       }
 *     })
 *   )
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { PublicKey, Route } from "../schema/Ids.js"
import type { TowerAddress } from "../schema/TowerAddress.js"
import type { TransportError } from "../schema/TransportError.js"
import type { Message } from "../schema/wire/Message.js"

/**
 * Connects to towers (the reference's Dial, SendMessage, ReadMessage).
 *
 * @since 0.1.0
 * @category services
 */
export class TowerTransport extends Context.Tag("effect-watchtower/TowerTransport")<
  TowerTransport,
  TowerTransport.Service
>() {}

/** @since 0.1.0 */
export declare namespace TowerTransport {
  /** How far connecting is: the socket is open; the tower's act two was right. */
  type Progress = "connected" | "actTwo"

  /** Whom to connect to, and with which key. */
  interface ConnectRequest<E> {
    readonly tower: PublicKey
    readonly address: TowerAddress
    /** The client's static key, for this session alone. */
    readonly publicKey: PublicKey
    /**
     * The static key's ECDH with a point; asked once, right before act three is written. Its bytes are overwritten when they
     * have been used. Its failure ends the handshake.
     */
    readonly ecdh: (point: PublicKey) => Effect.Effect<Redacted.Redacted<Uint8Array>, E>
    /** Called when each is reached, before what comes next. */
    readonly onProgress: (progress: Progress) => Effect.Effect<void>
  }

  /** An open connection; closing its scope closes it at once. */
  interface Connection {
    /** Sends one message; it succeeds when the network has it, not when the tower has. */
    readonly send: (message: Message) => Effect.Effect<void, TransportError>
    /** The next message of the tower. */
    readonly receive: Effect.Effect<Message, TransportError>
    /** Comes back when the tower's end was seen, at once if it was seen already. */
    readonly closed: Effect.Effect<void>
    /** Was the tower's end seen? */
    readonly isClosed: Effect.Effect<boolean>
  }

  /** What a transport can do. */
  interface Service {
    /** How keys are shown: through Tor or in the clear. In the clear, onion addresses cannot be reached. */
    readonly route: Route
    /** Dials, and shakes hands with the key of the request. The connection is open while the scope is. */
    readonly connect: <E>(request: ConnectRequest<E>) => Effect.Effect<Connection, TransportError | E, Scope.Scope>
  }
}
