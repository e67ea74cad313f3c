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
import type { Unpayable } from "../../internal/justice/amounts.js"
import { type BadState, type Draft, draft, seal, type Unpunishable } from "../../internal/justice/backup.js"
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
  InvalidReason,
  InvalidRevokedState,
  type RevokedState,
  type Sign,
  type SignError,
  type SignRequest
} from "../../schema/RevokedState.js"
import { Entropy } from "../../services/Entropy.js"
import { type Agreement, agreementOf, type Session } from "./agreement.js"

const hex = (bytes: Uint8Array): HexBytes => HexBytes.make(toHex(bytes))

const requestFor = (chain: JusticeChain, { justice }: Draft, state: RevokedState, input: Input): SignRequest => {
  const { role, scheme, script } = input.spend
  return {
    role,
    scheme,
    key: role === "toLocal" ? state.keys.revocation : state.keys.toRemote,
    digest: hex(chain.digest(justice, input)),
    transaction: hex(chain.unsigned(justice)),
    input: justice.inputs.indexOf(input),
    sighashType: scheme === "ecdsa" ? 1 : 0,
    script: hex(script),
    prevOutputs: justice.inputs.map(({ spend, value }) => ({ value, pkScript: hex(spend.pkScript) }))
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
    const { channelId, commitHeight, keys } = state
    const ineligible = (reason: IneligibleReason) => new Ineligible({ channelId, commitHeight, reason })
    const invalid = (reason: InvalidReason) => new InvalidRevokedState({ channelId, commitHeight, reason })
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

    const { chain, form, terms } = yield* Either.mapLeft(agree(curve, session, channel), ineligible)
    for (const key of Struct.keys(keys)) {
      if (!curve.isPoint(fromHex(keys[key]))) return yield* invalid(InvalidReason.MalformedKey({ key }))
    }
    const pure = {
      commitment: fromHex(state.commitmentTransaction),
      keys: {
        revocation: fromHex(keys.revocation),
        delay: fromHex(keys.localDelay),
        toRemote: fromHex(keys.toRemote),
        csvDelay: state.csvDelay
      },
      sweepScript: fromHex(channel.sweepPkScript)
    }
    const drafted = yield* Either.mapLeft(draft(chain, form, terms, pure), refused)
    const signatureOf = (input: Input) => sign(requestFor(chain, drafted, state, input))
    const signatures: Signatures = yield* Effect.all(
      {
        toLocal: signatureOf(drafted.toLocal),
        toRemote: drafted.toRemote ? signatureOf(drafted.toRemote) : Effect.succeed(undefined)
      },
      { concurrency: "unbounded" }
    )
    for (const role of Struct.keys(signatures)) {
      // A kit has room for 64 bytes; any other number would move all that stands behind it.
      if (signatures[role] && signatures[role].length !== 64)
        return yield* invalid(InvalidReason.WrongSignature({ role }))
    }
    const nonce = yield* Effect.flatMap(Entropy, ({ bytes }) => bytes(Blob.nonceLength))
    const blob = seal(chain, form, pure, drafted, signatures, nonce)
    const punished = punish(curve, chain, form, terms, drafted.commitment, blob)
    if (Either.isLeft(punished)) {
      if (punished.left.reason === "InvalidSignature") {
        return yield* invalid(InvalidReason.WrongSignature({ role: punished.left.role }))
      }
      return yield* Effect.dieMessage(`A new blob is useless: ${punished.left.reason}.`)
    }
    return new Backup({ hint: Hint.make(toHex(Blob.hint(chain, drafted.commitment.txid))), encryptedBlob: hex(blob) })
  })
