/**
 * From a revoked state to a backup. All that could make it useless at the breach is checked now: the finished blob is opened, and
 * the justice transaction made of it, by the code that plays the tower.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Struct from "effect/Struct"
import { fromHex, toHex } from "../../internal/bytes.js"
import type { Agreement } from "../../internal/justice/agreement.js"
import type { Unpayable } from "../../internal/justice/amounts.js"
import { type BadState, type Draft, draft, type State, seal, type Unpunishable } from "../../internal/justice/backup.js"
import * as Blob from "../../internal/justice/blob.js"
import type { JusticeChain } from "../../internal/justice/chain.js"
import type { Signatures } from "../../internal/justice/form.js"
import type { JusticeCurve } from "../../internal/justice/justiceCurve.js"
import { punish } from "../../internal/justice/punish.js"
import type { Input } from "../../internal/justice/transaction.js"
import { Backup } from "../../schema/Backup.js"
import * as BlobType from "../../schema/BlobType.js"
import { blobTypeOf, type Channel } from "../../schema/Channel.js"
import { HexBytes, Hint } from "../../schema/Ids.js"
import { Ineligible, IneligibleReason, Shares } from "../../schema/Ineligible.js"
import {
  type CommitmentKeys,
  InvalidReason,
  InvalidRevokedState,
  PrevOutput,
  type RevokedState,
  type Sign,
  type SignError,
  type SignRequest
} from "../../schema/RevokedState.js"
import { Entropy } from "../../services/Entropy.js"
import { bothOf } from "../concurrency/bothOf.js"
import { agreementOf, type Session } from "./agreement.js"

/** Made of values that were checked, or that are of this program. */
const unchecked = { disableValidation: true }

const hex = (bytes: Uint8Array): HexBytes => HexBytes.make(toHex(bytes), unchecked)

/** The requests for the inputs of one draft. */
const requestsOf = (chain: JusticeChain, { justice }: Draft, keys: CommitmentKeys): ((input: Input) => SignRequest) => {
  const transaction = hex(chain.unsigned(justice))
  const digestOf = chain.digestOf(justice)
  const prevOutputs = justice.inputs.map(
    ({ spend, value }) => new PrevOutput({ value, pkScript: hex(spend.pkScript) }, unchecked)
  )
  return (input) => {
    const { role, scheme, script } = input.spend
    return {
      role,
      scheme,
      key: role === "toLocal" ? keys.revocation : keys.toRemote,
      digest: hex(digestOf(input)),
      transaction,
      input: justice.inputs.indexOf(input),
      sighashType: scheme === "ecdsa" ? 1 : 0,
      script: hex(script),
      prevOutputs
    }
  }
}

const sharesOf = ({ dustLimit, fee, total }: Unpayable): Shares => new Shares({ total, fee, dustLimit })

/** What the session and the channel have agreed upon, if they fit together. */
const agree = (
  curve: JusticeCurve,
  session: Session,
  { type }: Channel
): Either.Either<Agreement, IneligibleReason> => {
  if (type === "scriptEnforcedLease") return Either.left(IneligibleReason.ScriptEnforcedLease())
  // A backup is made before it is known which session takes it, and the reward's script is a session's own.
  if (BlobType.has(session.policy.blobType, BlobType.flagReward)) return Either.left(IneligibleReason.RewardType())
  if (session.policy.blobType !== blobTypeOf(type)) return Either.left(IneligibleReason.OtherBlobType())
  return Either.fromNullable(agreementOf(curve, session), () => IneligibleReason.NotOnThisChain())
}

/** A state whose justice transaction was drafted, and what is left to do. */
interface Prepared {
  readonly agreement: Agreement
  readonly pure: State
  readonly drafted: Draft
  readonly request: (input: Input) => SignRequest
}

const invalidState = ({ channelId, commitHeight }: RevokedState, reason: InvalidReason) =>
  new InvalidRevokedState({ channelId, commitHeight, reason })

