/**
 * TCP over node:net. The socket of @effect/platform-node is not used: it reorders chunks, reads without back-pressure,
 * and can leave writes and connects hanging.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { TowerAddress } from "effect-watchtower"
 * import * as NodeSocketDialer from "effect-watchtower/layers/NodeSocketDialer"
 *
 * // Fails with `DialFailed`, which says why, where no program listens.
 * export const reach = (address: string) =>
 *   Effect.flatMap(TowerAddress.parse(address), NodeSocketDialer.make.dial).pipe(Effect.scoped, Effect.asVoid)
 * ```
 *
 * @since 0.1.0
 * @module
 */
import type * as Net from "node:net"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { hostPort, kind } from "../schema/TowerAddress.js"
import { DialFailed } from "../schema/TransportError.js"
import { SocketDialer } from "../services/SocketDialer.js"
import { connect, type Failure } from "./net/connect.js"
import * as Tcp from "./net/tcp.js"
import { spanWhereTraced } from "./support/spanWhereTraced.js"

/**
 * The raw socket of a connection that a server has accepted; the scope owns it. The server must allow half-open
 * connections: otherwise Node ends our writing side as soon as the other side has ended its own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromSocket = (socket: Net.Socket): Effect.Effect<SocketDialer.RawSocket, never, Scope.Scope> =>
  Tcp.own(socket)

/**
 * Dials over TCP, the addresses of a name side by side (`net/connect.ts`). The resolver is not asked for onion names: it
 * cannot know them, and would learn which tower we look for (RFC 7686).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: SocketDialer.Service = {
  route: "clear",
  dial: (address, onProgress) => {
    if (kind(address) === "onion") return new DialFailed({ address, reason: "NameNotFound" })
    const dialFailed = (failure: Failure) => new DialFailed({ address, ...failure })
    const progress = (ifLate: Failure) => onProgress?.(dialFailed(ifLate))
    return connect(hostPort(address), progress).pipe(Effect.mapError(dialFailed), spanWhereTraced("watchtower.dial"))
  }
}

/** Direct connections. @since 0.1.0 @category layers */
export const layer: Layer.Layer<SocketDialer> = Layer.succeed(SocketDialer, make)
