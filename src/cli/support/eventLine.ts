/**
 * The events of a negotiator as lines for people. Some events have no line.
 *
 * @since 0.1.0
 */
import * as BlobType from "../../schema/BlobType.js"
import type { ClientSession } from "../../schema/ClientSession.js"
import { permanentReasons } from "../../schema/NegotiationError.js"
import { Happening, type NegotiatorEvent, type Step } from "../../schema/NegotiatorEvent.js"
import { time } from "./views.js"

const silent = () => undefined

const steps: Record<Step, (address: string) => string | undefined> = {
  reserving: silent,
  deriving: silent,
  dialling: (address) => `connects to ${address}`,
  handshaking: () => "shakes hands (brontide)",
  sendingInit: () => "exchanges Init",
  receivingInit: silent,
  sendingCreateSession: () => "proposes the policy (CreateSession)",
  receivingReply: silent,
  storing: () => "was accepted (CreateSessionReply); stores the session",
  hangingUp: silent
}

/** The line of a session that was got. @since 0.1.0 @category combinators */
export const storedLine = ({ id, keyIndex, policy }: ClientSession): string =>
  `session ${id} is stored: key index ${keyIndex}, ${BlobType.nameOf(policy.blobType)}, ${policy.maxUpdates} updates`

/** The line of an event. @since 0.1.0 @category combinators */
export const eventLine = ({ happening }: NegotiatorEvent): string | undefined =>
  Happening.$match(happening, {
    Demand: silent,
    RoundStarted: silent,
    VisitStarted: ({ towerId }) => `tower ${towerId}: asks for a session`,
    StepStarted: ({ address, step, towerId }) => about(towerId, steps[step](address ?? "")),
    KeyReserved: ({ keyIndex, towerId }) => `tower ${towerId}: reserves key index ${keyIndex}`,
    KeyShown: ({ keyIndex, towerId }) => `tower ${towerId}: shows session key ${keyIndex} (act three)`,
    KeyUsed: ({ keyIndex, towerId }) =>
      `tower ${towerId}: knows session key ${keyIndex} already, from before; it is never used again`,
    RewardIgnored: ({ bytes, towerId }) => `tower ${towerId}: sent ${bytes} bytes of reward script that are not kept`,
    AttemptFailed: ({ failure, towerId }) => `tower ${towerId}: ${failure.message}`,
    VisitFailed: ({ blamed, restsUntil, towerId }) =>
      `tower ${towerId}: gave no session${blamed ? "" : ", which is not its fault"}; stands behind the others until ${time(restsUntil)}`,
    VisitInterrupted: ({ towerId }) => `tower ${towerId}: is asked no longer`,
    Quarantined: ({ probeAt, reason, towerId }) =>
      `tower ${towerId}: is left out for this policy, since ${permanentReasons[reason]}; is asked again after ${time(probeAt)}, or when it is added again`,
    SessionStored: ({ session }) => storedLine(session),
    RoundEnded: silent,
    SessionDelivered: silent,
    BackingOff: ({ until }) => `no tower gave a session; waits until ${time(until)}`,
    WaitingForCandidates: () => "no tower can be asked; waits until one is added, or may be asked again",
    Woken: () => "a tower or an address was added; asks again",
    Delivering: silent,
    Idle: silent,
    WriteFailed: ({ failure, towerId }) =>
      `tower ${towerId}: what is known about it was not written: ${failure.message}`,
    Stopped: ({ cause }) =>
      `a bug has ended the negotiator, which gives no more sessions: ${cause instanceof Error ? cause.message : String(cause)}`
  })

const about = (towerId: number, what: string | undefined): string | undefined =>
  what === undefined ? undefined : `tower ${towerId}: ${what}`
