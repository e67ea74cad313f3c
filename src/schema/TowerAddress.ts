/**
 * Where a tower listens: `host:port`, with an IPv4 or a bracketed IPv6 literal, a host name, or an onion v3 name
 * (docs/protocol.md, Addresses). Host names are kept as names and resolved at dial.
 *
 * @since 0.1.0
 * @module
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { invisibleIn, trimmed } from "../internal/invisible.js"
import { isOnionV3 } from "../internal/onion.js"
import { quote } from "../internal/quote.js"
import { ended } from "../internal/sentence.js"

/**
 * An address in its one printed form: lowercase, always with a port. Equal addresses are equal strings. The pattern is
 * the outer form only; `parse` reads what people write.
 *
 * @since 0.1.0
 * @category ids
 */
export const TowerAddress = Schema.String.pipe(
  Schema.pattern(/^(\[[0-9a-f:]+\]|[a-z0-9._-]+):[1-9][0-9]{0,4}$/, {
    message: () => "a tower address is a lowercase host and a port, such as tower.example:9911"
  }),
  Schema.brand("TowerAddress")
)
/** @since 0.1.0 @category ids */
export type TowerAddress = typeof TowerAddress.Type

/** Where towers of lnd and dcrlnd listen unless told otherwise (docs/protocol.md, Tower URI). @since 0.1.0 @category models */
export const defaultPort = 9911

const advice = {
  NoHost: "the host is missing",
  NotAHost: "this is neither an IP address nor a host name",
  NoPort: "there is no port behind the colon; was the address copied whole?",
  BadPort: "the port is not a number from 1 to 65535",
  UnixSocket: "a tower is reached over TCP, not over a Unix socket",
  UnknownScheme: "of the prefixes only tcp:// is known",
  OnionV2: "onion addresses of version 2 are dead; ask the tower's operator for the one of version 3",
  BadOnion: "this is no onion address of version 3 (56 letters and digits, with a checksum); was it copied whole?",
  HasKey: "the public key does not belong here",
  Unspecified: "this address means every address of a machine when a server listens, and no client can connect to it",
  NeedsBrackets: "an IPv6 address with a port needs brackets around it, as in [2001:db8::1]:9911",
  Zone: "a zone, such as %eth0, is known to one machine alone; take an address without one",
  Invisible: "there is something inside that cannot be seen",
  LostOnion: "this is an onion name that has lost its .onion",
  I2p: "names of I2P cannot be reached, only those of Tor",
  NotAscii: "the name has letters that the name service does not know"
} as const

/**
 * The string is no address that a tower can be dialled at; `reason` says what is wrong with it.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidTowerAddress extends Schema.TaggedError<InvalidTowerAddress>()("InvalidTowerAddress", {
  input: Schema.String,
  reason: Schema.Literal(
    "NoHost",
    "NotAHost",
    "NoPort",
    "BadPort",
    "UnixSocket",
    "UnknownScheme",
    "OnionV2",
    "BadOnion",
    "HasKey",
    "Unspecified",
    "NeedsBrackets",
    "Zone",
    "Invisible",
    "LostOnion",
    "I2p",
    "NotAscii"
  )
}) {
  override get message() {
    return `${quote(this.input)} is not a tower address: ${ended(why(this.input, this.reason))} Write host:port, for example tower.example:${defaultPort}.`
  }
}

const why = (input: string, reason: keyof typeof advice): string => {
  if (reason === "Invisible") return invisibleIn(trimmed(input)) ?? advice.Invisible
  const ascii = reason === "NotAscii" ? asciiName(input) : undefined
  return ascii === undefined ? advice[reason] : `${advice[reason]}; there it is ${ascii}`
}

/** The form of a name with other letters in which the name service has it (IDNA), without its port. */
const asciiName = (input: string): string | undefined => {
  const url = `http://${trimmed(input).replace(/:[0-9]*$/, "")}/`
  return URL.canParse(url) ? new URL(url).hostname : undefined
}

type Reason = InvalidTowerAddress["reason"]
type Parsed<A> = Either.Either<A, Reason>

/** What stands before the host: nothing, or one of the forms of tcp that lnd takes. */
const withoutScheme = (text: string): Parsed<string> => {
  const tcp = /^tcp[46]?:(\/\/)?/.exec(text)
  if (tcp !== null) return Either.right(text.slice(tcp[0].length))
  if (/^unix(packet|gram)?:/.test(text)) return Either.left("UnixSocket")
  return text.includes("://") ? Either.left("UnknownScheme") : Either.right(text)
}

