/**
 * A scripted tower's side of one connection.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Instant } from "../../schema/Ids.js"
import {
  ConnectionEnded,
  DialFailed,
  HandshakeFailed,
  MessageTimeout,
  type TransportError
} from "../../schema/TransportError.js"
import type { Message } from "../../schema/wire/Message.js"
import { firstOf, within } from "../concurrency/firstOf.js"
import { isRequest, type Request } from "../tower/sessions.js"
import { answerTo, endsWith } from "./scriptedAnswer.js"
import * as TowerScript from "./TowerScript.js"

/** A dial that goes on. @since 0.1.0 @category models */
export interface OpenDial extends TowerScript.Dial {
  connectedAt?: Instant
  shownAt?: Instant
  endedAt?: Instant
  closedAt?: Instant
  readonly sent: Array<Message>
}

/** How long the client waits in a stage. @since 0.1.0 @category models */
export interface Timeouts {
  readonly dial: Duration.Duration
  readonly handshake: Duration.Duration
  readonly message: Duration.Duration
}

/** What a tower does when the client waits for it. @since 0.1.0 @category models */
export interface ScriptedTower {
  readonly dial: Effect.Effect<void, TransportError>
  readonly actTwo: Effect.Effect<void, TransportError>
  readonly take: (message: Message) => Effect.Effect<void, TransportError>
  readonly give: Effect.Effect<Message, TransportError>
  readonly ended: Effect.Effect<void>
}

/** A request that has arrived, when it did, and its answer. */
interface Heard {
  readonly request: Request
  readonly at: Instant
  readonly answer: Effect.Effect<TowerScript.Answer>
}

/** How long real towers wait for a message (docs/protocol.md, Timeouts). */
const patience = Duration.toMillis("15 seconds")

/** The kinds of failure of a stage: the tower ends the connection there, or the time is up. */
interface Failures {
  readonly limit: Duration.Duration
  readonly ended: () => TransportError
  readonly late: () => TransportError
}

/** A dial's address is one: to check it again with each failure would cost more than all the rest of a script. */
const unchecked = { disableValidation: true }

/** Waits as long as a stage takes, or its limit; was it in time? Without a timer where none is needed. */
const inTime = (takes: TowerScript.Delay, limit: Duration.Duration): Effect.Effect<boolean> => {
  if (Effect.isEffect(takes)) {
    return Effect.match(
      within(takes, limit, () => "late"),
      { onFailure: () => false, onSuccess: () => true }
    )
  }
  if (Duration.lessThanOrEqualTo(takes, 0)) return Effect.succeed(true)
  return Duration.lessThanOrEqualTo(takes, limit)
    ? Effect.as(Effect.sleep(takes), true)
    : Effect.as(Effect.sleep(limit), false)
}

