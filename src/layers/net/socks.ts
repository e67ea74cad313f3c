/**
 * The client's side of SOCKS5 (RFC 1928), which logs in with user name and password (RFC 1929).
 *
 * @since 0.1.0
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import { concat } from "../../internal/bytes.js"
import { hostPort, type TowerAddress } from "../../schema/TowerAddress.js"
import type { DialFailed, ProxyFault } from "../../schema/TransportError.js"
import type { SocketDialer } from "../../services/SocketDialer.js"
import * as ByteReader from "./byteReader.js"
import * as RawSocket from "./rawSocket.js"

const version = 5
const loginVersion = 1
const userAndPassword = 2
const connectCommand = 1
const granted = 0
const kinds = { ipv4: 1, name: 3, ipv6: 4 } as const

/** Why the proxy has not connected: what that means for the address, and what is said about it. @since 0.1.0 @category models */
export interface Failure {
  readonly reason: DialFailed["reason"]
  readonly fault: ProxyFault
}

/** By the code of the proxy's reply. */
const replies: Readonly<Record<number, Failure>> = {
  1: { reason: "Proxy", fault: "GeneralFailure" },
  2: { reason: "Proxy", fault: "NotAllowed" },
  3: { reason: "Unreachable", fault: "NetworkUnreachable" },
  4: { reason: "Unreachable", fault: "HostUnreachable" },
  5: { reason: "Refused", fault: "Refused" },
  6: { reason: "Timeout", fault: "TimedOut" },
  7: { reason: "Proxy", fault: "NoConnections" },
  8: { reason: "Proxy", fault: "NoSuchAddresses" },
  240: { reason: "Proxy", fault: "OnionNotFound" },
  241: { reason: "Proxy", fault: "OnionInvalid" },
  242: { reason: "Proxy", fault: "OnionIntroFailed" },
  243: { reason: "Proxy", fault: "OnionRendezvousFailed" },
  244: { reason: "Proxy", fault: "OnionNeedsKey" },
  245: { reason: "Proxy", fault: "OnionWrongKey" },
  246: { reason: "Proxy", fault: "OnionBadAddress" },
  247: { reason: "Proxy", fault: "OnionTimeout" }
}

const unknownReply: Failure = { reason: "Proxy", fault: "Unknown" }

const failWith = (reason: DialFailed["reason"], fault: ProxyFault): Effect.Effect<never, Failure> =>
  Effect.fail({ reason, fault })

/** A text behind its length, which is one byte. */
const field = (text: string): Uint8Array => {
  const bytes = new TextEncoder().encode(text)
  return concat(Uint8Array.of(bytes.length), bytes)
}

/** The 16 bytes of an address that Node takes for IPv6. */
const ipv6Bytes = (host: string): Uint8Array => {
  const [left = [], right = []] = host.split("::").map((part) => part.split(":").filter(Boolean))
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0")
  const groups = [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16))
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

const target = (address: TowerAddress): Uint8Array => {
  const { host, port } = hostPort(address)
  const where = Net.isIPv4(host)
    ? Uint8Array.of(kinds.ipv4, ...host.split(".").map(Number))
    : Net.isIPv6(host)
      ? concat(Uint8Array.of(kinds.ipv6), ipv6Bytes(host))
      : concat(Uint8Array.of(kinds.name), field(host))
  return concat(where, Uint8Array.of(port >> 8, port & 0xff))
}

/**
 * Has the proxy at the other end of a socket connect to the address; answers the socket that leads there. Until
 * `onAsking`, when the proxy has taken the login and is about to get the address, every failure is the proxy's own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const connect = (
  socket: SocketDialer.RawSocket,
  address: TowerAddress,
  [user, password]: readonly [user: string, password: string],
  onAsking: () => void
): Effect.Effect<SocketDialer.RawSocket, Failure> =>
  Effect.gen(function* () {
    // Its length would not fit into its byte.
    if (hostPort(address).host.length > 255) return yield* failWith("NameNotFound", "NoSuchAddresses")
    const reader = ByteReader.make(socket)
    const read = (count: number, ifEnded: DialFailed["reason"]) =>
      Effect.mapError(reader.exactly(count), (): Failure => ({ reason: ifEnded, fault: "HungUp" }))
    // Whether a write went well is not asked: what the proxy said before it hung up says more, and is read first.
    const ask = (message: Uint8Array, ifEnded: DialFailed["reason"]) =>
      Effect.andThen(RawSocket.write(socket, message), read(2, ifEnded))

    // No other method is offered: a proxy that let us in without a login would put all dials into one circuit.
    const [methodVersion, method] = yield* ask(Uint8Array.of(version, 1, userAndPassword), "ProxyUnavailable")
    if (methodVersion !== version) return yield* failWith("ProxyUnavailable", "NotSocks")
    if (method !== userAndPassword) return yield* failWith("ProxyUnavailable", "NoLogin")
    const login = concat(Uint8Array.of(loginVersion), field(user), field(password))
    const [statusVersion, status] = yield* ask(login, "ProxyUnavailable")
    if (statusVersion !== loginVersion || status !== granted) {
      return yield* failWith("ProxyUnavailable", "LoginRefused")
    }

    onAsking()
    const request = concat(Uint8Array.of(version, connectCommand, 0), target(address))
    const [replyVersion, code = -1] = yield* ask(request, "Proxy")
    if (replyVersion !== version) return yield* failWith("Proxy", "NotSocks")
    if (code !== granted) return yield* Effect.fail(replies[code] ?? unknownReply)
    // Where the proxy has connected from is of no use, but what the tower says comes right behind it.
    const [, kind] = yield* read(2, "Proxy")
    switch (kind) {
      case kinds.ipv4:
        yield* read(4, "Proxy")
        break
      case kinds.ipv6:
        yield* read(16, "Proxy")
        break
      case kinds.name: {
        const [length = 0] = yield* read(1, "Proxy")
        yield* read(length, "Proxy")
        break
      }
      default:
        return yield* failWith("Proxy", "NotSocks")
    }
    yield* read(2, "Proxy")
    return { ...socket, take: reader.take }
  })
