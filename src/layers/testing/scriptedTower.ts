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
  const giveReply = Effect.flatMap(play("reply", script.latency, receiving), (said) => {
    const request = dial.sent.find((message) => message._tag === "CreateSession")
    if (said !== undefined) return Effect.succeed(said)
    return request === undefined ? silence : Effect.as(hangUp, (script.reply ?? TowerScript.goodReply)(request, dial))
  })
  const giveNothing = firstOf(silence, Effect.andThen(ended, Effect.fail(receiving.ended())))

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
        switch (message._tag) {
          case "Init":
            return play("sendInit", undefined, sending)
          case "CreateSession":
            return play("sendCreateSession", undefined, sending)
          default:
            return Effect.void
        }
      }),
    give: Effect.suspend(() => {
      if (dial.endedAt !== undefined) return Effect.fail(receiving.ended())
      given += 1
      return given === 1 ? giveInit : given === 2 ? giveReply : giveNothing
    }),
    ended
  }
}
