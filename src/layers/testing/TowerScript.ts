/**
 * What a scripted tower does in one connection, as data: a good tower, but for what the script says.
 *
 * @since 0.1.0
 * @module
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import { HexBytes, type Instant, type PublicKey } from "../../schema/Ids.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { TransportError } from "../../schema/TransportError.js"
import * as Code from "../../schema/wire/Code.js"
import type { CreateSession } from "../../schema/wire/CreateSession.js"
import { CreateSessionReply } from "../../schema/wire/CreateSessionReply.js"
import { Init } from "../../schema/wire/Init.js"
import type { Message } from "../../schema/wire/Message.js"

/** The stages of a connection, in order: what the client waits for in each of them. @since 0.1.0 @category models */
export type Stage = "dial" | "actTwo" | "sendInit" | "init" | "sendCreateSession" | "reply"

/**
 * What a tower does at a stage. With anything but `Go`, and with its reply, it has said all it has to say and hangs up.
 *
 * @since 0.1.0
 * @category models
 */
export type Move = Data.TaggedEnum<{
  /** What is due. */
  Go: {}
  /** At `init` and `reply`: another message than the one that is due. */
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
 * What differs from a good tower, which takes no time, says what is due and hangs up with its reply.
 *
 * @since 0.1.0
 * @category models
 */
export interface Script {
  /** How long the dial, the tower's Init and its reply take, each. */
  readonly latency?: Delay | undefined
  /** How long a stage takes instead. */
  readonly delays?: { readonly [S in Stage]?: Delay | undefined } | undefined
  readonly moves?: { readonly [S in Stage]?: Move | undefined } | undefined
  /** Its Init (default: the client's chain, features 1 and 3). */
  readonly init?: ((theirs: Init) => Init) | undefined
  /** Its reply, asked for when it is sent (default: code 0). */
  readonly reply?: ((request: CreateSession, dial: Dial) => CreateSessionReply) | undefined
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
export const says = (stage: "init" | "reply", message: Message): Script => at(stage, Move.Say({ message }))

/** A tower that replies with a code, the last applied update and data. @since 0.1.0 @category constructors */
export const replies = (code: number, lastApplied = 0, data: HexBytes = HexBytes.make("")): Script => {
  const reply = new CreateSessionReply({ code, lastApplied, data })
  return { reply: () => reply }
}

/** What a good tower says first. @since 0.1.0 @category combinators */
export const goodInit = ({ chainHash }: Init): Init =>
  new Init({ features: [1, 3], chainHash }, { disableValidation: true })

const accepted = new CreateSessionReply({ code: Code.ok, lastApplied: 0, data: HexBytes.make("") })

/** What a good tower says last. @since 0.1.0 @category combinators */
export const goodReply = (): CreateSessionReply => accepted
