/** The service as the page sees it: what it is asked, and what it is told to do. @since 0.1.0 */
import type {
  ChannelPage,
  DoctorReport,
  History,
  ServiceStatus,
  SessionPage,
  TowerReport
} from "../schema/http/WatchtowerApi.js"
import type { WaitingStates } from "../schema/TowerClientStatus.js"

/** The types of JSON, before it is decoded: the schemas themselves would make the page ten times as large. @since 0.1.0 @category models */
export type Status = typeof ServiceStatus.Encoded
/** @since 0.1.0 @category models */
export type Tower = typeof TowerReport.Encoded
/** @since 0.1.0 @category models */
export type Session = (typeof SessionPage.Encoded)["sessions"][number]
/** @since 0.1.0 @category models */
export type Waiting = typeof WaitingStates.Encoded
/** A channel, and why its states miss copies. @since 0.1.0 @category models */
export type Channel = (typeof ChannelPage.Encoded)["channels"][number] & { readonly waiting: ReadonlyArray<Waiting> }
/** @since 0.1.0 @category models */
export type Counts = typeof History.Encoded

/** What the doctor found at one address of a tower. @since 0.1.0 @category models */
export type Finding = typeof DoctorReport.Encoded

/** All that the page shows, as it was at one moment. @since 0.1.0 @category models */
export interface Snapshot {
  readonly at: number
  readonly status: Status
  readonly towers: ReadonlyArray<Tower>
  readonly sessions: ReadonlyArray<Session>
  readonly channels: ReadonlyArray<Channel>
  readonly history: Counts
  /** Are there more sessions, or channels, than are shown? */
  readonly isCut: { readonly sessions: boolean; readonly channels: boolean }
}

/** The service has answered with an error. @since 0.1.0 @category errors */
export class Refused extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The most sessions and channels that are shown: a table of more is read by nobody. */
const most = 200

const refusal = async (response: Response): Promise<Refused> => {
  const body: unknown = await response.json().catch(() => undefined)
  const isError = typeof body === "object" && body !== null && "message" in body
  return new Refused(response.status, isError ? String(body.message) : `The service answered ${response.status}.`)
}

const answerTo = async (path: string, init: RequestInit = {}): Promise<Response> => {
  const response = await fetch(path, init)
  if (!response.ok) throw await refusal(response)
  return response
}

/** The type is that of the endpoint: page and service are of one version, and are loaded together. */
const read = async <A>(path: string): Promise<A> => (await answerTo(path)).json() as Promise<A>

/** The most channels whose reasons are asked for, each by a request. */
const mostReasons = 20

const withReasons = (channels: ReadonlyArray<Omit<Channel, "waiting">>): Promise<ReadonlyArray<Channel>> => {
  const waiting = channels.filter(({ missing }) => missing > 0).slice(0, mostReasons)
  return Promise.all(
    channels.map(async (one) => ({
      ...one,
      waiting: waiting.includes(one) ? await read<ReadonlyArray<Waiting>>(`/v1/channels/${one.channel.id}/waiting`) : []
    }))
  )
}

/** Asks for everything. @since 0.1.0 @category combinators */
export const load = async (): Promise<Snapshot> => {
  const [status, towers, sessions, channels, history] = await Promise.all([
    read<Status>("/v1/status"),
    read<ReadonlyArray<Tower>>("/v1/towers"),
    read<typeof SessionPage.Encoded>(`/v1/sessions?limit=${most}`),
    read<typeof ChannelPage.Encoded>(`/v1/channels?limit=${most}`),
    read<Counts>("/v1/history")
  ])
  return {
    at: Date.now(),
    status,
    towers,
    sessions: sessions.sessions,
    channels: await withReasons(channels.channels),
    history,
    isCut: { sessions: sessions.next !== undefined, channels: channels.next !== undefined }
  }
}

const post = (path: string, body: unknown): Promise<Response> =>
  answerTo(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })

/** Adds a tower, or an address of it; a tower that is left out or deactivated is asked again. @since 0.1.0 @category combinators */
export const addTower = (tower: string): Promise<Response> => post("/v1/towers", { tower })

/** @since 0.1.0 @category combinators */
export const removeTower = (publicKey: string): Promise<Response> =>
  answerTo(`/v1/towers/${publicKey}`, { method: "DELETE" })

/** Asks the doctor about a tower at one address; the answer can take minutes. @since 0.1.0 @category combinators */
export const askDoctor = async (tower: string): Promise<Finding> =>
  (await post("/v1/doctor", { tower })).json() as Promise<Finding>
