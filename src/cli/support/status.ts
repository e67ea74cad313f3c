/**
 * How a client stands, from its database: what sessions it has, and for each tower whether it can be asked, and if not, why,
 * until when, and what would end it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import type { DbError } from "../../schema/DbError.js"
import type { FeeRate } from "../../schema/FeeRate.js"
import { ServiceStatus } from "../../schema/http/ServiceStatus.js"
import type { Policy } from "../../schema/Policy.js"
import type { ClientDb } from "../../services/ClientDb.js"
import { nextLines } from "./commandText.js"
import type { Proposal } from "./policyFlags.js"
import { serviceLines } from "./serviceLines.js"
import { standingLines, type TowerStatus, towerStatusJson, towerStatusOf } from "./towerStatus.js"
import { short } from "./views.js"

/** How a client stands for a policy at an instant. @since 0.1.0 @category models */
export interface Status {
  readonly now: number
  readonly policy: Policy<FeeRate>
  /** The flags that ask for this policy, as words of a command. */
  readonly policyWords: ReadonlyArray<string>
  readonly sessions: ReadonlyArray<ClientDb.SessionCounts>
  readonly towers: ReadonlyArray<TowerStatus>
  /** What the service of this client says, where it was asked and runs. */
  readonly service?: ServiceStatus | undefined
}

/** How a client stands now, by its database. To count the sessions takes as long as there are many. @since 0.1.0 @category constructors */
export const loadStatus = (
  db: ClientDb.Service,
  proposal: Proposal,
  policyWords: ReadonlyArray<string>,
  countSessions: ClientDb.Service["countClientSessions"] = db.countClientSessions
): Effect.Effect<Status, DbError> =>
  Effect.gen(function* () {
    const sessions = yield* countSessions
    const towers = (yield* db.listTowers).map(yield* towerStatusOf(db, proposal))
    return { policy: proposal.policy, policyWords, now: yield* Clock.currentTimeMillis, sessions, towers }
  })

/** Why this client has no protection, or can get none. `next`: the words of a command that helps. @since 0.1.0 @category models */
export interface Trouble {
  readonly sentence: string
  readonly next: ReadonlyArray<string>
}

/** What is the matter with this client; undefined where all is well. @since 0.1.0 @category combinators */
export const trouble = (status: Status): Trouble | undefined => {
  const { policy, policyWords, sessions, towers } = status
  const isAnyAsked = towers.some(({ readiness: { _tag } }) => _tag !== "IsLeftOut" && _tag !== "IsDeactivated")
  // Without a tower that can be asked, negotiate fails.
  const next = isAnyAsked ? ["negotiate", ...policyWords] : ["add", "PUBLICKEY@HOST"]
  if (!sessions.some((one) => one.blobType === policy.blobType && one.usable > 0)) {
    return { sentence: `No session of type ${BlobType.nameOf(policy.blobType)} can take updates.`, next }
  }
  if (towers.length === 0) return { sentence: "No tower is known.", next }
  if (isAnyAsked) return undefined
  const deactivated = towers.filter(({ readiness }) => readiness._tag === "IsDeactivated").length
  const sentence =
    deactivated === 0
      ? "Every tower refuses this policy, and is left out for now."
      : deactivated === towers.length
        ? "Every tower is deactivated."
        : "Every tower is deactivated, or refuses this policy and is left out for now."
  return { sentence, next }
}

/** The status for programs; times are ISO 8601. @since 0.1.0 @category combinators */
export const statusJson = (status: Status) => ({
  trouble: trouble(status)?.sentence,
  policy: { ...status.policy, blobTypeName: BlobType.nameOf(status.policy.blobType) },
  sessions: status.sessions.map((one) => ({ ...one, blobTypeName: BlobType.nameOf(one.blobType) })),
  towers: status.towers.map(towerStatusJson),
  service: status.service && Schema.encodeSync(ServiceStatus)(status.service)
})

/** The sessions of a blob type, in numbers. @since 0.1.0 @category combinators */
export const countLine = ({ blobType, full, inactive, left, lost, terminal, usable }: ClientDb.SessionCounts): string =>
  [
    `Sessions of type ${BlobType.nameOf(blobType)}: ${usable} that can take updates (${left} left), ${full} full, ${inactive} inactive`,
    ...(terminal === 0 ? [] : [`${terminal} given up`]),
    ...(lost === 0 ? [] : [`${lost} lost`])
  ].join(", ")

const towerLines = (status: TowerStatus, now: number): ReadonlyArray<string> => [
  `Tower ${status.tower.id}, ${short(status.tower.publicKey)}, at ${status.tower.addresses.join(", ")}`,
  ...standingLines(status, now).map((line) => `  ${line}`)
]

/** The status for people. @since 0.1.0 @category combinators */
export const statusLines = (
  status: Status,
  chain: Chain.AnyChain,
  command: (...words: ReadonlyArray<string>) => string
): ReadonlyArray<string> => {
  const { now, policy, service, sessions, towers } = status
  const counted = sessions.map(countLine)
  const found = trouble(status)
  const next = found === undefined ? [] : nextLines([command(...found.next)])
  return [
    `${chain.name} ${chain.network}; policy: ${BlobType.nameOf(policy.blobType)}, ${policy.maxUpdates} updates, ${policy.sweepFeeRate} ${chain.feeUnit}`,
    ...(counted.length === 0 ? ["There are no sessions."] : counted),
    ...(service === undefined
      ? ["Requests for more sessions are not shown: the program that makes them keeps them, and not the database."]
      : ["", ...serviceLines(service, now)]),
    "",
    ...(towers.length === 0 ? ["There are no towers."] : towers.flatMap((tower) => towerLines(tower, now))),
    ...(towers.length === 0 || next.length === 0 ? next : ["", ...next])
  ]
}
