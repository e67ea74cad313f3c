/**
 * A tower that answers as the towers of lnd and dcrlnd do (docs/protocol.md, Towers), over any socket, with its sessions and their
 * updates in memory. It is what `wtclient serve` and `demo` run. It watches no chain: `breach` hands it the transaction that another
 * tower's lookout would find in a block.
 *
 * Each connection runs in the fiber that calls `serve`. Connections share three things only: the session keys that are
 * connected, what the tower remembers, and the counts. Each of these is read and changed in one synchronous step, so that no other
 * connection comes between.
 *
 * ```ts
 * import { Effect } from "effect"
 * import type { Ids } from "effect-watchtower"
 * import type { LoopbackTower } from "effect-watchtower/testing"
 *
 * // For the test of a node: what its tower broadcasts once a revoked commitment, raw, has been mined.
 * export const punishmentOf = (tower: LoopbackTower.LoopbackTower, commitment: Ids.HexBytes) =>
 *   Effect.map(tower.breach(commitment), ([{ fee, swept, transaction }]) => ({
 *     transaction,
 *     gained: swept.reduce((sum, { value }) => sum + value, 0n) - fee
 *   }))
 * ```
 *
 * @since 0.1.0
 * @module
 */
import type * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import { fromHex, toHex } from "../../internal/bytes.js"
import * as Table from "../../internal/optionTable.js"
import type * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import { type HexBytes, PublicKey, SessionId } from "../../schema/Ids.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import type { JusticeTransaction, NoJusticeTransaction } from "../../schema/JusticeTransaction.js"
import { TowerAddress } from "../../schema/TowerAddress.js"
import type { TransportError } from "../../schema/TransportError.js"
import * as Code from "../../schema/wire/Code.js"
import * as Codec from "../../schema/wire/Codec.js"
import { Init } from "../../schema/wire/Init.js"
import type { Message } from "../../schema/wire/Message.js"
import { Curve } from "../../services/Curve.js"
import type { SocketDialer } from "../../services/SocketDialer.js"
import * as Connection from "../brontide/connection.js"
import type { StaticKey } from "../brontide/handshake.js"
import * as Alarm from "../concurrency/alarm.js"
import { scoped } from "../concurrency/scoped.js"
import * as ByteReader from "../net/byteReader.js"
import { decodeOptions } from "../support/decodeOptions.js"
import { type Answers, converse, type Messages } from "./conversation.js"
import * as Lookout from "./lookout.js"
import * as Sessions from "./sessions.js"

export type { TowerSession, TowerUpdate } from "./sessions.js"

/** What the tower is about to do. At `reply` the decision is already stored. @since 0.1.0 @category testing */
export type Action = "handshake" | "init" | "reply" | "hangUp"

/** What goes wrong on every connection from now on. @since 0.1.0 @category testing */
export type Fault = Data.TaggedEnum<{
  /** The tower falls silent before an action, until the client hangs up. */
  Silent: { readonly before: Action }
  /** It hangs up before an action; before `reply` the session is stored and the reply lost. */
  HangUp: { readonly before: Action }
  /** It sends another message. */
  Replace: {
    /** What it sends instead of the one that it decided on. */
    readonly with: (decided: Message) => Message
  }
}>

/** @since 0.1.0 @category testing */
export const Fault = Data.taggedEnum<Fault>()

/** A raw socket that can be closed. @since 0.1.0 @category testing */
export interface Socket extends SocketDialer.RawSocket {
  readonly close: Effect.Effect<void>
}

/** How long a client may take. @since 0.1.0 @category config */
export const options = Table.table("LoopbackTower", [], {
  handshakeTimeout: Table.withDefault(
    Table.time({ forever: true }),
    "5 seconds",
    "The time for each of act one and act three"
  ),
  messageTimeout: Table.withDefault(Table.time({ forever: true }), "15 seconds", "The time for each message")
})

