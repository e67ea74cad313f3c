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
  let isOpen = true
  let isKilled = false
  const open = Effect.suspend(() => {
    isOpen = true
    return latch.open
  })
  const close = Effect.suspend(() => {
    isOpen = false
    return latch.close
  })
  // `await` is asynchronous with an open latch too: not waiting for one saves a third of the operations of a world.
  const out = <A>(value: A): Effect.Effect<A> => (isOpen ? Effect.succeed(value) : Effect.as(latch.await, value))
  const through = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
    const call = Effect.flatMap(effect, out)
    return Effect.suspend(() => (isOpen ? call : Effect.zipRight(latch.await, call)))
  }
  return {
    pause: (ms) => Effect.asVoid(Effect.zipRight(close, Effect.forkDaemon(Effect.delay(open, ms)))),
    kill: Effect.zipRight(
      Effect.sync(() => {
        isKilled = true
      }),
      open
    ),
    open,
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
