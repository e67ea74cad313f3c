/**
 * What a scripted tower does in one connection, as data: a good tower, but for what the script says.
 *
 * ```ts
 * import { Effect, Ref } from "effect"
 * import { Chain } from "effect-watchtower"
 * import { Code, TowerScript } from "effect-watchtower/testing"
 *
 * // A tower that stores updates, but refuses what comes after the third in its first connection.
 * const memory = TowerScript.memory(Chain.bitcoinRegtest)
 * export const tower = (dial: TowerScript.Dial): TowerScript.Script =>
 *   dial.number === 1
 *     ? { memory, ...TowerScript.afterUpdates(3, TowerScript.refuses(Code.temporaryFailure)) }
 *     : { memory }
 *
 * // Runs a test in the middle of which the tower's disk is put back to what it was at its begin.
 * export const withOldCopy = <A, E, R>(test: (putBack: Effect.Effect<void>) => Effect.Effect<A, E, R>) =>
 *   Effect.flatMap(memory.sessions, (copy) => test(Ref.set(memory.sessions, copy)))
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { Chain } from "../../schema/Chain.js"
import { HexBytes, type Instant, type PublicKey } from "../../schema/Ids.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { TransportError } from "../../schema/TransportError.js"
import * as Code from "../../schema/wire/Code.js"
import type { CreateSession } from "../../schema/wire/CreateSession.js"
import { CreateSessionReply } from "../../schema/wire/CreateSessionReply.js"
import { Init } from "../../schema/wire/Init.js"
import type { Message } from "../../schema/wire/Message.js"
import { StateUpdateReply } from "../../schema/wire/StateUpdateReply.js"
import type { Reply, Request, Terms, TowerSession, TowerSessions } from "../tower/sessions.js"
import * as Sessions from "../tower/sessions.js"

export type { Reply, Request, Terms, TowerSession, TowerSessions, TowerUpdate } from "../tower/sessions.js"

/**
 * The stages of a connection, in order: what the client waits for in each of them. `sendCreateSession` and `reply` are those of
 * DeleteSession too; in a connection for updates `sendUpdate` and `updateReply` stand in their place, once for each.
 *
 * @since 0.1.0
 * @category models
 */
export type Stage =
  | "dial"
  | "actTwo"
  | "sendInit"
  | "init"
  | "sendCreateSession"
  | "reply"
  | "sendUpdate"
  | "updateReply"

/**
 * What a tower does at a stage. With anything but `Go`, and with its reply, it has said all it has to say and hangs up.
 *
 * @since 0.1.0
 * @category models
 */
export type Move = Data.TaggedEnum<{
  /** What is due. */
  Go: {}
  /** At `init`, `reply` and `updateReply`: another message than the one that is due. */
  Say: { readonly message: Message }
  /** The stage fails. */
  Fail: {
    /** With what; if not given, as it does when the tower ends the connection there. */
    readonly error?: ((address: TowerAddress) => TransportError) | undefined
  }
  /** Nothing at all, with the connection open. */
  Silence: {}
}>

/** @since 0.1.0 @category constructors */
export const Move = Data.taggedEnum<Move>()

/** How long something takes, or an effect that ends when it has taken long enough. @since 0.1.0 @category models */
export type Delay = Duration.DurationInput | Effect.Effect<void>

/**
 * One connection so far: an instant is absent until it is reached.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dial {
  /** The number of this dial at its tower, from 1. */
  readonly number: number
  readonly tower: PublicKey
  readonly address: TowerAddress
  /** The session key. */
  readonly publicKey: PublicKey
  readonly at: Instant
  readonly connectedAt?: Instant
  /** Act three was written: from here on the tower knows the key. */
  readonly shownAt?: Instant
  /** The tower's end was seen. */
  readonly endedAt?: Instant
  /** The client has closed the connection, or has given up the attempt. */
  readonly closedAt?: Instant
  /** What the client has sent. */
  readonly sent: ReadonlyArray<Message>
}

/**
 * What a tower keeps from one connection to the next: its terms, and its sessions with their updates. The sessions are a value:
 * a test that has read them can put the tower back to them later, take one out, or make it forget all.
 *
 * @since 0.1.0
 * @category models
 */
export interface Memory {
  readonly terms: Terms
  readonly sessions: Ref.Ref<TowerSessions>
}

/**
 * How a tower answers a request. After a reply it reads on or hangs up as real towers do (docs/protocol.md, A connection).
 *
 * @since 0.1.0
 * @category models
 */
