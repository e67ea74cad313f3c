/**
 * The claim of a round: the right to store a session. An accepting reply takes it in the synchronous step in which it is
 * decoded, and only its holder stores (docs/negotiation.md, A round).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { TowerId } from "../../schema/Ids.js"

/** @since 0.1.0 @category models */
export interface Claim {
  /** The next number: visits and attempts are numbered in the order in which they begin. */
  readonly begin: () => number
  /** Takes the claim for a visit; false if another visit holds it. */
  readonly take: (tower: TowerId, visitBegan: number) => boolean
  /** The holder could not store: the claim is free again. */
  readonly release: () => void
  /** The holder has stored its session. */
  readonly won: (session: ClientSession) => void
  readonly holder: () => TowerId | undefined
  /** The session, once it is stored. */
  readonly session: () => ClientSession | undefined
  /** Returns when no session is being stored: the claim is free, or its session is stored. */
  readonly settled: Effect.Effect<void>
  /** Did an attempt begin before the visit that now holds the claim? */
  readonly isOvertaken: (attemptBegan: number) => boolean
}

/** Called when something happens to the claim, in that step. @since 0.1.0 @category models */
export interface Listener {
  readonly onReleased: () => void
  readonly onStored: () => void
}

/** @since 0.1.0 @category constructors */
export const make = (listener: Listener): Claim => {
  const settled = Effect.unsafeMakeLatch(true)
  let count = 0
  let held: { readonly tower: TowerId; readonly visitBegan: number } | undefined
  let session: ClientSession | undefined
  return {
    begin: () => ++count,
    take: (tower, visitBegan) => {
      if (held !== undefined) return false
      held = { tower, visitBegan }
      settled.unsafeClose()
      return true
    },
    release: () => {
      held = undefined
      settled.unsafeOpen()
      listener.onReleased()
    },
    won: (stored) => {
      session = stored
      settled.unsafeOpen()
      listener.onStored()
    },
    holder: () => held?.tower,
    session: () => session,
    settled: settled.await,
    isOvertaken: (attemptBegan) => held !== undefined && attemptBegan < held.visitBegan
  }
}
