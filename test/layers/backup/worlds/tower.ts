/**
 * A model of a tower for worlds in virtual time: it answers as the loopback tower does, and misbehaves as told.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Alarm from "../../../../src/layers/concurrency/alarm.js"
import * as Inbox from "../../../../src/layers/concurrency/inbox.js"
import * as Sessions from "../../../../src/layers/tower/sessions.js"
import { HexBytes, type PublicKey, type Route, SessionId } from "../../../../src/schema/Ids.js"
import type { TowerAddress } from "../../../../src/schema/TowerAddress.js"
import { ConnectionEnded, DialFailed, type TransportError } from "../../../../src/schema/TransportError.js"
import * as Code from "../../../../src/schema/wire/Code.js"
import type { CreateSession } from "../../../../src/schema/wire/CreateSession.js"
import { CreateSessionReply } from "../../../../src/schema/wire/CreateSessionReply.js"
import { Init } from "../../../../src/schema/wire/Init.js"
import type { Message } from "../../../../src/schema/wire/Message.js"
import type { StateUpdate } from "../../../../src/schema/wire/StateUpdate.js"
import { StateUpdateReply } from "../../../../src/schema/wire/StateUpdateReply.js"
import type { TowerTransport } from "../../../../src/services/TowerTransport.js"
import { regtest } from "../../negotiator/world.js"

/** How a tower differs from a good one; it can be changed while the world goes on. */
export interface Behaviour {
  /** Does it answer a dial? `refuses`: at once not; `silent`: never anything. */
  dial?: "takes" | "refuses" | "silent" | undefined
  /** Milliseconds that a message takes, each way. */
  latency?: number | undefined
  /** How long a reply to an update takes besides. */
  think?: number | undefined
  /** The code for CreateSession; undefined: as lnd. */
  create?: ((key: PublicKey, request: CreateSession) => { code: number; lastApplied?: number } | undefined) | undefined
  /** The code for an update; undefined: as lnd. `"silence"`: none, `"hangUp"`: the end. */
  update?:
    | ((
        key: PublicKey,
        update: StateUpdate
      ) => { code: number; lastApplied?: number } | "silence" | "hangUp" | undefined)
    | undefined
  /** How long it keeps a connection open after its reply to CreateSession. */
  hangsUpAfter?: number | undefined
  /** Is the reply to this update lost, and the connection with it? */
  drop?: (() => boolean) | undefined
}

export interface TowerModel {
  readonly behaviour: Behaviour
  /** What it remembers: tests put it back, or empty it. */
  sessions: Sessions.TowerSessions
  connections: number
  /** Where it answers; undefined: at every address. */
  address: TowerAddress | undefined
  /** How often it has accepted a session, also again. */
  created: number
  /** Updates that it had a reason to refuse. */
  readonly refusals: Array<{ readonly update: StateUpdate; readonly code: number }>
  readonly open: Set<PublicKey>
  /** The routes on which each key was shown to it. */
  readonly routes: Map<PublicKey, ReadonlySet<Route>>
}

export const makeTower = (behaviour: Behaviour = {}): TowerModel => {
  return {
    behaviour,
    sessions: Sessions.of([]),
    connections: 0,
    address: undefined,
    created: 0,
    refusals: [],
    open: new Set(),
    routes: new Map()
  }
}

const theirInit = new Init({ features: [1, 3], chainHash: regtest.chainHash })

const terms: Sessions.Terms = { chain: regtest, blobTypes: regtest.blobTypes, rewardScript: undefined }

/** Answers as the loopback tower does, and stores what that changes. */
export const answer = (tower: TowerModel, key: PublicKey, request: Sessions.Request): Sessions.Reply => {
  const [reply, sessions] = Sessions.answer(terms, SessionId.make(key), request)(tower.sessions)
  tower.sessions = sessions
  if (request._tag === "CreateSession" && reply.code === Code.ok) tower.created += 1
  if (request._tag === "StateUpdate" && reply.code !== Code.ok)
    tower.refusals.push({ update: request, code: reply.code })
  return reply
}

/** What it is told to answer, or else what its rules say. */
const replyTo = (
  tower: TowerModel,
  key: PublicKey,
  request: Sessions.Request
): Sessions.Reply | "silence" | "hangUp" => {
  const { behaviour } = tower
  if (request._tag === "CreateSession") {
    const told = behaviour.create?.(key, request)
    if (told !== undefined) return new CreateSessionReply({ lastApplied: 0, ...told, data: HexBytes.make("") })
  }
  if (request._tag === "StateUpdate") {
    const told = behaviour.update?.(key, request)
    if (told === "silence" || told === "hangUp") return told
    if (told !== undefined) return new StateUpdateReply({ lastApplied: 0, ...told })
  }
  return answer(tower, key, request)
}

