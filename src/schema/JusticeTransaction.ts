/**
 * What a tower does about a revoked commitment transaction that was mined (docs/protocol.md, What a tower does).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { Amount, encoded, encodedError } from "../internal/json.js"
import { taggedUnion } from "../internal/taggedUnion.js"
import { HexBytes, Hint, SessionId } from "./Ids.js"
import { Shares } from "./Ineligible.js"
import { outputNames, Role, TransactionFault, transactionFaults } from "./RevokedState.js"

/** An output of the commitment transaction that is swept; its amount in satoshi or atoms. @since 0.1.0 @category models */
export class SweptOutput extends Schema.Class<SweptOutput>("SweptOutput")({
  role: Role,
  index: Schema.Int,
  value: Amount
}) {
  /** The encoded side, for `JSON.stringify` and loggers. */
  toJSON(): unknown {
    return encoded(SweptOutput, this)
  }
}

/** Where a tower found an update: its session and its number there. @since 0.1.0 @category models */
const update = { sessionId: SessionId, seqNum: Schema.Int }

/**
 * A transaction that a tower would broadcast: raw, signed, in the chain's own serialization, with what it sweeps in the order of its
 * inputs, and its fee in satoshi or atoms. Each signature was verified.
 *
 * @since 0.1.0
 * @category models
 */
export class JusticeTransaction extends Schema.TaggedClass<JusticeTransaction>()("JusticeTransaction", {
  ...update,
  transaction: HexBytes,
  swept: Schema.Array(SweptOutput),
  fee: Amount
}) {
  /** The encoded side, for `JSON.stringify` and loggers. */
  toJSON(): unknown {
    return encoded(JusticeTransaction, this)
  }
}

/**
 * Why an update gives no justice transaction. `BlobNotOpened`: the blob is damaged, or was made for another transaction.
 * `SweepImpossible`: too little would be left on the terms of the session.
 *
 * @since 0.1.0
 * @category errors
 */
export const UselessReason = taggedUnion({
  NotOnThisChain: {},
  BlobNotOpened: {},
  MalformedKit: {},
  SweepScript: {},
  RewardScript: {},
  OutputNotFound: { role: Role },
  WrongSignature: { role: Role },
  SweepImpossible: { shares: Shares }
})
/** @since 0.1.0 @category errors */
export type UselessReason = Schema.Schema.Type<typeof UselessReason>

/** An update that gives no justice transaction. @since 0.1.0 @category errors */
export class UselessUpdate extends Schema.Class<UselessUpdate>("UselessUpdate")({ ...update, reason: UselessReason }) {
  /** The encoded side, for `JSON.stringify` and loggers. */
  toJSON(): unknown {
    return encoded(UselessUpdate, this)
  }
}

/** Why a tower does nothing about a transaction. @since 0.1.0 @category errors */
export const NoJusticeReason = taggedUnion({
  /** The bytes are not a transaction of a channel on the tower's chain. */
  MalformedTransaction: { fault: TransactionFault },
  /** No session has an update with the hint of this transaction. */
  NoMatch: { hint: Hint },
  /** The updates with this hint are all of no use. */
  Useless: { updates: Schema.NonEmptyArray(UselessUpdate) }
})
/** @since 0.1.0 @category errors */
export type NoJusticeReason = Schema.Schema.Type<typeof NoJusticeReason>

const sentenceOf = UselessReason.$match({
  NotOnThisChain: () => "the towers of this chain do not know channels of its session's blob type",
  BlobNotOpened: () => "its blob is damaged or was made for another transaction",
  MalformedKit: () => "its blob holds no justice kit",
  SweepScript: () => "towers of this chain cannot sweep to its script",
  RewardScript: () => "towers of this chain cannot pay their reward to the script of its session",
  OutputNotFound: ({ role }) => `the transaction has no ${outputNames[role]} output of its keys`,
  WrongSignature: ({ role }) => `its signature for ${outputNames[role]} does not hold`,
  SweepImpossible: ({ shares: { dustLimit, fee, total } }) =>
    `of ${total} too little is left after a fee of ${fee}; less than ${dustLimit} is dust`
})

/** A tower does nothing about a transaction. @since 0.1.0 @category errors */
export class NoJusticeTransaction extends Schema.TaggedError<NoJusticeTransaction>()("NoJusticeTransaction", {
  reason: NoJusticeReason
}) {
  override get message() {
    const why = NoJusticeReason.$match(this.reason, {
      MalformedTransaction: ({ fault }) => `the transaction cannot be read: ${transactionFaults[fault]}`,
      NoMatch: ({ hint }) => `no session has an update with the hint ${hint}; check that the state was backed up here`,
      Useless: ({ updates }) =>
        updates
          .map(({ reason, seqNum, sessionId }) => `update ${seqNum} of session ${sessionId}: ${sentenceOf(reason)}`)
          .join("; ")
    })
    return `The tower makes no justice transaction: ${why}.`
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(NoJusticeTransaction, this)
  }
}
