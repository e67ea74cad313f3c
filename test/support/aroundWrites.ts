import { Effect, Exit, Runtime } from "effect"
import * as RawSocket from "../../src/layers/net/rawSocket.js"
import type { SocketDialer } from "../../src/services/SocketDialer.js"

/** A socket of which each write goes through an effect of the test. A fiber of its own runs it: a write is not interrupted. */
export const aroundWrites = <Socket extends SocketDialer.RawSocket>(
  socket: Socket,
  around: (write: Effect.Effect<boolean>, bytes: Uint8Array) => Effect.Effect<boolean>
): Effect.Effect<Socket> =>
  Effect.map(Effect.runtime(), (runtime) => ({
    ...socket,
    write: (bytes, onWritten) =>
      Runtime.runFork(runtime)(around(RawSocket.write(socket, bytes), bytes)).addObserver((exit) =>
        onWritten(Exit.isSuccess(exit) && exit.value)
      )
  }))
