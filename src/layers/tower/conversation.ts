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
import type { Init } from "../../schema/wire/Init.js"
import type { Message } from "../../schema/wire/Message.js"
import { isLast, isRequest, type Reply, type Request } from "./sessions.js"

/** Messages to and from the client. @since 0.1.0 @category models */
export interface Messages<E> {
  readonly receive: Effect.Effect<Message, E>
  readonly send: (message: Message) => Effect.Effect<void, E>
}

/** What it says on a connection. A reply is given after what it tells is stored. @since 0.1.0 @category models */
export interface Answers {
  readonly chain: Chain.Chain
  readonly init: Init
  readonly answer: (request: Request) => Effect.Effect<Reply>
}

/** Answers a request; comes back with the next one if the tower reads on, which takes nothing but updates then. */
const answerOne = <E>(
  { receive, send }: Messages<E>,
  { answer }: Answers,
  request: Request
): Effect.Effect<Request | undefined, E> =>
  Effect.gen(function* () {
    const reply = yield* answer(request)
    yield* send(reply)
    if (isLast(request, reply)) return undefined
    const next = yield* receive
    return next._tag === "StateUpdate" ? next : undefined
  })

/** Holds the conversation to its end. The tower sends its Init before it checks the client's. @since 0.1.0 @category combinators */
export const converse = <E>(messages: Messages<E>, answers: Answers): Effect.Effect<void, E | PermanentTowerFailure> =>
  Effect.gen(function* () {
    const theirs = yield* messages.receive
    if (theirs._tag !== "Init") return
    yield* messages.send(answers.init)
    yield* checkInit(answers.chain, theirs)
    const first = yield* messages.receive
    let request = isRequest(first) ? first : undefined
    while (request !== undefined) request = yield* answerOne(messages, answers, request)
  })
