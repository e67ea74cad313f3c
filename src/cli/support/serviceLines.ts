/**
 * What a running service does, as lines for people.
 *
 * @since 0.1.0
 */
import * as BlobType from "../../schema/BlobType.js"
import type { NegotiatorReport, ServiceStatus } from "../../schema/http/ServiceStatus.js"
import type { Step } from "../../schema/NegotiatorEvent.js"
import { NegotiatorState } from "../../schema/NegotiatorStatus.js"
import { SessionActivity, type SessionStatus } from "../../schema/TowerClientStatus.js"
import { away, inShort, short } from "./views.js"

const steps: Record<Step, string> = {
  reserving: "a key is reserved",
  deriving: "its key is derived",
  dialling: "is connected to",
  handshaking: "shakes hands",
  sendingInit: "is sent Init",
  receivingInit: "is to send its Init",
  sendingCreateSession: "is proposed the policy",
  receivingReply: "is to answer the proposal",
  storing: "has accepted, and the session is stored",
  hangingUp: "is to hang up"
}

const roles: Record<ServiceStatus["client"]["role"], string> = {
  sender: "it sends the backups",
  waiting: "another process sends the backups",
  stopped: "a bug has ended its sender: start it again"
}

const negotiatorLines = (
  { policy, status: { pending, state } }: NegotiatorReport,
  now: number
): ReadonlyArray<string> => {
  const what = `sessions of type ${BlobType.nameOf(policy.blobType)}`
  const requests = `${pending} ${pending === 1 ? "request" : "requests"} for ${what}`
  return NegotiatorState.$match(state, {
    Idle: () => [],
    Delivering: () => [],
    Negotiating: ({ attempts }) => [
      requests,
      ...attempts.map(
        ({ address, since, step, towerId }) =>
          `  tower ${towerId}${address === undefined ? "" : ` at ${address}`}: ${steps[step]}, since ${inShort(since, now)}`
      )
    ],
    BackingOff: ({ until }) => [`${requests}; no tower gave one, and they are asked again at ${away(until, now)}`],
    WaitingForCandidates: ({ until }) =>
      pending === 0
        ? []
        : [
            `${requests}, and no tower can be asked${until === undefined ? "" : ` until ${away(until, now)}, or`} until one is added`
          ],
    Stopped: () => [`A bug has ended what gets ${what}: start the service again`]
  })
}

const sessionLine = ({ activity, session, since, towerId }: SessionStatus, now: number): string => {
  const doing = SessionActivity.$match(activity, {
    Connecting: () => `connects since ${inShort(since, now)}`,
    Sending: () => `sends since ${inShort(since, now)}`,
    Idle: () => "has nothing to send",
    Resting: ({ failure, until }) => {
      const next = until > now ? `rests until ${away(until, now)}` : "is tried again once it is needed"
      return failure === undefined ? next : `${next}: ${failure.message}`
    }
  })
  return `session ${short(session)} at tower ${towerId}: ${doing}`
}

/** What it does now: requests for sessions, what is tried for them, and what sessions do. @since 0.1.0 @category combinators */
export const serviceLines = ({ client, negotiators, startedAt }: ServiceStatus, now: number): ReadonlyArray<string> => {
  const asked = negotiators.flatMap((one) => negotiatorLines(one, now))
  const lines = [
    ...(asked.length === 0 ? ["nothing is asked for"] : asked),
    ...client.sessions.map((one) => sessionLine(one, now))
  ]
  return [
    `The service was started at ${away(startedAt, now)}; ${roles[client.role]}.`,
    ...lines.map((line) => `  ${line}`)
  ]
}
