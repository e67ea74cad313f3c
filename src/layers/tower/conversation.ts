/**
 * One connection from the tower's side (docs/protocol.md, A connection): the client's Init, then the tower's; then one
 * request and its reply, or updates one after another. When this ends, the tower hangs up.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Chain from "../../schema/Chain.js"
import type { PermanentTowerFailure } from "../../schema/NegotiationError.js"
import { checkInit } from "../../schema/wire/CheckInit.js"
import * as Code from "../../schema/wire/Code.js"
import type { CreateSession } from "../../schema/wire/CreateSession.js"
import type { CreateSessionReply } from "../../schema/wire/CreateSessionReply.js"
import type { DeleteSessionReply } from "../../schema/wire/DeleteSessionReply.js"
import type { Init } from "../../schema/wire/Init.js"
import type { Message } from "../../schema/wire/Message.js"
import type { StateUpdate } from "../../schema/wire/StateUpdate.js"
import type { StateUpdateReply } from "../../schema/wire/StateUpdateReply.js"

/** Messages to and from the client. @since 0.1.0 @category models */
export interface Messages<E> {
  readonly receive: Effect.Effect<Message, E>
  readonly send: (message: Message) => Effect.Effect<void, E>
}

/** The replies for the session of the connection's key. A reply is given after its session is stored. @since 0.1.0 @category models */
export interface Answers {
  readonly chain: Chain.Chain
  readonly init: Init
  readonly create: (request: CreateSession) => Effect.Effect<CreateSessionReply>
  readonly update: (request: StateUpdate) => Effect.Effect<StateUpdateReply>
  readonly delete: Effect.Effect<DeleteSessionReply>
}

const takeUpdates = <E>(messages: Messages<E>, answers: Answers, request: StateUpdate): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    const reply = yield* answers.update(request)
    yield* messages.send(reply)
    if (reply.code !== Code.ok || request.isComplete === 1) return
    const next = yield* messages.receive
    if (next._tag === "StateUpdate") yield* takeUpdates(messages, answers, next)
  })

/** Holds the conversation to its end. The tower sends its Init before it checks the client's. @since 0.1.0 @category combinators */
export const converse = <E>(messages: Messages<E>, answers: Answers): Effect.Effect<void, E | PermanentTowerFailure> =>
  Effect.gen(function* () {
    const theirs = yield* messages.receive
    if (theirs._tag !== "Init") return
    yield* messages.send(answers.init)
    yield* checkInit(answers.chain, theirs)
    const request = yield* messages.receive
    switch (request._tag) {
      case "CreateSession":
        return yield* messages.send(yield* answers.create(request))
      case "DeleteSession":
        return yield* messages.send(yield* answers.delete)
      case "StateUpdate":
        return yield* takeUpdates(messages, answers, request)
      default:
        return
    }
  })
