/**
 * How a connection to a tower can fail, step by step. None of them says whose fault it was; the negotiator judges.
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { encodedError } from "../internal/json.js"
import { ended } from "../internal/sentence.js"
import * as Chain from "./Chain.js"
import * as Excerpt from "./Excerpt.js"
import { defaultPort, TowerAddress } from "./TowerAddress.js"

/** Why a connection was not made. @since 0.1.0 @category models */
export const DialFailure = Schema.Literal(
  "Refused",
  "Timeout",
  "Unreachable",
  "NameNotFound",
  "NameTimeout",
  "Proxy",
  "Other",
  // Trouble of this machine:
  "ProxyUnavailable",
  "NetworkDown",
  "NotAllowed",
  "OutOfResources"
)

/** Each reason of `DialFailed` as the end of a sentence. @since 0.1.0 @category errors */
export const dialFailures: Record<typeof DialFailure.Type, string> = {
  Refused: "no program listens there",
  Timeout: "no answer in time",
  Unreachable: "the network does not reach it",
  NameNotFound: "the host name is not known",
  NameTimeout: "no name server answered in time",
  Proxy: "the proxy refused or failed",
  Other: "the connection failed",
  ProxyUnavailable: "the proxy is not there, or does not take user names over SOCKS5",
  NetworkDown: "this machine has no network, or none of its name servers is there",
  NotAllowed: "a rule of this machine, such as a firewall's, forbids it",
  OutOfResources: "this machine has no file descriptor, port or memory left for it"
}

const proxyFaults = {
  NotThere: "no proxy listens there",
  Silent: "it does not answer; is that the port of its SOCKS5?",
  HungUp: "it hung up",
  NotSocks: "what listens there does not speak SOCKS5",
  NoLogin: "it takes no user names, which keep the towers apart",
  LoginRefused: "it refused the login",
  Late: "no answer came in time; is the tower running, and is Tor connected to its network?",
  // The codes of a reply, RFC 1928. Behind the first and the fourth one, Tor has more than one reason:
  GeneralFailure:
    "it says that it failed, and not why; Tor does so where no program listens, or no exit takes the port",
  NotAllowed: "its rules forbid it",
  NetworkUnreachable: "its network does not reach the tower",
  HostUnreachable: "it does not find the tower's name, or does not reach its machine",
  Refused: "no program listens there",
  TimedOut: "it got no connection to the tower in time",
  NoConnections: "it makes no connections for others",
  NoSuchAddresses: "it knows no addresses of this kind",
  // Those of Tor (socks-extensions.txt):
  OnionNotFound: "Tor does not find this onion service; is it running, and is the address right?",
  OnionInvalid: "what Tor has stored about this onion service is damaged",
  OnionIntroFailed: "the onion service did not let Tor in; is it running?",
  OnionRendezvousFailed: "Tor and the onion service did not meet; try again",
  OnionNeedsKey: "this onion service is for those who have a key of it",
  OnionWrongKey: "the key for this onion service is wrong",
  OnionBadAddress: "Tor says that this is no onion address",
  OnionTimeout: "the onion service did not answer Tor in time",
  Unknown: "it answered with a code that is not known"
} as const

/** What is the matter with a SOCKS5 proxy, or what it says is the matter. @since 0.1.0 @category errors */
export type ProxyFault = keyof typeof proxyFaults

/** What is the matter with a SOCKS5 proxy, or what it says is the matter. @since 0.1.0 @category errors */
export const ProxyFault = Schema.Literal(
  // The type of the keys of a constant object is what it has; `Object.keys` does not say so.
  ...(Object.keys(proxyFaults) as [ProxyFault, ...Array<ProxyFault>])
)

/**
 * No connection came about. `tried`: of a host name, what each of its addresses did. With the last four reasons the trouble
 * is this machine's, not the tower's; a proxy counts as part of this machine. `proxy`: where it is (host:port), and its fault.
 *
 * @since 0.1.0
 * @category errors
 */
export class DialFailed extends Schema.TaggedError<DialFailed>()("DialFailed", {
  address: TowerAddress,
  reason: DialFailure,
  tried: Schema.optional(Schema.Array(Schema.Struct({ ip: Schema.String, reason: DialFailure }))),
  proxy: Schema.optional(Schema.Struct({ address: Schema.String, fault: ProxyFault })),
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    if (this.proxy !== undefined) {
      const { address, fault } = this.proxy
      return this.reason === "ProxyUnavailable"
        ? ended(`The proxy ${address} cannot be used: ${proxyFaults[fault]}`)
        : ended(`The proxy ${address} cannot connect to ${this.address}: ${proxyFaults[fault]}`)
    }
    const tried = this.tried?.map(({ ip, reason }) => `${ip}: ${dialFailures[reason]}`).join("; ")
    return `Cannot connect to ${this.address}: ${dialFailures[this.reason]}${tried === undefined ? "" : ` (${tried})`}.`
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(DialFailed, this)
  }
}

