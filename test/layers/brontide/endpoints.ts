import { Duration, Effect, Either, Layer, Redacted, type Scope } from "effect"
import { fromHex, toHex } from "../../../src/internal/bytes.js"
import { nobleCurve as curve } from "../../../src/internal/nobleCurve.js"
import * as Connection from "../../../src/layers/brontide/connection.js"
import type { StaticKey } from "../../../src/layers/brontide/handshake.js"
import * as Alarm from "../../../src/layers/concurrency/alarm.js"
import * as ByteReader from "../../../src/layers/net/byteReader.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import { PublicKey } from "../../../src/schema/Ids.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { Entropy } from "../../../src/services/Entropy.js"
import type { SocketDialer } from "../../../src/services/SocketDialer.js"
import type { TowerTransport } from "../../../src/services/TowerTransport.js"

/** A static key whose private half lies open. */
export const keyOf = (secret: string): StaticKey<never> => ({
  publicKey: PublicKey.make(toHex(curve.publicKey(fromHex(secret)))),
  ecdh: (point) => Effect.sync(() => Redacted.make(Either.getOrThrow(curve.ecdh(fromHex(secret), fromHex(point)))))
})

/** The keys of BOLT-8's vectors. */
export const clientKey = keyOf("11".repeat(32))
export const towerKey = keyOf("21".repeat(32))

export const address = TowerAddress.make("tower.test:9911")

export const options: Effect.Effect<Connection.Options, never, Scope.Scope> = Effect.map(Alarm.shared, (alarm) => ({
  address: TowerAddress.make("client.test:1"),
  curve,
  alarm,
  handshakeTimeout: Duration.seconds(5),
  messageTimeout: Duration.seconds(15)
}))

/** Random bytes that are known: each call takes the next, the last one again and again. */
export const entropy = (...calls: ReadonlyArray<string>) => {
  let next = 0
  return Layer.succeed(Entropy, {
    bytes: () => Effect.sync(() => fromHex(calls[Math.min(next++, calls.length - 1)] ?? ""))
  })
}

/** A request to the tower of these fixtures, and what was asked and told in its course. */
export const request = (changes: Partial<TowerTransport.ConnectRequest<never>> = {}) => {
  const log: Array<string> = []
  const note = (what: string) =>
    Effect.sync(() => {
      log.push(what)
    })
  const whole: TowerTransport.ConnectRequest<never> = {
    tower: towerKey.publicKey,
    address,
    publicKey: clientKey.publicKey,
    ecdh: (point) => Effect.andThen(note("ecdh"), clientKey.ecdh(point)),
    onProgress: note,
    ...changes
  }
  return { log, request: whole }
}

/** A dialer whose only connection comes out at the other end of a pair. */
export const dialTo = (end: SocketPair.End): SocketDialer.Service => ({
  route: "clear",
  dial: () => Effect.acquireRelease(Effect.succeed(end), () => end.close)
})

/** The tower's end of a pair, read as raw bytes, and the client's dialer. */
export const rawTower = (pairOptions?: SocketPair.Options) =>
  Effect.gen(function* () {
    const [ours, theirs] = yield* SocketPair.make(pairOptions)
    return { dialer: dialTo(ours), end: theirs, source: ByteReader.make(theirs) }
  })

/** A socket that hands out only the first pieces; what is asked after them gets the answer of the test. */
export const takesThen = <Socket extends SocketDialer.RawSocket>(
  socket: Socket,
  count: number,
  after: () => undefined
): Socket => {
  let pieces = 0
  return {
    ...socket,
    take: () => {
      if (pieces >= count) return after()
      const taken = socket.take()
      if (taken !== undefined) pieces += 1
      return taken
    }
  }
}

/** A tower that has shaken hands: what it does then is up to the test. */
export const accept = (end: SocketDialer.RawSocket) =>
  Effect.flatMap(options, (options) => Connection.accept(end, towerKey, options))
