/**
 * What a tower does about a transaction that was mined (lnd v0.21.2 `watchtower/lookout/lookout.go`): it looks for updates with the
 * transaction's hint, opens their blobs and makes a justice transaction of each.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import { fromHex, toHex } from "../../internal/bytes.js"
import * as Blob from "../../internal/justice/blob.js"
import type { JusticeChain } from "../../internal/justice/chain.js"
import { nobleJusticeCurve as curve } from "../../internal/justice/nobleJusticeCurve.js"
import { type Punishment, punish, type Useless } from "../../internal/justice/punish.js"
import type { Commitment } from "../../internal/justice/transaction.js"
import type { Chain } from "../../schema/Chain.js"
import { HexBytes, Hint } from "../../schema/Ids.js"
import { Shares } from "../../schema/Ineligible.js"
import {
  JusticeTransaction,
  NoJusticeReason,
  NoJusticeTransaction,
  SweptOutput,
  UselessReason,
  UselessUpdate
} from "../../schema/JusticeTransaction.js"
import { agreementOf, justiceChainOf } from "../backup/agreement.js"
import type { TowerSession, TowerSessions, TowerUpdate } from "./sessions.js"

const justiceTransaction = (
  { signed }: JusticeChain,
  { id: sessionId }: TowerSession,
  { seqNum }: TowerUpdate,
  { amounts: { fee }, justice }: Punishment
): JusticeTransaction =>
  new JusticeTransaction({
    sessionId,
    seqNum,
    transaction: HexBytes.make(toHex(signed(justice))),
    swept: justice.inputs.map(({ index, spend: { role }, value }) => new SweptOutput({ role, index, value })),
    fee
  })

const reasonOf = (useless: Useless): UselessReason => {
  switch (useless.reason) {
    case "WrongTransaction":
      return UselessReason.BlobNotOpened()
    case "MalformedKit":
      return UselessReason.MalformedKit()
    case "SweepScript":
      return UselessReason.SweepScript()
    case "RewardScript":
      return UselessReason.RewardScript()
    case "OutputNotFound":
      return UselessReason.OutputNotFound({ role: useless.role })
    case "InvalidSignature":
      return UselessReason.WrongSignature({ role: useless.role })
    case "FeeExceedsInputs":
    case "RewardOverflows":
    case "RewardExceedsInputs":
    case "CreatesDust":
      return UselessReason.SweepImpossible({ shares: new Shares(useless) })
  }
}

/** The commitment, and an update that may be of it. */
interface Match {
  readonly session: TowerSession
  readonly update: TowerUpdate
}

const punishWith =
  (chain: Chain, commitment: Commitment) =>
  ({ session, update }: Match): Either.Either<JusticeTransaction, UselessUpdate> => {
    const { policy, rewardScript: rewardPkScript } = session
    const agreement = agreementOf(curve, { chain, policy, rewardPkScript })
    const useless = (reason: UselessReason) =>
      new UselessUpdate({ sessionId: session.id, seqNum: update.seqNum, reason })
    if (agreement === undefined) return Either.left(useless(UselessReason.NotOnThisChain()))
    return Either.mapBoth(punish(curve, agreement, commitment, fromHex(update.encryptedBlob)), {
      onLeft: (fault) => useless(reasonOf(fault)),
      onRight: (punishment) => justiceTransaction(agreement.chain, session, update, punishment)
    })
  }

/**
 * The justice transactions that the updates of these sessions give for a transaction, raw, signed or not. One of no use is left out
 * as long as there is another, as by the daemons, which log it and go on.
 *
 * @since 0.1.0
 * @category combinators
 */
export const breach = (
  chain: Chain,
  sessions: TowerSessions,
  transaction: HexBytes
): Either.Either<Arr.NonEmptyReadonlyArray<JusticeTransaction>, NoJusticeTransaction> =>
  Either.gen(function* () {
    const none = (reason: NoJusticeReason) => Either.left(new NoJusticeTransaction({ reason }))
    const justiceChain = justiceChainOf(curve, chain)
    const read = justiceChain.readTransaction(fromHex(transaction))
    if (Either.isLeft(read)) return yield* none(NoJusticeReason.MalformedTransaction({ fault: read.left }))
    const hint = Hint.make(toHex(Blob.hint(justiceChain, read.right.txid)))
    const matches = Arr.filterMap(HashMap.toValues(sessions), (session) =>
      Option.map(HashMap.get(session.updates, hint), (update): Match => ({ session, update }))
    )
    const [useless, found] = Arr.partitionMap(matches, punishWith(chain, read.right))
    if (Arr.isNonEmptyReadonlyArray(found)) return found
    return yield* none(
      Arr.isNonEmptyReadonlyArray(useless)
        ? NoJusticeReason.Useless({ updates: useless })
        : NoJusticeReason.NoMatch({ hint })
    )
  })