/** A platform URL knows the canonical form of IPv6 (RFC 5952); it keeps the brackets. */
const ipv6 = (literal: string): Parsed<string> => {
  const url = `http://[${literal}]/`
  if (/^[0-9a-f:.]+%/.test(literal)) return Either.left("Zone")
  if (URL.canParse(url) && new URL(url).hostname === "[::]") return Either.left("Unspecified")
  return /^[0-9a-f:.]+$/.test(literal) && URL.canParse(url)
    ? Either.right(new URL(url).hostname)
    : Either.left("NotAHost")
}

const isIpv4 = (host: string): boolean =>
  /^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$/.test(host) && host.split(".").every((octet) => Number(octet) <= 255)

/** Labels of letters, digits, `-` and `_`; a last label of digits only would be a mistyped IPv4 address. */
const isName = (host: string): boolean =>
  host.length <= 253 &&
  host.split(".").every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) &&
  !/(^|\.)[0-9]+$/.test(host)

const onion = (host: string): Parsed<string> => {
  const label = host.slice(0, -".onion".length)
  if (/^[a-z2-7]{16}$/.test(label)) return Either.left("OnionV2")
  return isOnionV3(label) ? Either.right(host) : Either.left("BadOnion")
}

const hostOf = (written: string): Parsed<string> => {
  const host = written.endsWith(".") ? written.slice(0, -1) : written
  if (host === "") return Either.left("NoHost")
  if (host.endsWith(".onion")) return onion(host)
  // The name service would be asked for it, and would learn which tower we look for.
  if (host.split(".").some(isOnionV3)) return Either.left("LostOnion")
  if (host.endsWith(".i2p")) return Either.left("I2p")
  if (host === "0.0.0.0") return Either.left("Unspecified")
  if (/[\u0080-\uffff]/.test(host)) return Either.left("NotAscii")
  return isIpv4(host) || isName(host) ? Either.right(host) : Either.left("NotAHost")
}

const portOf = (digits: string | undefined, whenMissing: number): Parsed<number> => {
  if (digits === "") return Either.left("NoPort")
  const port = digits === undefined ? whenMissing : /^[0-9]{1,5}$/.test(digits) ? Number(digits) : 0
  return port >= 1 && port <= 0xffff ? Either.right(port) : Either.left("BadPort")
}

/** A bare IPv6 literal that ends in the usual port of towers, or in a number that is no part of such a literal. */
const endsInPort = new RegExp(`^[0-9a-f:.]+:(${defaultPort}|[0-9]{5})$`)

/** Splits at the port: `[v6]`, `[v6]:port`, a bare IPv6 literal (more than one colon), a bare port, `host`, `host:port`. */
const split = (text: string): { readonly host: Parsed<string>; readonly port: string | undefined } => {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text)
  if (bracketed !== null) return { host: ipv6(bracketed[1] ?? ""), port: bracketed[2] }
  if (/^[0-9]+$/.test(text)) return { host: Either.right("localhost"), port: text }
  const colon = text.indexOf(":")
  if (colon === -1) return { host: hostOf(text), port: undefined }
  return text.indexOf(":", colon + 1) === -1
    ? { host: hostOf(text.slice(0, colon)), port: text.slice(colon + 1) }
    : { host: endsInPort.test(text) ? Either.left("NeedsBrackets") : ipv6(text), port: undefined }
}

/**
 * Reads what people write (docs/protocol.md, Forms of an address): host and port in any of the usual forms, also behind
 * `tcp://`; a port alone means this machine. A host must be there, since it is to be dialled.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = (
  input: string,
  portWhenMissing: number = defaultPort
): Either.Either<TowerAddress, InvalidTowerAddress> => {
  const address = Either.gen(function* () {
    const text = trimmed(input)
    if (text.includes("@")) return yield* Either.left<Reason>("HasKey")
    if (invisibleIn(text) !== undefined) return yield* Either.left<Reason>("Invisible")
    const { host, port } = split(yield* withoutScheme(text.toLowerCase()))
    return TowerAddress.make(`${yield* host}:${yield* portOf(port, portWhenMissing)}`)
  })
  return Either.mapLeft(address, (reason) => new InvalidTowerAddress({ input, reason }))
}

/** The two halves as a socket wants them: an IPv6 host without brackets. @since 0.1.0 @category combinators */
export const hostPort = (address: TowerAddress): { readonly host: string; readonly port: number } => {
  const colon = address.lastIndexOf(":")
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) }
}

/** What stands before the port. @since 0.1.0 @category models */
export type Kind = "ipv4" | "ipv6" | "name" | "onion"

/** How the address is reached: a literal, a name to resolve, or only through Tor. @since 0.1.0 @category combinators */
export const kind = (address: TowerAddress): Kind => {
  const { host } = hostPort(address)
  if (host.includes(":")) return "ipv6"
  if (host.endsWith(".onion")) return "onion"
  return isIpv4(host) ? "ipv4" : "name"
}