/** The tower hangs up when nothing came for this long. */
const readTimeout = 15_000

/** The client's transport gives up a dial after this. */
const dialTimeout = 30_000

type Item = { readonly message: Message; readonly at: number } | "end"

const until = (clock: Clock.Clock, instant: number) =>
  Effect.suspend(() => {
    const now = clock.unsafeCurrentTimeMillis()
    return now < instant ? Effect.sleep(instant - now) : Effect.void
  })

const sleep = (millis = 0) => (millis > 0 ? Effect.sleep(millis) : Effect.void)

/** A transport to models. */
export const transportTo = (towers: ReadonlyMap<PublicKey, TowerModel>, route: Route): TowerTransport.Service => ({
  route,
  connect: (request) =>
    Effect.gen(function* () {
      const clock = yield* Effect.clock
      const tower = towers.get(request.tower)
      const { address, publicKey: key } = request
      const isElsewhere = tower?.address !== undefined && tower.address !== address
      if (tower === undefined || tower.behaviour.dial === "refuses" || isElsewhere) {
        return yield* new DialFailed({ address, reason: "Refused" })
      }
      tower.connections += 1
      if (tower.behaviour.dial === "silent") {
        yield* Effect.sleep(dialTimeout)
        return yield* new DialFailed({ address, reason: "Timeout" })
      }
      const latency = () => tower.behaviour.latency ?? 0
      yield* Effect.sleep(latency())
      yield* request.onProgress("connected")
      yield* request.onProgress("actTwo")
      yield* request.ecdh(request.tower)
      tower.routes.set(key, new Set(tower.routes.get(key)).add(route))
      const isSecond = tower.open.has(key)
      if (!isSecond) tower.open.add(key)
      // The tower's, which may go on longer than the client's process.
      const scope = yield* Scope.make()
      const incoming = Inbox.make<Item>({ alarm: yield* Scope.extend(Alarm.shared, scope) })
      const outgoing = Inbox.make<Item>()
      const ended = Effect.unsafeMakeLatch(false)
      let isEnded = false
      let isClosed = false
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          isClosed = true
          incoming.offer("end")
        })
      )
      const inTransit = (message: Message): Item => ({ message, at: clock.unsafeCurrentTimeMillis() + latency() })
      /** Answers whether it goes on. */
      const answer = (message: Message): Effect.Effect<boolean> =>
        Effect.gen(function* () {
          switch (message._tag) {
            case "Init":
              outgoing.offer(inTransit(theirInit))
              return true
            case "CreateSession":
            case "StateUpdate": {
              const said = replyTo(tower, key, message)
              const isUpdate = message._tag === "StateUpdate"
              if (said === "hangUp" || (isUpdate && tower.behaviour.drop?.() === true)) return false
              if (said === "silence") return true
              if (isUpdate) yield* sleep(tower.behaviour.think)
              outgoing.offer(inTransit(said))
              if (!isUpdate) yield* sleep(tower.behaviour.hangsUpAfter)
              return !Sessions.isLast(message, said)
            }
            default:
              return false
          }
        })
      const serve = Effect.gen(function* () {
        if (isSecond) return
        for (;;) {
          const items = yield* incoming.takeWithin(readTimeout)
          if (items.length === 0) return
          for (const item of items) {
            if (item === "end") return
            yield* until(clock, item.at)
            if (!(yield* answer(item.message))) return
          }
        }
      }).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            if (!isSecond) tower.open.delete(key)
            isEnded = true
            outgoing.offer("end")
            ended.unsafeOpen()
          })
        ),
        Effect.ensuring(Scope.close(scope, Exit.void))
      )
      // A daemon: the tower lives on when the client's process ends.
      yield* Effect.forkDaemon(Effect.interruptible(serve))
      const dead = Effect.suspend(() => new ConnectionEnded({ address }))
      const receive: Effect.Effect<Message, TransportError> = Effect.flatMap(outgoing.take, (item) => {
        if (item !== "end") return Effect.as(until(clock, item.at), item.message)
        outgoing.offer("end")
        return dead
      })
      return {
        send: (message) =>
          Effect.suspend(() => {
            if (isClosed || isEnded) return dead
            incoming.offer(inTransit(message))
            return Effect.void
          }),
        receive,
        closed: ended.await,
        isClosed: Effect.sync(() => isEnded)
      }
    })
})
