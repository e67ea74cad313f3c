/**
 * The tower's half: from a blob and the commitment transaction that was broadcast to the signed justice transaction
 * (`watchtower/lookout/justice_descriptor.go`).
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type { Agreement } from "./agreement.js"
import { type Amounts, divide, outputs, type Unpayable } from "./amounts.js"
import * as Blob from "./blob.js"
import type { JusticeCurve } from "./justiceCurve.js"
import {
  type Commitment,
  find,
  type Input,
  type Justice,
  type Role,
  type SignedInput,
  type Spend,
  sorted
} from "./transaction.js"

/** A justice transaction, of which `JusticeChain.signed` gives the bytes to broadcast, and its amounts. @since 0.1.0 @category models */
export interface Punishment {
  readonly amounts: Amounts
  readonly justice: Justice<SignedInput>
}

/** Why there is no justice transaction. @since 0.1.0 @category errors */
export type Useless =
  | { readonly reason: "WrongTransaction" | "MalformedKit" | "SweepScript" | "RewardScript" }
  | { readonly reason: "OutputNotFound" | "InvalidSignature"; readonly role: Role }
  | Unpayable

const verify = (curve: JusticeCurve, { key, scheme }: Spend, digest: Uint8Array, signature: Uint8Array): boolean =>
  scheme === "ecdsa" ? curve.verifyEcdsa(key, digest, signature) : curve.verifySchnorr(key, digest, signature)

const found = (commitment: Commitment, spend: Spend): Either.Either<Input, Useless> =>
  Either.fromNullable(find(commitment, spend), () => ({ reason: "OutputNotFound", role: spend.role }))

/**
 * Opens the blob and makes the transaction. What a script engine would check is checked: that the scripts are those of the outputs,
 * which is how these are found, and each signature.
 *
 * @since 0.1.0
 * @category combinators
 */
export const punish = (
  curve: JusticeCurve,
  { chain, form, terms }: Agreement,
  commitment: Commitment,
  blob: Uint8Array
): Either.Either<Punishment, Useless> =>
  Either.gen(function* () {
    const plaintext = yield* Either.mapLeft(Blob.open(chain, commitment.txid, blob), (reason) => ({ reason }))
    const kit = yield* Either.mapLeft(form.readKit(plaintext), () => ({ reason: "MalformedKit" }) as const)
    const inputs: Array<SignedInput> = []
    for (const { signature, spend } of kit.parts) inputs.push({ ...(yield* found(commitment, spend)), signature })
    if (!chain.sweepsTo(kit.sweepScript)) return yield* Either.left({ reason: "SweepScript" } as const)
    // lnd's tower takes the output of every reward for one of 31 bytes: with another one its fee, and all signatures, would be others.
    if (terms.reward && !chain.rewardsTo(terms.reward.script))
      return yield* Either.left({ reason: "RewardScript" } as const)
    const amounts = yield* divide(chain, terms, inputs, kit.sweepScript)
    const justice = sorted(inputs, outputs(amounts, terms, kit.sweepScript))
    const digestOf = chain.digestOf(justice)
    for (const input of justice.inputs) {
      if (!verify(curve, input.spend, digestOf(input), input.signature)) {
        return yield* Either.left({ reason: "InvalidSignature", role: input.spend.role } as const)
      }
    }
    return { amounts, justice }
  })
