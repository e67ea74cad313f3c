/**
 * An ending in a few words, for the table and for comparisons.
 */
import { Either } from "effect"
import type { BuildError } from "../../../src/layers/negotiator/SessionNegotiator.js"
import type { ClientSession } from "../../../src/schema/ClientSession.js"
import type { AttemptFailure, NegotiationError } from "../../../src/schema/NegotiationError.js"
import type { Message } from "../../../src/schema/wire/Message.js"

export const ofFailure = (failure: AttemptFailure): string => {
  switch (failure._tag) {
    case "PermanentTowerFailure":
      return `${failure._tag}(${failure.reason})`
    case "SessionRejected":
      return `${failure._tag}(${failure.code})`
    case "HandshakeFailed":
      return `${failure._tag}(${failure.act} ${failure.reason})`
    case "DialFailed":
      return `${failure._tag}(${failure.reason})`
    case "SessionKeyAlreadyUsed":
      return `${failure._tag}(${failure.keyIndex}, ${failure.lastApplied})`
    default:
      return failure._tag
  }
}

/** Of a round; one failure for each address. */
export const ofRound = (end: Either.Either<ClientSession, NegotiationError | BuildError>): string =>
  Either.match(end, {
    onRight: () => "session",
    onLeft: (error) => {
      switch (error._tag) {
        case "FailedNegotiation":
          return error.failures.map(({ failure }) => ofFailure(failure)).join(", ")
        case "InvalidPolicy":
          return `refused here: ${error.reason}`
        default:
          return error._tag
      }
    }
  })

/** Of a reply: its code, and what is unusual about it. */
export const ofReply = (message: Message): string => {
  if (message._tag !== "CreateSessionReply") return message._tag
  const { code, data, lastApplied } = message
  return [
    `code ${code}`,
    lastApplied > 0 ? `last applied ${lastApplied}` : "",
    data === "" ? "" : `${data.length / 2} bytes`
  ]
    .filter((part) => part !== "")
    .join(", ")
}
