/**
 * The policy that the flags describe.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import type { AtomsPerKb, FeeRate, SatPerKw } from "../../schema/FeeRate.js"
import * as Policy from "../../schema/Policy.js"
import * as flags from "./flags.js"

/** The flags of a policy. @since 0.1.0 @category config */
export const policyFlags = {
  blobType: flags.values["blob-type"],
  maxUpdates: flags.values["max-updates"],
  sweepFeeRate: flags.values["sweep-fee-rate"]
}

/** The values of `policyFlags`. @since 0.1.0 @category models */
export interface PolicyFlags {
  readonly blobType: Option.Option<BlobType.BlobType>
  readonly maxUpdates: Option.Option<number>
  readonly sweepFeeRate: Option.Option<bigint>
}

/** The given ones of these flags as words of a command, for a command that goes on with the same policy. @since 0.1.0 @category combinators */
export const policyWords = ({
  blobType = Option.none(),
  maxUpdates = Option.none(),
  sweepFeeRate = Option.none()
}: Partial<PolicyFlags>): ReadonlyArray<string> => {
  const words = (name: string, value: Option.Option<string | number | bigint>) =>
    Option.match(value, { onNone: () => [], onSome: (given) => [`--${name}`, String(given)] })
  return [
    ...words("blob-type", Option.map(blobType, BlobType.nameOf)),
    ...words("max-updates", maxUpdates),
    ...words("sweep-fee-rate", sweepFeeRate)
  ]
}

/**
 * The blob types to show or to ask for: that of the flags, else all of the chain that pay no reward. No tower gives a session
 * for a reward without a rate, and there is no flag for one.
 *
 * @since 0.1.0
 * @category combinators
 */
export const blobTypesOf = (
  { blobType }: PolicyFlags,
  chain: Pick<Chain.Chain, "blobTypes">
): ReadonlyArray<BlobType.BlobType> =>
  Option.match(blobType, {
    onNone: () => chain.blobTypes.filter((one) => !BlobType.has(one, BlobType.flagReward)),
    onSome: (one) => [one]
  })

/** Fills in the chain's defaults, and checks. @since 0.1.0 @category combinators */
export const policyOf = <Fee extends FeeRate>(
  given: PolicyFlags,
  chain: Chain.Chain<Fee>
): Effect.Effect<Policy.Policy<Fee>, Policy.InvalidPolicy> =>
  Policy.validate(
    Policy.make(chain, {
      blobType: Option.getOrUndefined(given.blobType),
      maxUpdates: Option.getOrUndefined(given.maxUpdates),
      sweepFeeRate: Option.getOrUndefined(given.sweepFeeRate)
    }),
    chain
  )

/** A chain and a policy in its unit of fees. @since 0.1.0 @category models */
export type Proposal =
  | { readonly chain: Chain.BitcoinChain; readonly policy: Policy.Policy<SatPerKw> }
  | { readonly chain: Chain.DecredChain; readonly policy: Policy.Policy<AtomsPerKb> }

/** The chain and the policy that the flags ask for. @since 0.1.0 @category combinators */
export const proposalOf = (given: PolicyFlags, chain: Chain.AnyChain): Effect.Effect<Proposal, Policy.InvalidPolicy> =>
  chain.name === "bitcoin"
    ? Effect.map(policyOf(given, chain), (policy) => ({ chain, policy }))
    : Effect.map(policyOf(given, chain), (policy) => ({ chain, policy }))

/** A policy for each blob type of a chain that pays no reward, and of which of them unused sessions are kept. @since 0.1.0 @category models */
export type Terms = Of<Chain.BitcoinChain, SatPerKw> | Of<Chain.DecredChain, AtomsPerKb>

interface Of<C, Fee extends FeeRate> {
  readonly chain: C
  readonly policies: ReadonlyArray<Policy.Policy<Fee>>
  readonly spareBlobTypes: ReadonlyArray<BlobType.BlobType>
}

const termsOf = <C extends Chain.Chain<Fee>, Fee extends FeeRate>(
  given: Omit<PolicyFlags, "blobType">,
  chain: C & Chain.Chain<Fee>,
  spareBlobTypes: ReadonlyArray<BlobType.BlobType>
): Effect.Effect<Of<C, Fee>, Policy.InvalidPolicy> =>
  Effect.gen(function* () {
    // A type that the chain does not have is refused by its name.
    for (const one of spareBlobTypes) yield* policyOf({ ...given, blobType: Option.some(one) }, chain)
    const all = blobTypesOf({ ...given, blobType: Option.none() }, chain)
    const policies = yield* Effect.forEach(all, (one) => policyOf({ ...given, blobType: Option.some(one) }, chain))
    return { chain, policies, spareBlobTypes }
  })

/** What a tower client is told: states of all types are taken, and unused sessions of these types are kept. @since 0.1.0 @category combinators */
export const policiesOf = (
  given: Omit<PolicyFlags, "blobType">,
  chain: Chain.AnyChain,
  spareBlobTypes: ReadonlyArray<BlobType.BlobType> = [BlobType.altruistAnchorCommit]
): Effect.Effect<Terms, Policy.InvalidPolicy> =>
  chain.name === "bitcoin" ? termsOf(given, chain, spareBlobTypes) : termsOf(given, chain, spareBlobTypes)
