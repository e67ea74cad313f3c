/**
 * What the parts of a contact share: what is fixed during it, what it tells, and how it can end.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { NotSender, SessionEnded } from "../../schema/BackupError.js"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { DbError } from "../../schema/DbError.js"
import type { BackupId } from "../../schema/StoredBackup.js"
import type { Tower } from "../../schema/Tower.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { ContactFailure, SessionRef, TerminalReason, UpdateRefused } from "../../schema/TowerClientEvent.js"
import type * as Inbox from "../concurrency/inbox.js"
import type { Environment } from "./environment.js"
import type { Lease } from "./lease.js"

/** Where a session stands: up to `acked` confirmed and stored, up to `bound` given out. @since 0.1.0 @category models */
export interface Position {
  readonly acked: number
  readonly bound: number
}

/** What the tower has to be asked first: nothing, where the session stands, or that after it refused an update. @since 0.1.0 @category models */
export type Question = Data.TaggedEnum<{
  None: object
  Where: object
  AfterRefusal: { readonly seqNum: number }
}>
/** @since 0.1.0 @category constructors */
export const Question = Data.taggedEnum<Question>()

/** @since 0.1.0 @category models */
export interface Target {
  readonly session: ClientSession
  readonly tower: Tower
  /** In the order of trial. */
  readonly addresses: ReadonlyArray<TowerAddress>
  readonly position: Position
  readonly question: Question
  /** Ends after the question: the session is only asked about. */
  readonly asksOnly: boolean
}

/** What a contact tells while it goes on. @since 0.1.0 @category models */
export type Progress = Data.TaggedEnum<{
  /** The tower's Init was right. */
  Connected: { readonly address: TowerAddress }
  /** The tower has answered where the session stands. */
  Answered: { readonly position: Position }
  /**
   * A window is sent. Where it was just bound, the tower needed no state up to its last one when it was asked for: `reopened` is from before
   * that.
   */
  Sending: { readonly position: Position; readonly upTo: BackupId | undefined; readonly reopened: number }
  /** The tower has confirmed one more update of it. */
  Confirmed: object
  /** What a window that broke off has brought is stored. */
  Stored: { readonly position: Position }
  /** Nothing was open for the tower when the last window was asked for; `reopened` and `kept` are from before that. */
  Idle: { readonly position: Position; readonly reopened: number; readonly kept: number }
}>
/** @since 0.1.0 @category constructors */
export const Progress = Data.taggedEnum<Progress>()

/** How a contact ended. @since 0.1.0 @category models */
export type ContactEnd = Data.TaggedEnum<{
  /** Nothing was left to do. */
  Done: object
  /** All numbers of the session are confirmed. */
  Exhausted: object
  Failed: { readonly failure: ContactFailure | DbError }
  /** The tower hung up before its Init, as it does when it still has another connection with this key. */
  EndedEarly: { readonly failure: ContactFailure }
  Refused: { readonly seqNum: number; readonly failure: UpdateRefused }
  Terminal: { readonly reason: TerminalReason }
  Lost: { readonly lastApplied: number }
  /** The session, or the lease, is not ours any more. */
  Gone: { readonly reason: SessionEnded | NotSender }
}>
/** @since 0.1.0 @category constructors */
export const ContactEnd = Data.taggedEnum<ContactEnd>()

/** What a contact needs of the sender. @since 0.1.0 @category models */
export interface Sender {
  readonly env: Environment
  readonly lease: Lease
  readonly tell: (progress: Progress) => void
  /** Told when there may be a state for an idle contact. */
  readonly work: Inbox.Inbox<"work">
  /** Up to which state the tower needs none. */
  readonly cursor: () => BackupId | undefined
  /** `SenderState.reopened`. */
  readonly reopened: () => number
  /** How many states of the session's policy were kept so far: more come when it rises. */
  readonly kept: () => number
  /** Called when a connection is over on which the key was shown: was the tower's end seen? */
  readonly hungUp: (sawEnd: boolean) => void
}

/** An end before the contact has done all that it could: what would come after it is not done. @since 0.1.0 @category models */
export type Broken = Exclude<ContactEnd, { readonly _tag: "Done" | "Exhausted" }>

/** @since 0.1.0 @category constructors */
export const failed = (failure: ContactFailure | DbError): Broken => ContactEnd.Failed({ failure })

/** The session, for events. @since 0.1.0 @category combinators */
export const refOf = ({ id, keyIndex, towerId, towerPublicKey }: ClientSession): SessionRef => {
  return { towerId, tower: towerPublicKey, session: id, keyIndex }
}
