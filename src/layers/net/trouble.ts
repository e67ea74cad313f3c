/**
 * Why a connection could not be made, from the error codes of the system and of the resolver. The question is above all
 * whether the cause is the other side or this machine.
 *
 * @since 0.1.0
 */
import * as Dgram from "node:dgram"
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import type { DialFailed } from "../../schema/TransportError.js"

/** @since 0.1.0 @category models */
export type Reason = DialFailed["reason"]

const reasons: Readonly<Record<string, Reason>> = {
  ECONNREFUSED: "Refused",
  ETIMEDOUT: "Timeout",
  EHOSTUNREACH: "Unreachable",
  EHOSTDOWN: "Unreachable",
  ENETDOWN: "NetworkDown",
  EACCES: "NotAllowed",
  EPERM: "NotAllowed",
  EMFILE: "OutOfResources",
  ENFILE: "OutOfResources",
  ENOBUFS: "OutOfResources",
  ENOMEM: "OutOfResources",
  // Every local port is in use.
  EADDRNOTAVAIL: "OutOfResources"
}

/** Addresses that are reserved for documentation: no host has them. */
const somewhere = { udp4: "192.0.2.1", udp6: "2001:db8::1" } as const

/** Whether this machine has a route to the internet in that family. Only the system is asked; nothing is sent. */
const hasRoute = (family: keyof typeof somewhere): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const socket = Dgram.createSocket(family)
    const end = (isThere: boolean) => {
      socket.removeAllListeners()
      socket.close()
      resume(Effect.succeed(isThere))
    }
    socket.once("error", () => end(false))
    socket.once("connect", () => end(true))
    socket.connect(9, somewhere[family])
  })

/** With these codes the system cannot even begin: for want of the address' family, or of any network. */
const isUnroutable = (code: string) => code === "ENETUNREACH" || code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT"

/**
 * Why connecting to an IP address failed. A machine without IPv6 answers the same error for an IPv6 address as a machine
 * without any network does for every address. The routes tell them apart: with a route in the other family only, the address
 * is unreachable; without any route, this machine is off the network.
 *
 * @since 0.1.0
 * @category combinators
 */
export const ofConnect = (ip: string, { code = "" }: NodeJS.ErrnoException): Effect.Effect<Reason> =>
  Effect.gen(function* () {
    if (!isUnroutable(code)) return reasons[code] ?? "Other"
    const [own, other] = Net.isIPv6(ip) ? (["udp6", "udp4"] as const) : (["udp4", "udp6"] as const)
    if (yield* hasRoute(own)) return reasons[code] ?? "Unreachable"
    if (yield* hasRoute(other)) return "Unreachable"
    return reasons[code] ?? "NetworkDown"
  })

/** Why a name was not resolved. @since 0.1.0 @category combinators */
export const ofLookUp = ({ code = "" }: NodeJS.ErrnoException): Reason => {
  // It is the name servers that refuse the connection: none of them is running.
  if (code === "ECONNREFUSED") return "NetworkDown"
  if (code === "ETIMEOUT") return "NameTimeout"
  return reasons[code] ?? "NameNotFound"
}
