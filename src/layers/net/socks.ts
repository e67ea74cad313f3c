/**
 * The client's side of SOCKS5 (RFC 1928), which logs in with user name and password (RFC 1929).
 *
 * @since 0.1.0
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import { concat } from "../../internal/bytes.js"
import { hostPort, type TowerAddress } from "../../schema/TowerAddress.js"
import type { DialFailed } from "../../schema/TransportError.js"
import type { SocketDialer } from "../../services/SocketDialer.js"
import * as ByteReader from "./byteReader.js"

const version = 5
const loginVersion = 1
const userAndPassword = 2
const connectCommand = 1
const granted = 0
const kinds = { ipv4: 1, name: 3, ipv6: 4 } as const

/** Why the proxy has not connected, by the code of its reply. */
const reasons: Readonly<Record<number, DialFailed["reason"]>> = {
  3: "Unreachable",
  4: "Unreachable",
  5: "Refused",
  6: "Timeout"
}

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
 * `onAsking`, when the proxy has taken the login and is about to hear the address, every failure is the proxy's own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const connect = (
  socket: SocketDialer.RawSocket,
  address: TowerAddress,
  [user, password]: readonly [user: string, password: string],
  onAsking: () => void
): Effect.Effect<SocketDialer.RawSocket, DialFailed["reason"]> =>
  Effect.gen(function* () {
    // Its length would not fit into its byte.
    if (hostPort(address).host.length > 255) return yield* Effect.fail("NameNotFound" as const)
    const reader = ByteReader.make(socket)
    const read = (count: number, ifEnded: DialFailed["reason"]) => Effect.mapError(reader.exactly(count), () => ifEnded)
    // Whether a write went well is not asked: what the proxy said before it hung up says more, and is read first.
    const ask = (message: Uint8Array, ifEnded: DialFailed["reason"]) =>
      Effect.andThen(socket.write(message), read(2, ifEnded))

    // No other method is offered: a proxy that let us in without a login would put all dials into one circuit.
    const [methodVersion, method] = yield* ask(Uint8Array.of(version, 1, userAndPassword), "ProxyUnavailable")
    if (methodVersion !== version || method !== userAndPassword) return yield* Effect.fail("ProxyUnavailable" as const)
    const login = concat(Uint8Array.of(loginVersion), field(user), field(password))
    const [statusVersion, status] = yield* ask(login, "ProxyUnavailable")
    if (statusVersion !== loginVersion || status !== granted) return yield* Effect.fail("ProxyUnavailable" as const)

    onAsking()
    const request = concat(Uint8Array.of(version, connectCommand, 0), target(address))
    const [replyVersion, code = -1] = yield* ask(request, "Proxy")
    if (replyVersion !== version) return yield* Effect.fail("Proxy" as const)
    if (code !== granted) return yield* Effect.fail(reasons[code] ?? "Proxy")
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
        return yield* Effect.fail("Proxy" as const)
    }
    yield* read(2, "Proxy")
    return { read: reader.next, write: socket.write }
  })
