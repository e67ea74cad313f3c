/**
 * The client's half: from a revoked commitment transaction to the digests that have to be signed, and on to the blob.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type { Agreement } from "./agreement.js"
import { type Amounts, divide, outputs, type Unpayable } from "./amounts.js"
import * as Blob from "./blob.js"
import type { BadTransaction } from "./chain.js"
import type { Keys, Signatures } from "./form.js"
import { allCoins, type Commitment, find, type Input, type Justice, sorted } from "./transaction.js"

/** What a backup is made of. The commitment transaction is raw, signed or not. @since 0.1.0 @category models */
export interface State {
  readonly commitment: Uint8Array
  readonly keys: Keys
  readonly sweepScript: Uint8Array
}

/** A backup without its signatures. `toRemote` is undefined where the commitment has no such output. @since 0.1.0 @category models */
export interface Draft {
  readonly commitment: Commitment
  readonly toLocal: Input
  readonly toRemote: Input | undefined
  readonly amounts: Amounts
  readonly justice: Justice
}

/** The state itself is wrong: it contradicts itself, or says what cannot be. @since 0.1.0 @category errors */
export type BadState =
  | { readonly reason: "Transaction"; readonly why: BadTransaction }
  | { readonly reason: "Amount" }
  | { readonly reason: "ToRemoteKey" }

/** No tower can do anything for the state on these terms. @since 0.1.0 @category errors */
export type Unpunishable = { readonly reason: "SweepScript" | "RewardScript" | "NoToLocal" } | Unpayable

/** Towers check it of the justice transaction, whose outputs are never more than these. */
const exceedsAllCoins = ({ outputs }: Commitment): boolean =>
  outputs.reduce((sum, { value }) => sum + value, 0n) > allCoins

/**
 * Both outputs are looked for by their scripts. Where to_remote has a script of another kind than all else in a commitment, one of
 * that kind that is not ours shows that the key is wrong; elsewhere a wrong key looks like an output that is not there.
 */
const hasOtherToRemote = ({ outputs }: Commitment, toLocal: Uint8Array, toRemote: Uint8Array): boolean =>
  toLocal.length !== toRemote.length && outputs.some(({ script }) => script.length === toRemote.length)

/** Everything up to the digests, which `JusticeChain.digest` gives for each input. @since 0.1.0 @category constructors */
export const draft = (
  { chain, form, terms }: Agreement,
  { commitment: raw, keys, sweepScript }: State
): Either.Either<Draft, BadState | Unpunishable> =>
  Either.gen(function* () {
    const commitment = yield* Either.mapLeft(
      chain.readTransaction(raw),
      (why): BadState => ({ reason: "Transaction", why })
    )
    if (exceedsAllCoins(commitment)) return yield* Either.left({ reason: "Amount" } as const)
    const spends = form.spends(keys)
    const toRemote = find(commitment, spends.toRemote)
    if (!toRemote && hasOtherToRemote(commitment, spends.toLocal.pkScript, spends.toRemote.pkScript)) {
      return yield* Either.left({ reason: "ToRemoteKey" } as const)
    }
    const toLocal = find(commitment, spends.toLocal)
    // The tower insists on it, although the rest could be swept.
    if (!toLocal) return yield* Either.left({ reason: "NoToLocal" } as const)
    if (!chain.sweepsTo(sweepScript)) return yield* Either.left({ reason: "SweepScript" } as const)
    if (terms.reward && !chain.rewardsTo(terms.reward.script)) {
      return yield* Either.left({ reason: "RewardScript" } as const)
    }
    const inputs = toRemote ? [toLocal, toRemote] : [toLocal]
    const amounts = yield* divide(chain, terms, inputs, sweepScript)
    const justice = sorted(inputs, outputs(amounts, terms, sweepScript))
    return { commitment, toLocal, toRemote, amounts, justice }
  })

/** The blob of a draft with its signatures, under a nonce of 24 bytes that is used once. @since 0.1.0 @category combinators */
export const seal = (
  { chain, form }: Agreement,
  { keys, sweepScript }: State,
  { commitment }: Draft,
  signatures: Signatures,
  nonce: Uint8Array
): Uint8Array => Blob.seal(chain, commitment.txid, nonce, form.writeKit(keys, sweepScript, signatures))
