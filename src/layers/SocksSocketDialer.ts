/**
 * TCP through a SOCKS5 proxy, such as Tor. Every dial logs in under a random name, so that Tor gives it a circuit of
 * its own, and every target goes to the proxy as it is written: nothing is resolved here.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { equals, toHex } from "../internal/bytes.js"
import * as Socks5 from "../internal/socks5.js"
import { hostPort, kind, TowerAddress } from "../schema/TowerAddress.js"
import { DialFailed } from "../schema/TransportError.js"
import { Entropy } from "../services/Entropy.js"
import { SocketDialer } from "../services/SocketDialer.js"
import * as NodeSocketDialer from "./NodeSocketDialer.js"
import { allOrNothing } from "./net/allOrNothing.js"
import * as Source from "./net/source.js"

/** Where the proxy listens. @since 0.1.0 @category config */
export interface Options {
  readonly host: string
  readonly port: number
}

/** What can go wrong between us and the proxy. */
type Trouble = "Ended" | Exclude<Socks5.Answer, "Connected">

const randomName = Effect.flatMap(Entropy, (entropy) => Effect.map(entropy.bytes(16), toHex))

const open = (proxy: SocketDialer.RawSocket, source: Source.Source, address: TowerAddress) =>
  Effect.gen(function* () {
    const tell = (bytes: Uint8Array) =>
      Effect.filterOrFail(
        proxy.write(bytes),
        (written) => written,
        (): Trouble => "Ended"
      )
    const hear = (accepted: Uint8Array) =>
      Effect.filterOrFail(
        source.exactly(accepted.length),
        (reply) => equals(reply, accepted),
        (): Trouble => "Failed"
      )
    yield* tell(Socks5.greeting)
    yield* hear(Socks5.accepted.greeting)
    yield* tell(Socks5.login(yield* randomName, yield* randomName))
    yield* hear(Socks5.accepted.login)
    const { host, port } = hostPort(address)
    yield* tell(Socks5.connect(host, kind(address), port))
    const head = yield* source.exactly(Socks5.replyHead)
    const answer = Socks5.answer(head)
    if (answer !== "Connected") return yield* Effect.fail<Trouble>(answer)
    const rest = Socks5.replyRest(head)
    if (rest === undefined) return yield* Effect.fail<Trouble>("Failed")
    yield* source.exactly(rest)
  })

const reasons: Readonly<Record<Trouble, DialFailed["reason"]>> = {
  Ended: "Proxy",
  Failed: "Proxy",
  Refused: "Refused",
  Unreachable: "Unreachable",
  Timeout: "Timeout"
}

/** Dials through the proxy, which is reached by another dialer (default: over TCP). @since 0.1.0 @category constructors */
export const make = (options: Options, toProxy: SocketDialer.Service = NodeSocketDialer.make): SocketDialer.Service => {
  const host = options.host.includes(":") ? `[${options.host}]` : options.host
  const proxyAddress = TowerAddress.make(`${host}:${options.port}`)
  return {
    way: "tor",
    dial: Effect.fn("SocketDialer.dial")(function* (address: TowerAddress) {
      const proxy = yield* Effect.mapError(
        toProxy.dial(proxyAddress),
        ({ cause }) => new DialFailed({ address, reason: "Proxy", cause })
      )
      const source = yield* Source.make(proxy)
      yield* Effect.mapError(open(proxy, source, address), (trouble) => {
        return new DialFailed({ address, reason: reasons[trouble] })
      })
      return {
        bytes: Stream.repeatEffectOption(Effect.mapError(source.next, () => Option.none())),
        write: proxy.write
      }
    }, allOrNothing)
  }
}

/** Connections through a SOCKS5 proxy. @since 0.1.0 @category layers */
export const layer = (options: Options): Layer.Layer<SocketDialer> => Layer.sync(SocketDialer, () => make(options))