/** The tower at the other end of a dial; its late hang-up ends with the scope. @since 0.1.0 @category constructors */
export const make = (
  dial: OpenDial,
  script: TowerScript.Script,
  timeouts: Timeouts,
  scope: Scope.Scope
): ScriptedTower => {
  const { address } = dial
  const ending = Effect.unsafeMakeLatch(false)
  const hangUpAfter = Duration.decode(script.hangUpAfter ?? 0)
  let given = 0

  const end = Effect.map(Clock.currentTimeMillis, (now) => {
    dial.endedAt ??= now
    ending.unsafeOpen()
  })
  const hangUp: Effect.Effect<unknown> = Duration.equals(hangUpAfter, Duration.zero)
    ? end
    : Duration.isFinite(hangUpAfter)
      ? Effect.forkIn(Effect.delay(end, hangUpAfter), scope)
      : Effect.void
  const ended = ending.await

  /** Plays a stage; answers what the tower says there instead of what is due, if it does. */
  const play = (
    stage: TowerScript.Stage,
    latency: TowerScript.Delay | undefined,
    failures: Failures
  ): Effect.Effect<Message | undefined, TransportError> => {
    const move = script.moves?.[stage] ?? TowerScript.Move.Go()
    const takes = script.delays?.[stage] ?? latency ?? 0
    return Effect.flatMap(inTime(move._tag === "Silence" ? Duration.infinity : takes, failures.limit), (punctual) => {
      if (!punctual) return Effect.fail(failures.late())
      switch (move._tag) {
        case "Go":
        case "Silence":
          return Effect.succeed(undefined)
        case "Say":
          return Effect.as(hangUp, move.message)
        case "Fail":
          return move.error === undefined
            ? Effect.andThen(end, Effect.fail(failures.ended()))
            : Effect.andThen(hangUp, Effect.fail(move.error(address)))
      }
    })
  }

  const ofMessage = (direction: "send" | "receive"): Failures => ({
    limit: timeouts.message,
    ended: () => new ConnectionEnded({ address }, unchecked),
    late: () => new MessageTimeout({ address, direction }, unchecked)
  })
  const sending = ofMessage("send")
  const receiving = ofMessage("receive")
  const silence = Effect.andThen(
    Effect.sleep(timeouts.message),
    Effect.suspend(() => Effect.fail(receiving.late()))
  )

  const giveInit = Effect.flatMap(play("init", script.latency, receiving), (said) => {
    const theirs = dial.sent.find((message) => message._tag === "Init")
    if (said !== undefined) return Effect.succeed(said)
    return theirs === undefined ? silence : Effect.succeed((script.init ?? TowerScript.goodInit)(theirs))
  })
  const nothing = firstOf(silence, Effect.andThen(ended, Effect.fail(receiving.ended())))

  /** Requests whose answers the client has not read yet, in their order. */
  const heard: Array<Heard> = []
  /** Open while there are any. */
  const isHeard = Effect.unsafeMakeLatch(false)
  /** What the tower still reads; nothing once it has given its last answer, which the client may not have read yet. */
  let reads: "any request" | "updates" | "nothing" = "any request"
  let lastMessageAt: Instant | undefined

  /** A tower with a memory decides when the request arrives, one without when it replies. */
  const hear = (request: Request): Effect.Effect<void> =>
    Effect.gen(function* () {
      const at = yield* Clock.currentTimeMillis
      lastMessageAt = at
      const isMisplaced = reads === "updates" && request._tag !== "StateUpdate"
      const chosen = isMisplaced ? Effect.succeed(TowerScript.Answer.HangUp()) : answerTo(script, dial, request)
      const answer = Effect.tap(chosen, (said) => {
        reads = endsWith(request, said) ? "nothing" : "updates"
      })
      const decided = script.memory === undefined ? answer : Effect.succeed(yield* answer)
      heard.push({ request, at, answer: decided })
      isHeard.unsafeOpen()
      // A client interrupted between the two would have an update stored without its reply, and would take the next reply for it.
    }).pipe(Effect.uninterruptible)

  const receiveRequest = (request: Request): Effect.Effect<void, TransportError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (lastMessageAt !== undefined && now - lastMessageAt > patience) {
        return Effect.andThen(end, Effect.fail(sending.ended()))
      }
      const isUpdate = request._tag === "StateUpdate"
      const sent = play(isUpdate ? "sendUpdate" : "sendCreateSession", undefined, sending)
      return Effect.andThen(
        sent,
        Effect.suspend(() => (reads === "nothing" ? Effect.void : hear(request)))
      )
    })

  const say = ({ answer, request }: Heard): Effect.Effect<Message, TransportError> =>
    Effect.flatMap(answer, (said): Effect.Effect<Message, TransportError> => {
      switch (said._tag) {
        case "Silence":
          return silence
        case "HangUp":
          return Effect.andThen(end, Effect.fail(receiving.ended()))
        case "Reply":
          return Effect.as(endsWith(request, said) ? hangUp : Effect.void, said.reply)
      }
    })

  /** The reply to an update comes its latency after the update, however many are under way. */
  const latencyOf = ({ at, request }: Heard, now: Instant): TowerScript.Delay | undefined => {
    const { latency } = script
    if (request._tag !== "StateUpdate" || latency === undefined || Effect.isEffect(latency)) return latency
    return Math.max(0, at + Duration.toMillis(latency) - now)
  }

  const giveReply: Effect.Effect<Message, TransportError> = Effect.gen(function* () {
    const [next] = heard
    if (next === undefined) {
      yield* firstOf(nothing, isHeard.await)
      return yield* giveReply
    }
    const now = yield* Clock.currentTimeMillis
    const stage = next.request._tag === "StateUpdate" ? "updateReply" : "reply"
    const message = (yield* play(stage, latencyOf(next, now), receiving)) ?? (yield* say(next))
    // Not before it is said: a client that is interrupted while it waits reads it the next time.
    heard.shift()
    if (heard.length === 0) isHeard.unsafeClose()
    lastMessageAt = yield* Clock.currentTimeMillis
    return message
  })

  return {
    dial: play("dial", script.latency, {
      limit: timeouts.dial,
      ended: () => new DialFailed({ address, reason: "Refused" }, unchecked),
      late: () => new DialFailed({ address, reason: "Timeout" }, unchecked)
    }),
    actTwo: play("actTwo", undefined, {
      limit: timeouts.handshake,
      ended: () => new HandshakeFailed({ address, act: 2, reason: "Ended" }, unchecked),
      late: () => new HandshakeFailed({ address, act: 2, reason: "Timeout" }, unchecked)
    }),
    take: (message) =>
      Effect.suspend((): Effect.Effect<unknown, TransportError> => {
        if (dial.endedAt !== undefined) return Effect.fail(sending.ended())
        dial.sent.push(message)
        if (message._tag === "Init") return play("sendInit", undefined, sending)
        return isRequest(message) ? receiveRequest(message) : Effect.void
      }),
    give: Effect.suspend(() => {
      if (dial.endedAt !== undefined) return Effect.fail(receiving.ended())
      given += 1
      return given === 1 ? giveInit : giveReply
    }),
    ended
  }
}
