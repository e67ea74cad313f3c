/**
 * A raw socket as effects, for those who take turns with the other side: one read, one write.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { SocketDialer } from "../../services/SocketDialer.js"
import { awaitCallback } from "../concurrency/awaitCallback.js"

/**
 * Waits until `look` is true, which is asked at once and with all that the socket tells. Registered before the first look: what comes
 * between the two is not missed.
 *
 * @since 0.1.0
 * @category combinators
 */
export const lookUntil = (socket: SocketDialer.RawSocket, look: () => boolean): Effect.Effect<void> =>
  awaitCallback((resume) => {
    const lookNow = () => {
      if (look()) resume(undefined)
    }
    const unlisten = socket.listen(lookNow)
    lookNow()
    return unlisten
  })

/** Hands bytes to the network; answers false when the connection is closed. @since 0.1.0 @category combinators */
export const write = (socket: SocketDialer.RawSocket, bytes: Uint8Array): Effect.Effect<boolean> =>
  awaitCallback((resume) => {
    socket.write(bytes, resume)
    return () => {}
  })