/** What kind of tower it is. docs/options.md has the times. @since 0.1.0 @category testing */
export interface Options extends Table.Input<typeof options> {
  readonly chain: Chain.Chain
  /** The tower's static key: 32 bytes. */
  readonly secretKey: Redacted.Redacted<Uint8Array>
  /** The blob types that it accepts (default: all that the towers of its chain accept). */
  readonly blobTypes?: ReadonlyArray<BlobType.BlobType> | undefined
  /** Where rewards go (default: nowhere, and sessions with a reward are refused, as the daemons do). */
  readonly rewardScript?: HexBytes | undefined
  /** The feature bits of its Init (default: 1 and 3). */
  readonly features?: ReadonlyArray<number> | undefined
  /** The sessions that it knows at the start (default: none). */
  readonly initialSessions?: Iterable<Sessions.TowerSession> | undefined
  /** Runs for each session that is created or changed, with the update that was stored if it was one, before the reply is sent. */
  readonly onSession?:
    | ((session: Sessions.TowerSession, update: Sessions.TowerUpdate | undefined) => Effect.Effect<void>)
    | undefined
}

/** Counts of connections. @since 0.1.0 @category testing */
export interface Connections {
  /** All that were served. */
  readonly served: number
  /** Of these, still open. */
  readonly open: number
  /** Of all, those closed without a message because their session key was connected already. */
  readonly refused: number
}

/** The tower and its control panel. @since 0.1.0 @category testing */
export interface LoopbackTower {
  readonly publicKey: PublicKey
  /** Serves one connection to its end and closes the socket. Never fails: it answers every error by closing. */
  readonly serve: (socket: Socket) => Effect.Effect<void>
  /** The sessions with their updates. They are values: what is kept of them can be given to `restore`. */
  readonly sessions: Effect.Effect<ReadonlyMap<SessionId, Sessions.TowerSession>>
  /** The updates of a session in the order of their numbers; none for an unknown session. */
  readonly updates: (id: SessionId) => Effect.Effect<ReadonlyArray<Sessions.TowerUpdate>>
  /**
   * What the tower does about a transaction, raw and signed or not, that was mined: the justice transaction of each session that has an
   * update for it, or why there is none (docs/protocol.md, What a tower does). An update that is of no use is left out while another
   * one is.
   */
  readonly breach: (
    transaction: HexBytes
  ) => Effect.Effect<Arr.NonEmptyReadonlyArray<JusticeTransaction>, NoJusticeTransaction>
  readonly connections: Effect.Effect<Connections>
  /** Sets the last applied update of a session, as if the client had sent updates; does nothing for an unknown session. */
  readonly markUsed: (id: SessionId, lastApplied: number) => Effect.Effect<void>
  /** Makes it remember these sessions and no others, as a tower does whose database was put back to an older copy, or lost. */
  readonly restore: (sessions: Iterable<Sessions.TowerSession>) => Effect.Effect<void>
  /** Makes every connection go wrong in this way; `undefined` makes them go right again. */
  readonly setFault: (fault: Fault | undefined) => Effect.Effect<void>
}

/** Why a connection ends early. The client cannot tell one from another. */
type Broken = "HangUp" | TransportError | Codec.Malformed | Codec.MessageTooLong

/** The tower ends this connection on purpose. */
const hangUp = Effect.fail("HangUp" as const)

const staticKey = (curve: Curve.Service, secretKey: Redacted.Redacted<Uint8Array>): StaticKey<"BadKey"> => ({
  publicKey: PublicKey.make(toHex(curve.publicKey(Redacted.value(secretKey)))),
  ecdh: (point) => Effect.map(curve.ecdh(Redacted.value(secretKey), fromHex(point)), (bytes) => Redacted.make(bytes))
})

