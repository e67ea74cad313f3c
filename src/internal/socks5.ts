/**
 * The messages of SOCKS5 with a user name (RFC 1928, RFC 1929), for the command connect.
 *
 * @since 0.1.0
 */
import { concat } from "./bytes.js"

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const counted = (bytes: Uint8Array): Uint8Array => concat(new Uint8Array([bytes.length]), bytes)

/** Offers user name and password, and nothing else: a proxy that asks for no name would not keep circuits apart. @since 0.1.0 @category models */
export const greeting = new Uint8Array([5, 1, 2])

/** Answers to the greeting and to the user name that let us go on. @since 0.1.0 @category models */
export const accepted = { greeting: new Uint8Array([5, 2]), login: new Uint8Array([1, 0]) } as const

/** User name and password, at most 255 bytes each. @since 0.1.0 @category combinators */
export const login = (user: string, password: string): Uint8Array =>
  concat(new Uint8Array([1]), counted(bytesOf(user)), counted(bytesOf(password)))

const ipv4 = (host: string): Uint8Array => Uint8Array.from(host.split("."), Number)

/** The 16 bytes of an IPv6 address in hex groups, at most one run of zeros left out. */
const ipv6 = (host: string): Uint8Array => {
  const groups = (part: string | undefined) => (part ? part.split(":").map((group) => Number.parseInt(group, 16)) : [])
  const [head, tail] = host.split("::").map(groups)
  const [before, after] = [head ?? [], tail ?? []]
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

const target = (host: string, kind: "ipv4" | "ipv6" | "name" | "onion"): Uint8Array => {
  switch (kind) {
    case "ipv4":
      return concat(new Uint8Array([1]), ipv4(host))
    case "ipv6":
      return concat(new Uint8Array([4]), ipv6(host))
    case "name":
    case "onion":
      return concat(new Uint8Array([3]), counted(bytesOf(host)))
  }
}

/** Asks for a connection. A name goes as a name: the proxy resolves it. @since 0.1.0 @category combinators */
export const connect = (host: string, kind: "ipv4" | "ipv6" | "name" | "onion", port: number): Uint8Array =>
  concat(new Uint8Array([5, 1, 0]), target(host, kind), new Uint8Array([port >> 8, port & 0xff]))

/** So much of a reply says how long it is. @since 0.1.0 @category models */
export const replyHead = 5

/** How many bytes of the reply follow its head; undefined: it is none. @since 0.1.0 @category combinators */
export const replyRest = (head: Uint8Array): number | undefined => {
  const lengths: Readonly<Record<number, number>> = { 1: 4, 3: 1 + (head[4] ?? 0), 4: 16 }
  const bound = lengths[head[3] ?? 0]
  return bound === undefined ? undefined : 4 + bound + 2 - replyHead
}

/** What a reply says. @since 0.1.0 @category models */
export type Answer = "Connected" | "Refused" | "Unreachable" | "Timeout" | "Failed"

const answers: Readonly<Record<number, Answer>> = {
  0: "Connected",
  3: "Unreachable",
  4: "Unreachable",
  5: "Refused",
  6: "Timeout"
}

/** Reads the head of a reply. @since 0.1.0 @category combinators */
export const answer = (head: Uint8Array): Answer => (head[0] === 5 ? answers[head[1] ?? 1] : undefined) ?? "Failed"
