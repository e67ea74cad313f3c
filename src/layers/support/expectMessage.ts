/**
 * The next message of a tower, where only one kind is due.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Excerpt from "../../schema/Excerpt.js"
import { TowerErrorMessage, UnexpectedMessage } from "../../schema/NegotiationError.js"
import type { TransportError } from "../../schema/TransportError.js"
import type { Message } from "../../schema/wire/Message.js"
import type { TowerTransport } from "../../services/TowerTransport.js"

type MessageOf<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

/** The next message, which must be of that kind. @since 0.1.0 @category combinators */
export const expect = <Tag extends Message["_tag"]>(
  connection: TowerTransport.Connection,
  tag: Tag
): Effect.Effect<MessageOf<Tag>, TransportError | UnexpectedMessage | TowerErrorMessage> =>
  Effect.flatMap(
    connection.receive,
    (message): Effect.Effect<MessageOf<Tag>, UnexpectedMessage | TowerErrorMessage> => {
      const isExpected = (candidate: Message): candidate is MessageOf<Tag> => candidate._tag === tag
      if (isExpected(message)) return Effect.succeed(message)
      return message._tag === "ErrorMessage"
        ? Effect.fail(new TowerErrorMessage({ code: message.code, ...Excerpt.ofData(message.data) }))
        : Effect.fail(new UnexpectedMessage({ expected: tag, received: message._tag }))
    }
  )
