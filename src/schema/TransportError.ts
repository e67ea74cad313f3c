/**
 * How a connection to a tower can fail, step by step. None of them says whose fault it was; the negotiator judges.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { encodedError } from "../internal/json.js"
import { TowerAddress } from "./TowerAddress.js"

/** No connection came about. @since 0.1.0 @category errors */
export class DialFailed extends Schema.TaggedError<DialFailed>()("DialFailed", {
  address: TowerAddress,
  reason: Schema.Literal("Refused", "Timeout", "Unreachable", "NameNotFound", "Proxy", "Other"),
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    const why: Record<DialFailed["reason"], string> = {
      Refused: "nobody listens there",
      Timeout: "no answer in time",
      Unreachable: "the network does not reach it",
      NameNotFound: "the host name is not known",
      Proxy: "the proxy refused or failed",
      Other: "the connection failed"
    }
    return `Cannot connect to ${this.address}: ${why[this.reason]}.`
  }
  override toJSON(): unknown {
    return encodedError(DialFailed, this)
  }
}

/** The brontide handshake failed in that act (BOLT-8). `Ended` in act two mostly means: wrong tower key. @since 0.1.0 @category errors */
export class HandshakeFailed extends Schema.TaggedError<HandshakeFailed>()("HandshakeFailed", {
  address: TowerAddress,
  act: Schema.Literal(1, 2, 3),
  reason: Schema.Literal("BadVersion", "BadKey", "BadMac", "Ended", "Timeout")
}) {
  override get message() {
    const hint = this.act === 2 && this.reason !== "Timeout" ? " Is the tower's public key right?" : ""
    return `The handshake with ${this.address} failed in act ${this.act} (${this.reason}).${hint}`
  }
}

/** The connection's end: closed, reset, or a failed write; all one (protocol 3.3). @since 0.1.0 @category errors */
export class ConnectionEnded extends Schema.TaggedError<ConnectionEnded>()("ConnectionEnded", {
  address: TowerAddress
}) {
  override get message() {
    return `${this.address} ended the connection.`
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

/** What came is not a wtwire message. @since 0.1.0 @category errors */
export class MalformedMessage extends Schema.TaggedError<MalformedMessage>()("MalformedMessage", {
  address: TowerAddress,
  type: Schema.optional(Schema.Int),
  reason: Schema.Literal("UnknownType", "Truncated", "NonCanonicalSize", "FieldTooLong", "PayloadTooLong")
}) {
  override get message() {
    return `${this.address} sent a malformed message${this.type === undefined ? "" : ` of type ${this.type}`} (${this.reason}).`
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
