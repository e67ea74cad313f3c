/**
 * What a scripted tower answers to a request.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { SessionId } from "../../schema/Ids.js"
import * as Code from "../../schema/wire/Code.js"
import { DeleteSessionReply } from "../../schema/wire/DeleteSessionReply.js"
import { answer, isLast, type Reply, type Request } from "../tower/sessions.js"
import * as TowerScript from "./TowerScript.js"

/** A tower that knows no session and gives every one. */
const withoutMemory = (script: TowerScript.Script, dial: TowerScript.Dial, request: Request): Reply => {
  switch (request._tag) {
    case "CreateSession":
      return (script.reply ?? TowerScript.goodReply)(request, dial)
    case "StateUpdate":
      return TowerScript.refused(Code.permanentFailure)
    case "DeleteSession":
      return new DeleteSessionReply({ code: Code.notFound })
  }
}

const replyTo = (script: TowerScript.Script, dial: TowerScript.Dial, request: Request): Effect.Effect<Reply> => {
  const { memory } = script
  const isScripted = request._tag === "CreateSession" && script.reply !== undefined
  return memory === undefined || isScripted
    ? Effect.sync(() => withoutMemory(script, dial, request))
    : Ref.modify(memory.sessions, answer(memory.terms, SessionId.make(dial.publicKey), request))
}

/** The answer to a request of this connection. @since 0.1.0 @category combinators */
export const answerTo = (
  script: TowerScript.Script,
  dial: TowerScript.Dial,
  request: Request
): Effect.Effect<TowerScript.Answer> => {
  const due = Effect.map(replyTo(script, dial, request), (reply) => TowerScript.Answer.Reply({ reply }))
  return script.answer === undefined ? due : script.answer(request, due, dial)
}

/** Does the tower read no more in this connection? @since 0.1.0 @category combinators */
export const endsWith = (request: Request, answer: TowerScript.Answer): boolean =>
  answer._tag !== "Reply" || isLast(request, answer.reply)
