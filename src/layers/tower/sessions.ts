/**
 * What a tower remembers, and how it decides (docs/protocol.md, CreateSession, StateUpdate and DeleteSession; lnd v0.21.2
 * `watchtower/wtserver`, `watchtower/wtdb`): a request of the connection's key and all sessions give a reply and all sessions after it.
 * Pure: what a tower remembers is a value, so a test that has kept one can put a tower back to it.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import { maxFeeRate } from "../../schema/FeeRate.js"
import { HexBytes, type Hint, type SessionId } from "../../schema/Ids.js"
import * as Policy from "../../schema/Policy.js"
import * as Code from "../../schema/wire/Code.js"
import type { CreateSession } from "../../schema/wire/CreateSession.js"
import { CreateSessionReply } from "../../schema/wire/CreateSessionReply.js"
import type { DeleteSession } from "../../schema/wire/DeleteSession.js"
import { DeleteSessionReply } from "../../schema/wire/DeleteSessionReply.js"
import type { Message } from "../../schema/wire/Message.js"
import type { StateUpdate } from "../../schema/wire/StateUpdate.js"
import { StateUpdateReply } from "../../schema/wire/StateUpdateReply.js"

/** An update that a tower has stored: the number it came under, the hint and the blob. @since 0.1.0 @category models */
export interface TowerUpdate {
  readonly seqNum: number
  readonly hint: Hint
  readonly encryptedBlob: HexBytes
}

/** A session as its tower knows it. @since 0.1.0 @category models */
export interface TowerSession {
  readonly id: SessionId
  readonly policy: Policy.Policy
  /** Where the tower's reward goes; empty for an altruist session. */
  readonly rewardScript: HexBytes
  /** The number of the last update that the tower accepted; 0 before the first. */
  readonly lastApplied: number
  /** The last applied update that the client has acknowledged. */
  readonly clientLastApplied: number
  /**
   * The updates by their hints, as in the towers' databases: a hint that comes again replaces the update before, a number that comes
   * again under another hint does not.
   */
  readonly updates: HashMap.HashMap<Hint, TowerUpdate>
}

/** All that a tower remembers. @since 0.1.0 @category models */
export type TowerSessions = HashMap.HashMap<SessionId, TowerSession>

/** These sessions. @since 0.1.0 @category constructors */
export const of = (sessions: Iterable<TowerSession>): TowerSessions =>
  HashMap.fromIterable(Array.from(sessions, (session) => [session.id, session] as const))

/** What a tower gives sessions for. @since 0.1.0 @category models */
export interface Terms {
  readonly chain: Chain.Chain
  readonly blobTypes: ReadonlyArray<BlobType.BlobType>
  /** The script for rewards; without one, sessions with a reward are refused, as the daemons do. */
  readonly rewardScript: HexBytes | undefined
}

/** What a client can ask a tower to do. @since 0.1.0 @category models */
export type Request = CreateSession | StateUpdate | DeleteSession

/** Is it a message that a tower answers once both have sent their Init? @since 0.1.0 @category guards */
export const isRequest = (message: Message): message is Request =>
  message._tag === "CreateSession" || message._tag === "StateUpdate" || message._tag === "DeleteSession"

/** What the tower says to it. @since 0.1.0 @category models */
export type Reply = CreateSessionReply | StateUpdateReply | DeleteSessionReply

/** A reply, and the session after it: the same one where nothing changes, none where there is none. */
interface Decision {
  readonly reply: Reply
  readonly session: TowerSession | undefined
}

const nothing = HexBytes.make("")

const policyOf = (request: CreateSession, chain: Chain.Chain): Policy.Policy | undefined => {
  // The daemons read a rate of 2^63 and more as negative.
  if (request.sweepFeeRate > maxFeeRate) return undefined
  const { blobType, maxUpdates, rewardBase, rewardRate } = request
  const sweepFeeRate = chain.feeRate(request.sweepFeeRate)
  const policy = Policy.of({ blobType, maxUpdates, rewardBase, rewardRate, sweepFeeRate })
  const checked = Policy.validate(policy, chain)
  // A tower has its own list of types, and does not check whether a policy can pay for its sweep.
  const isOurs = (reason: string) => reason === "UnsupportedBlobType" || reason === "CannotPaySweep"
  return Either.isRight(checked) || isOurs(checked.left.reason) ? policy : undefined
}