/** A new tower. It does nothing until it is given a socket. @since 0.1.0 @category constructors */
export const make = (given: Options): Effect.Effect<LoopbackTower, InvalidOptions> =>
  Effect.gen(function* () {
    const { handshakeTimeout, messageTimeout } = yield* decodeOptions(options, given)
    const curve = yield* Curve
    const { chain, features = [1, 3], onSession = () => Effect.void } = given
    const key = staticKey(curve, given.secretKey)
    const terms: Sessions.Terms = {
      chain,
      blobTypes: given.blobTypes ?? chain.blobTypes,
      rewardScript: given.rewardScript
    }
    const timeouts = {
      // A tower does not know where its client is; the errors that would name it are not shown to anyone.
      address: TowerAddress.make("client.invalid:1"),
      curve,
      handshakeTimeout: Duration.millis(handshakeTimeout),
      messageTimeout: Duration.millis(messageTimeout)
    }
    const sessions = yield* Ref.make(Sessions.of(given.initialSessions ?? []))
    const connected = new Set<SessionId>()
    let counts: Connections = { served: 0, open: 0, refused: 0 }
    let fault: Fault | undefined

    const before = (action: Action, clientIsGone: Effect.Effect<void>) =>
      Effect.suspend(() => {
        if (fault === undefined || fault._tag === "Replace" || fault.before !== action) return Effect.void
        return fault._tag === "HangUp" ? hangUp : Effect.andThen(clientIsGone, hangUp)
      })

    /** One live connection for each session key. The key is free before the socket closes (docs/protocol.md, A connection). */
    const register = (id: SessionId): Effect.Effect<void, "HangUp", Scope.Scope> =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          if (!connected.has(id)) return Effect.sync(() => connected.add(id))
          counts = { ...counts, refused: counts.refused + 1 }
          return hangUp
        }),
        () => Effect.sync(() => connected.delete(id))
      )

    const answersFor = (id: SessionId): Answers => ({
      chain,
      init: new Init({ features, chainHash: chain.chainHash }),
      answer: (request) =>
        Effect.gen(function* () {
          const { reply, session } = yield* Ref.modify(sessions, (before) => {
            const [reply, after] = Sessions.answer(terms, id, request)(before)
            return [{ reply, session: HashMap.get(after, id) }, after]
          })
          if (reply.code === Code.ok && Option.isSome(session)) {
            yield* onSession(session.value, Sessions.storedBy(request, session.value))
          }
          return reply
        })
    })

    const messagesOver = (connection: Connection.BrontideConnection): Messages<Broken> => ({
      receive: Effect.flatMap(connection.receive, Codec.decode),
      send: (decided: Message) =>
        Effect.gen(function* () {
          yield* before(decided._tag === "Init" ? "init" : "reply", connection.closed)
          // The daemons hang up instead of writing a message that is too long. A replacement is sent as it is.
          const body =
            fault?._tag === "Replace" ? Codec.encode(fault.with(decided)) : yield* Codec.encodeEither(decided)
          yield* connection.send(body)
        })
    })

    const serve = (socket: Socket): Effect.Effect<void> =>
      Effect.gen(function* () {
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            counts = { ...counts, served: counts.served + 1, open: counts.open + 1 }
          }),
          () =>
            Effect.andThen(
              socket.close,
              Effect.sync(() => {
                counts = { ...counts, open: counts.open - 1 }
              })
            )
        )
        yield* before("handshake", Effect.ignore(Effect.forever(ByteReader.make(socket).next)))
        const connection = yield* Connection.accept(socket, key, { ...timeouts, alarm: yield* Alarm.shared })
        const id = SessionId.make(connection.remotePublicKey)
        yield* register(id)
        yield* converse(messagesOver(connection), answersFor(id))
        yield* before("hangUp", connection.closed)
      }).pipe(scoped, Effect.ignore)

    return {
      publicKey: key.publicKey,
      serve,
      sessions: Effect.map(sessions, (all) => new Map(all)),
      updates: (id) => Effect.map(sessions, (all) => Sessions.updatesOf(all, id)),
      breach: (transaction) => Effect.flatMap(sessions, (all) => Lookout.breach(chain, all, transaction)),
      connections: Effect.sync(() => counts),
      markUsed: (id, lastApplied) =>
        Ref.update(
          sessions,
          HashMap.modify(id, (session) => ({ ...session, lastApplied }))
        ),
      restore: (of) => Ref.set(sessions, Sessions.of(of)),
      setFault: (next) =>
        Effect.sync(() => {
          fault = next
        })
    }
  })
