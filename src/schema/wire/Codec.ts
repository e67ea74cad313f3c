/**
 * wtwire messages as bytes: the type in two bytes, then the fields; exactly one message a brontide frame
 * (docs/protocol.md, wtwire).
 *
 * @since 0.1.0
 * @module
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { concat } from "../../internal/bytes.js"
import * as codec from "../../internal/fieldCodec.js"
import type { MalformedMessage } from "../TransportError.js"
import * as CreateSession from "./CreateSession.js"
import * as CreateSessionReply from "./CreateSessionReply.js"
import * as DeleteSession from "./DeleteSession.js"
import * as DeleteSessionReply from "./DeleteSessionReply.js"
import * as ErrorMessage from "./ErrorMessage.js"
import { maxPayload } from "./Fields.js"
import * as Init from "./Init.js"
import type { Message } from "./Message.js"
import * as StateUpdate from "./StateUpdate.js"
import * as StateUpdateReply from "./StateUpdateReply.js"

/** One kind of message: its number and its fields. */
interface Kind<Fields> {
  readonly type: number
  readonly layout: codec.Codec<Fields>
}

const write = <Fields>(kind: Kind<Fields>, message: Fields): Uint8Array =>
  concat(codec.u16.write(kind.type), kind.layout.write(message))

/**
 * The bytes of a message. Total: the schemas of the messages allow nothing that does not fit in a frame.
 *
 * @since 0.1.0
 * @category combinators
 */
export const encode = (message: Message): Uint8Array => {
  switch (message._tag) {
    case "Init":
      return write(Init, message)
    case "ErrorMessage":
      return write(ErrorMessage, message)
    case "CreateSession":
      return write(CreateSession, message)
    case "CreateSessionReply":
      return write(CreateSessionReply, message)
    case "StateUpdate":
      return write(StateUpdate, message)
    case "StateUpdateReply":
      return write(StateUpdateReply, message)
    case "DeleteSession":
      return write(DeleteSession, message)
    case "DeleteSessionReply":
      return write(DeleteSessionReply, message)
  }
}

/**
 * The message is longer than what the daemons write of its type, in bytes without the type number (docs/protocol.md,
 * Messages).
 *
 * @since 0.1.0
 * @category errors
 */
export class MessageTooLong extends Schema.TaggedError<MessageTooLong>()("MessageTooLong", {
  type: Schema.Int,
  bytes: Schema.Int,
  limit: Schema.Int
}) {
  override get message() {
    return `A message of type ${this.type} has at most ${this.limit} bytes; this one has ${this.bytes}.`
  }
}

/** The one type whose limit on write is below what fits in a frame; it leaves 1,022 bytes for the data. */
const writeLimits: ReadonlyMap<number, number> = new Map([[CreateSessionReply.type, 1029]])

/**
 * The bytes of a message, if the daemons would write it too (docs/protocol.md, Messages). Only a CreateSessionReply can
 * be refused.
 *
 * @since 0.1.0
 * @category combinators
 */
export const encodeEither = (message: Message): Either.Either<Uint8Array, MessageTooLong> => {
  const body = encode(message)
  const type = new DataView(body.buffer, body.byteOffset).getUint16(0)
  const bytes = body.length - 2
  const limit = writeLimits.get(type) ?? maxPayload
  return bytes > limit ? Either.left(new MessageTooLong({ type, bytes, limit })) : Either.right(body)
}

/** Why bytes are no message, and the number of its type where they have one. @since 0.1.0 @category errors */
export interface Malformed {
  readonly reason: MalformedMessage["reason"]
  readonly type?: number
}

type ReadFields = (bytes: Uint8Array, offset: number) => Either.Either<Message, codec.BadField>

/** What comes after the last field is ignored, as the daemons do. */
const reader =
  <Fields>(kind: Kind<Fields>, make: (fields: Fields) => Message): ReadFields =>
  (bytes, offset) =>
    Either.map(kind.layout.read(bytes, offset), ([fields]) => make(fields))

// Not checked again: what the layouts have read is in the bounds of its fields by construction. To check the feature bits of an
// Init, up to 65,536 of them, would block the event loop.
const unchecked = { disableValidation: true } as const

const readers: ReadonlyMap<number, ReadFields> = new Map([
  [Init.type, reader(Init, (fields) => new Init.Init(fields, unchecked))],
  [ErrorMessage.type, reader(ErrorMessage, (fields) => new ErrorMessage.ErrorMessage(fields, unchecked))],
  [CreateSession.type, reader(CreateSession, (fields) => new CreateSession.CreateSession(fields, unchecked))],
  [
    CreateSessionReply.type,
    reader(CreateSessionReply, (fields) => new CreateSessionReply.CreateSessionReply(fields, unchecked))
  ],
  [StateUpdate.type, reader(StateUpdate, (fields) => new StateUpdate.StateUpdate(fields, unchecked))],
  [
    StateUpdateReply.type,
    reader(StateUpdateReply, (fields) => new StateUpdateReply.StateUpdateReply(fields, unchecked))
  ],
  [DeleteSession.type, reader(DeleteSession, () => new DeleteSession.DeleteSession())],
  [
    DeleteSessionReply.type,
    reader(DeleteSessionReply, (fields) => new DeleteSessionReply.DeleteSessionReply(fields, unchecked))
  ]
])

/**
 * Reads a message; never throws. More than 65,533 bytes behind the type, and unknown types (there is no
 * odd/even rule), are errors.
 *
 * @since 0.1.0
 * @category combinators
 */
export const decode = (bytes: Uint8Array): Either.Either<Message, Malformed> =>
  Either.flatMap(
    Either.mapLeft(codec.u16.read(bytes, 0), (reason): Malformed => ({ reason })),
    ([type, start]) => {
      const malformed = (reason: Malformed["reason"]): Malformed => ({ reason, type })
      if (bytes.length - start > maxPayload) return Either.left(malformed("PayloadTooLong"))
      const read = readers.get(type)
      if (read === undefined) return Either.left(malformed("UnknownType"))
      return Either.mapLeft(read(bytes, start), malformed)
    }
  )
