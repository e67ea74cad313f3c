/** The border between a process and the rest of the world, which a pause of the process closes: nothing goes in or out. */
import * as Effect from "effect/Effect"
import type { TowerTransport } from "../../../../src/services/TowerTransport.js"
import { around } from "./around.js"

export interface Gate {
  /** The process stands for some milliseconds; its clocks go on. */
  readonly pause: (ms: number) => Effect.Effect<void>
  /** A killed process says nothing any more. */
  readonly kill: Effect.Effect<void>
  readonly open: Effect.Effect<void>
  readonly ofDatabase: <Service extends object>(service: Service) => Service
  readonly ofTransport: (transport: TowerTransport.Service) => TowerTransport.Service
}

export const make = (): Gate => {
  const latch = Effect.unsafeMakeLatch(true)
  let isKilled = false
  const through = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    latch.await.pipe(Effect.zipRight(effect), Effect.zipLeft(latch.await))
  return {
    pause: (ms) => Effect.asVoid(Effect.zipRight(latch.close, Effect.forkDaemon(Effect.delay(latch.open, ms)))),
    kill: Effect.zipRight(
      Effect.sync(() => {
        isKilled = true
      }),
      latch.open
    ),
    open: Effect.asVoid(latch.open),
    ofDatabase: (service) =>
      around(service, (operation, call) =>
        Effect.suspend(() => (isKilled && operation === "dropSenderLease" ? Effect.void : through(call)))
      ),
    ofTransport: (transport) => ({
      ...transport,
      connect: (request) =>
        Effect.map(through(transport.connect(request)), (connection) => ({
          ...connection,
          send: (message) => through(connection.send(message)),
          receive: through(connection.receive),
          closed: through(connection.closed)
        }))
    })
  }
}
