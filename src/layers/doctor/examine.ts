/**
 * The doctor: looks at a tower, and says what is the matter with it. `wtclient doctor` and the service ask it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as BlobType from "../../schema/BlobType.js"
import * as Chain from "../../schema/Chain.js"
import type { DoctorReport, TriedSession } from "../../schema/DoctorReport.js"
import type { FeeRate } from "../../schema/FeeRate.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import type { Policy } from "../../schema/Policy.js"
import type { TowerUri } from "../../schema/TowerUri.js"
import { TowerTransport } from "../../services/TowerTransport.js"
import { addressTimes } from "./addressTimes.js"
import { diagnose, faultOf, verdictOf } from "./diagnosis.js"
import { linesOf } from "./lines.js"
import { type Trial, trial } from "./trial.js"

/** What is looked at. The verdict is about the first policy. @since 0.1.0 @category models */
export interface Question {
  readonly uri: TowerUri
  readonly chain: Chain.AnyChain
  readonly policies: readonly [Policy<FeeRate>, ...ReadonlyArray<Policy<FeeRate>>]
  /** Is a session asked for of each policy, and deleted again? */
  readonly create: boolean
}

/** Runs a part of the look; `what` it does goes behind a subject, as in "wtclient connects to ...". @since 0.1.0 @category models */
export type During = <A, E, R>(what: string, part: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const sessionOf = ({ blobType, ...found }: Trial): TriedSession => ({
  blobType,
  blobTypeName: BlobType.nameOf(blobType),
  given: found._tag !== "Refused",
  deleted: found._tag === "Given",
  millis: found._tag === "Refused" ? undefined : found.millis,
  message: found._tag === "Given" ? undefined : found.failure.message
})

/** Looks at a tower. Keys that are thrown away stand in for session keys, so no key of the client is shown. @since 0.1.0 @category constructors */
export const examine = (
  { chain, create, policies, uri }: Question,
  during: During = (_, part) => part
): Effect.Effect<DoctorReport, InvalidOptions, TowerTransport> =>
  Effect.gen(function* () {
    const { route } = yield* TowerTransport
    const [{ blobType }] = policies
    // A proxy looks names up itself.
    const timing = route === "clear" ? addressTimes(uri.address) : Effect.succeed([])
    const [addresses, diagnosis] = yield* during(
      `connects to ${uri.address}`,
      Effect.all([timing, diagnose(uri, chain, blobType)], { concurrency: 2 })
    )
    const isTried = create && diagnosis.failure === undefined
    const trials = yield* Effect.forEach(isTried ? policies : [], (policy, at) =>
      during(
        `asks for a session of type ${BlobType.nameOf(policy.blobType)}, ${at + 1} of ${policies.length}`,
        trial(uri, chain, policy)
      )
    )
    const { init, steps } = diagnosis
    const findings = { ...diagnosis, trials }
    return {
      fault: faultOf(findings),
      verdict: verdictOf(findings, BlobType.nameOf(blobType)),
      lines: linesOf({ diagnosis, addresses, trials }),
      tower: uri,
      addresses,
      steps,
      chain: init && Chain.nameOf(init.chainHash),
      features: init?.features,
      sessions: trials.map(sessionOf)
    }
  })