/** What a server that is no tower speaks, by the first bytes that it sent. @since 0.1.0 @category errors */
export const OtherProtocol = Schema.Literal("HTTP", "TLS", "SSH", "mail or FTP", "Redis")
/** @since 0.1.0 @category errors */
export type OtherProtocol = typeof OtherProtocol.Type

/**
 * The brontide handshake failed in that act (BOLT-8). `Ended` in act two mostly means: wrong tower key. `speaks`: what came
 * instead of act two.
 *
 * @since 0.1.0
 * @category errors
 */
export class HandshakeFailed extends Schema.TaggedError<HandshakeFailed>()("HandshakeFailed", {
  address: TowerAddress,
  act: Schema.Literal(1, 2, 3),
  reason: Schema.Literal("BadVersion", "BadKey", "BadMac", "Ended", "Timeout"),
  speaks: Schema.optional(OtherProtocol)
}) {
  override get message() {
    const { act, address, reason, speaks } = this
    const port = `Is the port right? Towers listen on ${defaultPort} unless told otherwise.`
    if (speaks !== undefined) return `${address} speaks ${speaks}, so it is no tower. ${port}`
    if (act !== 2) return `${address} broke the handshake off in act ${act}.`
    const why: Record<HandshakeFailed["reason"], string> = {
      BadVersion: `answers with something else than Lightning's handshake. ${port}`,
      BadKey: `answers with something else than Lightning's handshake. ${port}`,
      BadMac: "does not have the secret key of this tower. Is the tower's public key right?",
      Ended: "hung up at the beginning of the handshake. Is the tower's public key right?",
      Timeout: `takes connections and does not answer the handshake in time. ${port}`
    }
    return `${address} ${why[reason]}`
  }
}

/**
 * The connection's end: closed, reset, or a failed write; all one. Towers that do not know a feature that is required of them
 * say so only by hanging up after their own Init: where that has come, `theirInit` is what it said.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectionEnded extends Schema.TaggedError<ConnectionEnded>()("ConnectionEnded", {
  address: TowerAddress,
  theirInit: Schema.optional(Excerpt.Init)
}) {
  override get message() {
    const ended = `${this.address} ended the connection`
    if (this.theirInit === undefined) return `${ended}.`
    const { chainHash, featureCount, features } = this.theirInit
    const bits = Excerpt.printFeatures(features, featureCount)
    return `${ended} after its Init, without a reply; it watches ${Chain.nameOf(chainHash)} and announces these feature bits: ${bits}.`
  }
}

/** A message was not sent, or none came, in time. @since 0.1.0 @category errors */
export class MessageTimeout extends Schema.TaggedError<MessageTimeout>()("MessageTimeout", {
  address: TowerAddress,
  direction: Schema.Literal("send", "receive")
}) {
  override get message() {
    return this.direction === "send"
      ? `${this.address} did not take a message in time.`
      : `${this.address} did not answer in time.`
  }
}

/** What came is not a brontide frame of this connection. @since 0.1.0 @category errors */
export class GarbledFrame extends Schema.TaggedError<GarbledFrame>()("GarbledFrame", {
  address: TowerAddress
}) {
  override get message() {
    return `${this.address} sent bytes that do not decrypt.`
  }
}

/** The type of BOLT-1's Init, the first message of a Lightning node; wtwire's begin at 600. @since 0.1.0 @category models */
export const initOfNode = 16

/** What came is not a wtwire message. Type 16 is the Init of a Lightning node. @since 0.1.0 @category errors */
export class MalformedMessage extends Schema.TaggedError<MalformedMessage>()("MalformedMessage", {
  address: TowerAddress,
  type: Schema.optional(Schema.Int),
  reason: Schema.Literal("UnknownType", "Truncated", "NonCanonicalSize", "FieldTooLong", "PayloadTooLong")
}) {
  override get message() {
    const { address, reason, type } = this
    if (type === initOfNode) {
      return `${address} is a Lightning node and not a tower. Ask its operator for the tower's own public key and port.`
    }
    const what = type === undefined ? "a message" : `a message of type ${type}`
    const why: Record<MalformedMessage["reason"], string> = {
      UnknownType: "which no tower sends",
      Truncated: "which ends too early",
      NonCanonicalSize: "in which a length is written in a wrong form",
      FieldTooLong: "in which a field is too long",
      PayloadTooLong: "which is too long"
    }
    return `${address} sent ${what}, ${why[reason]}.`
  }
}

/**
 * Everything that a connection can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export const TransportError = Schema.Union(
  DialFailed,
  HandshakeFailed,
  ConnectionEnded,
  MessageTimeout,
  GarbledFrame,
  MalformedMessage
)
/** @since 0.1.0 @category errors */
export type TransportError = typeof TransportError.Type
