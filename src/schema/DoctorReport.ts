/**
 * What a look at a tower has found: for programs, and in words. `wtclient doctor --json` prints it, and `POST /v1/doctor` answers it
 * (docs/service.md, docs/command-line.md).
 *
 * @since 0.1.0
 * @module
 */
import * as Schema from "effect/Schema"
import { BlobType } from "./BlobType.js"
import { TowerUri } from "./TowerUri.js"
import { DialFailure } from "./TransportError.js"

/** An IP address of a host name, and the milliseconds to the connection; or to its failure, where there is a `reason`. @since 0.1.0 @category models */
export const AddressTime = Schema.Struct({
  ip: Schema.String,
  millis: Schema.Int,
  reason: Schema.optional(DialFailure)
})
/** @since 0.1.0 @category models */
export type AddressTime = typeof AddressTime.Type

/** How far the tower answered as a tower does. @since 0.1.0 @category models */
export const DoctorStep = Schema.Literal("connected", "actTwo", "init")
/** @since 0.1.0 @category models */
export type DoctorStep = typeof DoctorStep.Type

/** What came of asking for a session; `millis` to the tower's reply, `message` where something was wrong. @since 0.1.0 @category models */
export const TriedSession = Schema.Struct({
  blobType: BlobType,
  blobTypeName: Schema.String,
  given: Schema.Boolean,
  deleted: Schema.Boolean,
  millis: Schema.optional(Schema.Int),
  message: Schema.optional(Schema.String)
})
/** @since 0.1.0 @category models */
export type TriedSession = typeof TriedSession.Type

/**
 * `fault` is a name for programs, `none` where nothing is wrong; `verdict` says the same as a sentence, and `lines` what was seen
 * on the way. Milliseconds of `steps` count from the beginning; a step that was not reached is not there.
 *
 * @since 0.1.0
 * @category models
 */
export const DoctorReport = Schema.Struct({
  fault: Schema.String,
  verdict: Schema.String,
  lines: Schema.Array(Schema.String),
  tower: TowerUri,
  addresses: Schema.Array(AddressTime),
  steps: Schema.Array(Schema.Struct({ step: DoctorStep, millis: Schema.Int })),
  chain: Schema.optional(Schema.String),
  features: Schema.optional(Schema.Array(Schema.Int)),
  sessions: Schema.Array(TriedSession)
}).annotations({ identifier: "DoctorReport" })
/** @since 0.1.0 @category models */
export type DoctorReport = typeof DoctorReport.Type
