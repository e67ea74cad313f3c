/**
 * The port to the network: bytes each way. TCP, or SOCKS5 for Tor.
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { SocketDialer, TransportError } from "effect-watchtower"
 * import * as NodeSocketDialer from "effect-watchtower/layers/NodeSocketDialer"
 *
 * // Dials only what the application allows.
 * export const guarded = (isAllowed: (address: string) => boolean) =>
 *   Layer.succeed(SocketDialer.SocketDialer, {
 *     ...NodeSocketDialer.make,
 *     dial: (address, onProgress) =>
 *       isAllowed(address)
 *         ? NodeSocketDialer.make.dial(address, onProgress)
 *         : Effect.fail(new TransportError.DialFailed({ address, reason: "NotAllowed" }))
 *   })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Route } from "../schema/Ids.js"
import type { TowerAddress } from "../schema/TowerAddress.js"
import type { DialFailed } from "../schema/TransportError.js"

/**
 * Opens raw connections.
 *
 * @since 0.1.0
 * @category services
 */
export class SocketDialer extends Context.Tag("effect-watchtower/SocketDialer")<SocketDialer, SocketDialer.Service>() {}

/** @since 0.1.0 */
export declare namespace SocketDialer {
  /** An open connection; closing its scope destroys it at once. It calls back: bytes wait for no fiber that would read them. */
  interface RawSocket {
    /**
     * Takes the next bytes that the other side sent, at least one; undefined while none have come. Nothing is read ahead of
     * this, so a reader that is slow holds the other side back. When the other side has closed or reset the connection,
     * what had arrived before is taken first; then it answers `Ended`, always.
     */
    readonly take: () => Uint8Array | "Ended" | undefined
    /**
     * Calls back each time that `take` may answer something else after it has answered undefined, until what this returns
     * is called. What was there before is not told: who listens looks first.
     */
    readonly listen: (onNews: () => void) => () => void
    /**
     * Hands bytes to the network, in the order of the calls. Calls back once, maybe before it returns: with false when the
     * connection is closed. What had arrived can still be taken then.
     */
    readonly write: (bytes: Uint8Array, onWritten: (isWritten: boolean) => void) => void
  }

  /** Called whenever the failure changes that the caller is to report if its time is over now. */
  type OnProgress = (ifLate: DialFailed) => void

  /** What a dialer can do. */
  interface Service {
    /** `tor` when every dial goes through a proxy, else `clear`; then onion addresses cannot be dialled. */
    readonly route: Route
    /**
     * Connects. It has no timeout, since the transport has one; an interrupted dial leaves no socket behind. Where a dialer
     * knows more about a slow dial than that no answer has come, it says so by `onProgress`.
     */
    readonly dial: (address: TowerAddress, onProgress?: OnProgress) => Effect.Effect<RawSocket, DialFailed, Scope.Scope>
  }
}
