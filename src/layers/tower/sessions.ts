/**
 * What a tower knows of its sessions, and how it decides (docs/protocol.md, CreateSession, StateUpdate and
 * DeleteSession; lnd v0.21.2 `watchtower/wtserver`): a request, together with the session of the connection's key, gives a
 * reply, and the session where that changes. Pure.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import { maxFeeRate } from "../../schema/FeeRate.js"
import { HexBytes, type SessionId } from "../../schema/Ids.js"
import * as Policy from "../../schema/Policy.js"
import * as Code from "../../schema/wire/Code.js"
import type { CreateSession } from "../../schema/wire/CreateSession.js"
import { CreateSessionReply } from "../../schema/wire/CreateSessionReply.js"
import type { StateUpdate } from "../../schema/wire/StateUpdate.js"
import { StateUpdateReply } from "../../schema/wire/StateUpdateReply.js"

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
}

/** What a tower gives sessions for. @since 0.1.0 @category models */
export interface Terms {
  readonly chain: Chain.Chain
  readonly blobTypes: ReadonlyArray<BlobType.BlobType>
  /** The script for rewards; without one, sessions with a reward are refused, as the daemons do. */
  readonly rewardScript: HexBytes | undefined
}

/** A reply, and the session after it where it was changed. @since 0.1.0 @category models */
export interface Decision<Reply> {
  readonly reply: Reply
  readonly session?: TowerSession
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

/**
 * The decision table of docs/protocol.md, CreateSession: a used session answers first, an unused one is overwritten.
 *
 * @since 0.1.0
 * @category combinators
 */
export const create = (
  terms: Terms,
  id: SessionId,
  known: TowerSession | undefined,
  request: CreateSession
): Decision<CreateSessionReply> => {
  const reply = (code: number, lastApplied = 0, data = nothing) => new CreateSessionReply({ code, lastApplied, data })
  if (known !== undefined && known.lastApplied > 0) {
    return { reply: reply(Code.alreadyExists, known.lastApplied, known.rewardScript) }
  }
  if (!terms.blobTypes.includes(request.blobType)) return { reply: reply(Code.rejectBlobType) }
  const rewarded = BlobType.has(request.blobType, BlobType.flagReward)
  if (rewarded && terms.rewardScript === undefined) return { reply: reply(Code.rejectBlobType) }
  const policy = policyOf(request, terms.chain)
  if (policy === undefined) return { reply: reply(Code.temporaryFailure) }
  const rewardScript = rewarded ? (terms.rewardScript ?? nothing) : nothing
  return {
    reply: reply(Code.ok, 0, rewardScript),
    session: { id, policy, rewardScript, lastApplied: 0, clientLastApplied: 0 }
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

/**
 * The rules of docs/protocol.md, StateUpdate, in their order. A refusal says 0 for the last applied update, as those of real
 * towers do. The blob is not kept.
 *
 * @since 0.1.0
 * @category combinators
 */
export const update = (known: TowerSession | undefined, request: StateUpdate): Decision<StateUpdateReply> => {
  const code = known === undefined ? Code.permanentFailure : updateCode(known, request)
  if (known === undefined || code !== Code.ok) return { reply: new StateUpdateReply({ code, lastApplied: 0 }) }
  const { lastApplied: clientLastApplied, seqNum: lastApplied } = request
  return {
    reply: new StateUpdateReply({ code, lastApplied }),
    session: { ...known, lastApplied, clientLastApplied }
  }
}