/** Checks all that can be checked before there are signatures. */
const prepare = (
  curve: JusticeCurve,
  session: Session,
  channel: Channel,
  state: RevokedState
): Either.Either<Prepared, Ineligible | InvalidRevokedState> =>
  Either.gen(function* () {
    const { channelId, commitHeight, keys } = state
    const ineligible = (reason: IneligibleReason) => new Ineligible({ channelId, commitHeight, reason })
    const invalid = (reason: InvalidReason) => invalidState(state, reason)
    const refused = (fault: BadState | Unpunishable): Ineligible | InvalidRevokedState => {
      switch (fault.reason) {
        case "Transaction":
          return invalid(InvalidReason.MalformedTransaction({ fault: fault.why }))
        case "Amount":
          return invalid(InvalidReason.ImpossibleAmount())
        case "ToRemoteKey":
          return invalid(InvalidReason.WrongToRemoteKey())
        case "NoToLocal":
          return ineligible(IneligibleReason.NoToLocal())
        case "SweepScript":
          return ineligible(IneligibleReason.SweepScript())
        // Only terms with a reward have these, and no such session comes this far.
        case "RewardScript":
        case "RewardOverflows":
        case "RewardExceedsInputs":
          return ineligible(IneligibleReason.RewardType())
        case "FeeExceedsInputs":
          return ineligible(IneligibleReason.FeeExceedsInputs({ shares: sharesOf(fault) }))
        case "CreatesDust":
          return ineligible(IneligibleReason.CreatesDust({ shares: sharesOf(fault) }))
      }
    }

    const agreement = yield* Either.mapLeft(agree(curve, session, channel), ineligible)
    const points = Struct.evolve(keys, { revocation: fromHex, localDelay: fromHex, toRemote: fromHex })
    for (const key of Struct.keys(points)) {
      if (!curve.isPoint(points[key])) return yield* Either.left(invalid(InvalidReason.MalformedKey({ key })))
    }
    const pure = {
      commitment: fromHex(state.commitmentTransaction),
      keys: {
        revocation: points.revocation,
        delay: points.localDelay,
        toRemote: points.toRemote,
        csvDelay: state.csvDelay
      },
      sweepScript: fromHex(channel.sweepPkScript)
    }
    const drafted = yield* Either.mapLeft(draft(agreement, pure), refused)
    return { agreement, pure, drafted, request: requestsOf(agreement.chain, drafted, keys) }
  })

/**
 * What has to be signed for the backup of a state: a request for each output that is there, to_local first. `makeBackup` asks its
 * signer the same.
 *
 * @since 0.1.0
 * @category constructors
 */
export const signRequests = (
  curve: JusticeCurve,
  session: Session,
  channel: Channel,
  state: RevokedState
): Either.Either<ReadonlyArray<SignRequest>, Ineligible | InvalidRevokedState> =>
  Either.map(prepare(curve, session, channel, state), ({ drafted: { toLocal, toRemote }, request }) =>
    [toLocal, ...(toRemote === undefined ? [] : [toRemote])].map(request)
  )

/**
 * The backup of a state for sessions of this policy. Asks for a signature of each output that is there, all at the same time. A
 * signer that fails or is wrong leaves nothing behind.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeBackup = (
  curve: JusticeCurve,
  session: Session,
  channel: Channel,
  state: RevokedState,
  sign: Sign
): Effect.Effect<Backup, Ineligible | InvalidRevokedState | SignError> =>
  Effect.gen(function* () {
    const invalid = (reason: InvalidReason) => invalidState(state, reason)
    const { agreement, drafted, pure, request } = yield* prepare(curve, session, channel, state)
    const signatureOf = (input: Input) => sign(request(input))
    const [toLocal, toRemote] = drafted.toRemote
      ? yield* bothOf(signatureOf(drafted.toLocal), signatureOf(drafted.toRemote))
      : [yield* signatureOf(drafted.toLocal), undefined]
    const signatures: Signatures = { toLocal, toRemote }
    for (const role of Struct.keys(signatures)) {
      // A kit has room for 64 bytes; any other number would move all that stands behind it.
      const signature = signatures[role]
      if (signature && signature.length !== 64) return yield* invalid(InvalidReason.WrongSignature({ role }))
    }
    const nonce = yield* Effect.flatMap(Entropy, ({ bytes }) => bytes(Blob.nonceLength))
    const blob = seal(agreement, pure, drafted, signatures, nonce)
    const punished = punish(curve, agreement, drafted.commitment, blob)
    if (Either.isLeft(punished)) {
      if (punished.left.reason === "InvalidSignature") {
        return yield* invalid(InvalidReason.WrongSignature({ role: punished.left.role }))
      }
      return yield* Effect.dieMessage(`A new blob is useless: ${punished.left.reason}.`)
    }
    return new Backup(
      {
        hint: Hint.make(toHex(Blob.hint(agreement.chain, drafted.commitment.txid)), unchecked),
        encryptedBlob: hex(blob)
      },
      unchecked
    )
  })
