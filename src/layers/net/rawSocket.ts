/**
 * Writing to a raw socket as an effect, which waits until the network has taken the bytes.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { SocketDialer } from "../../services/SocketDialer.js"
import { awaitCallback } from "../concurrency/awaitCallback.js"

/** Hands bytes to the network; answers false when the connection is closed. @since 0.1.0 @category combinators */
export const write = (socket: SocketDialer.RawSocket, bytes: Uint8Array): Effect.Effect<boolean> =>
  awaitCallback((resume) => {
    socket.write(bytes, resume)
    return () => {}
  })
