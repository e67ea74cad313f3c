/**
 * What the visits of one round share: the claim. An accepting reply takes it in its own synchronous step; only the
 * claimant stores; everything is numbered in the order in which it began.
 *
 * @since 0.1.0
 */
import type { ClientSession } from "../../schema/ClientSession.js"
import type { TowerId } from "../../schema/Ids.js"

/** @since 0.1.0 @category models */
export interface Race {
  /** The next number: whatever begins earlier has a smaller one. */
  readonly begin: () => number
  /** Takes the claim for a visit, if it is free. */
  readonly claim: (tower: TowerId, visitBegan: number) => boolean
  /** The claimant could not store: the claim is free again. */
  readonly release: () => void
  /** The claimant has stored its session. */
  readonly won: (session: ClientSession) => void
  readonly claimant: () => TowerId | undefined
  readonly session: () => ClientSession | undefined
  /** Was an attempt that began then overtaken: did it begin before the visit that now has the claim? */
  readonly isOvertaken: (attemptBegan: number) => boolean
}

/** @since 0.1.0 @category constructors */
export const make = (changed: () => void): Race => {
  let count = 0
  let claim: { readonly tower: TowerId; readonly visitBegan: number } | undefined
  let session: ClientSession | undefined
  return {
    begin: () => ++count,
    claim: (tower, visitBegan) => {
      if (claim !== undefined) return false
      claim = { tower, visitBegan }
      return true
    },
    release: () => {
      claim = undefined
      changed()
    },
    won: (stored) => {
      session = stored
      changed()
    },
    claimant: () => claim?.tower,
    session: () => session,
    isOvertaken: (attemptBegan) => claim !== undefined && attemptBegan < claim.visitBegan
  }
}
