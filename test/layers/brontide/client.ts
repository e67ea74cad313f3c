/** The client's transport, connected to a tower of the fixtures. */
import { assert } from "@effect/vitest"
import { Effect, Equal, Fiber, Layer, TestClock } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import { bitcoinMainnet } from "../../../src/schema/Chain.js"
import { Init } from "../../../src/schema/wire/Init.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import { TowerTransport } from "../../../src/services/TowerTransport.js"
import { accept, dialTo, request } from "./endpoints.js"

export const init = (...features: ReadonlyArray<number>) => new Init({ features, chainHash: bitcoinMainnet.chainHash })

export const connect = <E>(
  dialer: SocketDialer.Service,
  wanted: TowerTransport.ConnectRequest<E>,
  options?: BrontideTowerTransport.Options
) =>
  Effect.flatMap(TowerTransport, (transport) => transport.connect(wanted)).pipe(
    Effect.provide(Layer.provide(BrontideTowerTransport.layer(options), Layer.succeed(SocketDialer, dialer)))
  )

/** Both sides after the handshake: the client with messages, the tower with bodies, and the tower's raw end. */
export const connected = (options?: SocketPair.Options) =>
  Effect.gen(function* () {
    const [ours, theirs] = yield* SocketPair.make(options)
    const accepting = yield* Effect.fork(accept(theirs))
    const client = yield* connect(dialTo(ours), request().request)
    return { client, tower: yield* Fiber.join(accepting), end: theirs, ours }
  })

/** The seconds after which the effect comes to an end by itself; all that is under way is to be waiting for the clock. */
export const endsAfter = <A, E, R>(seconds: number, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.exit(effect))
    yield* TestClock.adjust(seconds * 1000 - 1)
    assert.isNull(fiber.unsafePoll(), `not before ${seconds} s`)
    yield* TestClock.adjust(1)
    return yield* Effect.flatten(Fiber.join(fiber))
  })

/** By value: a failure of a span is a proxy, which is equal but not the same. */
export const same = (actual: unknown, expected: unknown) =>
  assert.isTrue(Equal.equals(actual, expected), `${actual} is not ${expected}`)
