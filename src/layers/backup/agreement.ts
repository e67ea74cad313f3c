/**
 * What a client and a tower have agreed upon for the justice transactions of one session, in the terms of the pure code.
 *
 * @since 0.1.0
 */
import { fromHex } from "../../internal/bytes.js"
import type { Agreement } from "../../internal/justice/agreement.js"
import { bitcoin } from "../../internal/justice/bitcoin.js"
import type { JusticeChain } from "../../internal/justice/chain.js"
import { decred } from "../../internal/justice/decred.js"
import type { FormName } from "../../internal/justice/form.js"
import type { JusticeCurve } from "../../internal/justice/justiceCurve.js"
import * as BlobType from "../../schema/BlobType.js"
import type { Chain } from "../../schema/Chain.js"
import type { HexBytes } from "../../schema/Ids.js"
import type { Policy } from "../../schema/Policy.js"

/** A policy on its chain; the script of the reply to CreateSession counts for reward types only. @since 0.1.0 @category models */
export interface Session {
  readonly chain: Chain
  readonly policy: Policy
  readonly rewardPkScript: HexBytes
}

/** The highest flag decides, as in lnd (`watchtower/blob/type.go`, `CommitmentType`). */
const formNameOf = (blobType: BlobType.BlobType): FormName => {
  if (BlobType.has(blobType, BlobType.flagTaprootFinalChannel)) return "taprootFinal"
  if (BlobType.has(blobType, BlobType.flagTaprootChannel)) return "taproot"
  return BlobType.has(blobType, BlobType.flagAnchorChannel) ? "anchor" : "legacy"
}

const chains: Readonly<Record<Chain["name"], (curve: JusticeCurve) => JusticeChain>> = { bitcoin, decred: () => decred }

/** What is special to a chain's justice transactions. @since 0.1.0 @category constructors */
export const justiceChainOf = (curve: JusticeCurve, { name }: Pick<Chain, "name">): JusticeChain => chains[name](curve)

/** The agreement of a session; undefined where the chain has no channels of its blob type. @since 0.1.0 @category constructors */
export const agreementOf = (
  curve: JusticeCurve,
  { chain: of, policy, rewardPkScript }: Session
): Agreement | undefined => {
  const chain = justiceChainOf(curve, of)
  const form = chain.forms[formNameOf(policy.blobType)]
  const reward = BlobType.has(policy.blobType, BlobType.flagReward)
    ? {
        base: BigInt(policy.rewardBase),
        rate: BigInt(policy.rewardRate),
        script: fromHex(rewardPkScript)
      }
    : undefined
  return form && { chain, form, terms: { sweepFeeRate: policy.sweepFeeRate, reward } }
}