export type Answer = Data.TaggedEnum<{
  Reply: { readonly reply: Reply }
  /** Nothing more in this connection, which stays open. */
  Silence: {}
  /** The end of the connection. */
  HangUp: {}
}>

/** @since 0.1.0 @category constructors */
export const Answer = Data.taggedEnum<Answer>()

/**
 * What differs from a good tower, which takes no time, says what is due and hangs up with its last reply.
 *
 * @since 0.1.0
 * @category models
 */
export interface Script {
  /** How long the dial, the tower's Init and its reply take, each. Replies to updates come this long after their updates. */
  readonly latency?: Delay | undefined
  /** How long a stage takes instead; replies to updates take it one after another. */
  readonly delays?: { readonly [S in Stage]?: Delay | undefined } | undefined
  readonly moves?: { readonly [S in Stage]?: Move | undefined } | undefined
  /** Its Init (default: the client's chain, features 1 and 3). */
  readonly init?: ((theirs: Init) => Init) | undefined
  /**
   * With a memory a request is answered by the rules of real towers, and what that changes is stored when it arrives, so that it is there
   * also when the reply is lost. Without one every session is given and none is known.
   */
  readonly memory?: Memory | undefined
  /** Its reply to CreateSession, asked for when it is sent (default: what the memory says; without one, code 0). */
  readonly reply?: ((request: CreateSession, dial: Dial) => CreateSessionReply) | undefined
  /**
   * Its answer to any request (default: the one that is due). A request is stored if `due` is run and at no other time, so a tower can
   * refuse without storing, or store and say something else. Takes no time.
   */
  readonly answer?: ((request: Request, due: Effect.Effect<Answer>, dial: Dial) => Effect.Effect<Answer>) | undefined
  /** How long after its last word it hangs up (default 0); infinity: never. */
  readonly hangUpAfter?: Duration.DurationInput | undefined
}

/** A good tower. @since 0.1.0 @category constructors */
export const ok: Script = {}

/** A tower that is good up to a stage and makes that move there. @since 0.1.0 @category constructors */
export const at = (stage: Stage, move: Move): Script => ({ moves: { [stage]: move } })

/** A tower that ends the connection at a stage; at `dial`, no program listens. @since 0.1.0 @category constructors */
export const failsAt = (stage: Stage): Script => at(stage, Move.Fail({}))

/** A tower that says nothing from a stage on. @since 0.1.0 @category constructors */
export const silentAt = (stage: Stage): Script => at(stage, Move.Silence())

/** A tower that says something else at a stage. @since 0.1.0 @category constructors */
export const says = (stage: "init" | "reply" | "updateReply", message: Message): Script =>
  at(stage, Move.Say({ message }))

/** A tower that replies with a code, the last applied update and data. @since 0.1.0 @category constructors */
export const replies = (code: number, lastApplied = 0, data: HexBytes = HexBytes.make("")): Script => {
  const reply = new CreateSessionReply({ code, lastApplied, data })
  return { reply: () => reply }
}

/** The memory of a new tower on this chain, with these sessions. @since 0.1.0 @category constructors */
export const memory = (chain: Chain, of: Iterable<TowerSession> = []): Memory => ({
  terms: { chain, blobTypes: chain.blobTypes, rewardScript: undefined },
  sessions: Ref.unsafeMake(Sessions.of(of))
})

/** The reply to an update that is refused, as real towers write it (docs/protocol.md, StateUpdate). @since 0.1.0 @category constructors */
export const refused = (code: number): StateUpdateReply => new StateUpdateReply({ code, lastApplied: 0 })

/** An answer that refuses an update with this code. @since 0.1.0 @category constructors */
export const refuses = (code: number): Answer => Answer.Reply({ reply: refused(code) })

/**
 * A tower that takes this number of updates in a connection as its memory says, and gives every later one this answer, without
 * storing it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const afterUpdates = (count: number, answer: Answer): Pick<Script, "answer"> => ({
  answer: (request, due, dial) =>
    request._tag === "StateUpdate" && dial.sent.filter(({ _tag }) => _tag === "StateUpdate").length > count
      ? Effect.succeed(answer)
      : due
})

/** What a good tower says first. @since 0.1.0 @category combinators */
export const goodInit = ({ chainHash }: Init): Init =>
  new Init({ features: [1, 3], chainHash }, { disableValidation: true })

const accepted = new CreateSessionReply({ code: Code.ok, lastApplied: 0, data: HexBytes.make("") })

/** What a good tower says to CreateSession. @since 0.1.0 @category combinators */
export const goodReply = (): CreateSessionReply => accepted