/** The decision table of docs/protocol.md, CreateSession: a used session answers first, an unused one is overwritten. */
const create = (terms: Terms, id: SessionId, known: TowerSession | undefined, request: CreateSession): Decision => {
  const refuse = (code: number, lastApplied = 0, data = nothing): Decision => ({
    reply: new CreateSessionReply({ code, lastApplied, data }),
    session: known
  })
  if (known !== undefined && known.lastApplied > 0) {
    return refuse(Code.alreadyExists, known.lastApplied, known.rewardScript)
  }
  if (!terms.blobTypes.includes(request.blobType)) return refuse(Code.rejectBlobType)
  const rewarded = BlobType.has(request.blobType, BlobType.flagReward)
  if (rewarded && terms.rewardScript === undefined) return refuse(Code.rejectBlobType)
  const policy = policyOf(request, terms.chain)
  if (policy === undefined) return refuse(Code.temporaryFailure)
  const rewardScript = rewarded ? (terms.rewardScript ?? nothing) : nothing
  return {
    reply: new CreateSessionReply({ code: Code.ok, lastApplied: 0, data: rewardScript }),
    session: { id, policy, rewardScript, lastApplied: 0, clientLastApplied: 0, updates: HashMap.empty() }
  }
}

/** Bytes of an encrypted blob of the type (docs/protocol.md, Blob types). @since 0.1.0 @category combinators */
export const blobSize = (blobType: BlobType.BlobType): number =>
  BlobType.has(blobType, BlobType.flagTaprootChannel) ? 340 : 314

const updateCode = (known: TowerSession, update: StateUpdate): number => {
  if (update.encryptedBlob.length !== 2 * blobSize(known.policy.blobType)) return Code.temporaryFailure
  if (update.seqNum <= update.lastApplied) return Code.permanentFailure
  if (update.lastApplied < known.clientLastApplied) return Code.clientBehind
  if (update.seqNum > known.policy.maxUpdates) return Code.maxUpdatesExceeded
  if (update.seqNum !== known.lastApplied && update.seqNum !== known.lastApplied + 1) return Code.seqNumOutOfOrder
  return Code.ok
}

/** The rules of docs/protocol.md, StateUpdate, in their order. A refusal says 0 for the last applied update, as those of real towers do. */
const update = (known: TowerSession | undefined, request: StateUpdate): Decision => {
  const code = known === undefined ? Code.permanentFailure : updateCode(known, request)
  if (known === undefined || code !== Code.ok) {
    return { reply: new StateUpdateReply({ code, lastApplied: 0 }), session: known }
  }
  const { encryptedBlob, hint, lastApplied: clientLastApplied, seqNum } = request
  const updates = HashMap.set(known.updates, hint, { seqNum, hint, encryptedBlob })
  return {
    // Unchecked, since both numbers are a message's: the check costs more than all the rest of an update.
    reply: new StateUpdateReply({ code, lastApplied: seqNum }, { disableValidation: true }),
    session: { ...known, lastApplied: seqNum, clientLastApplied, updates }
  }
}

const decide = (terms: Terms, id: SessionId, known: TowerSession | undefined, request: Request): Decision => {
  switch (request._tag) {
    case "CreateSession":
      return create(terms, id, known, request)
    case "StateUpdate":
      return update(known, request)
    case "DeleteSession":
      return {
        reply: new DeleteSessionReply({ code: known === undefined ? Code.notFound : Code.ok }),
        session: undefined
      }
  }
}

/**
 * The reply to a request of the connection's key, and what the tower remembers after it. Only a request that is answered with OK
 * changes anything.
 *
 * @since 0.1.0
 * @category combinators
 */
export const answer =
  (terms: Terms, id: SessionId, request: Request) =>
  (sessions: TowerSessions): readonly [Reply, TowerSessions] => {
    const known = Option.getOrUndefined(HashMap.get(sessions, id))
    const { reply, session } = decide(terms, id, known, request)
    if (session === known) return [reply, sessions]
    return [reply, session === undefined ? HashMap.remove(sessions, id) : HashMap.set(sessions, id, session)]
  }

/**
 * Does the tower hang up after this reply? It reads on only when it has stored an update that is not the last one for now
 * (docs/protocol.md, A connection).
 *
 * @since 0.1.0
 * @category combinators
 */
export const isLast = (request: Request, reply: Reply): boolean =>
  request._tag !== "StateUpdate" || reply.code !== Code.ok || request.isComplete === 1

/** The update that a request has stored in this session; undefined for requests of other kinds. @since 0.1.0 @category combinators */
export const storedBy = (request: Request, { updates }: TowerSession): TowerUpdate | undefined =>
  request._tag === "StateUpdate" ? Option.getOrUndefined(HashMap.get(updates, request.hint)) : undefined

/** The updates of a session in the order of their numbers. @since 0.1.0 @category combinators */
export const updatesOf = (sessions: TowerSessions, id: SessionId): ReadonlyArray<TowerUpdate> =>
  Option.match(HashMap.get(sessions, id), {
    onNone: () => [],
    onSome: ({ updates }) => HashMap.toValues(updates).sort((one, other) => one.seqNum - other.seqNum)
  })
