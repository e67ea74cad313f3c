/** The format of a recorded run: what went in, and what the reference did. */
import { Schema } from "effect"
import { BlobType } from "../../../src/schema/BlobType.js"
import { ChainHash, TowerId } from "../../../src/schema/Ids.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { U16, U32 } from "../../../src/schema/wire/Fields.js"

const Millis = Schema.NonNegative
const Count = Schema.NonNegativeInt

/** A tower: its addresses in the order of trial, and what it does in its attempts; the last outcome repeats. */
export const ScenarioTower = Schema.Struct({
  id: TowerId,
  addresses: Schema.Array(TowerAddress),
  outcomes: Schema.NonEmptyArray(Schema.String),
  latencyMs: Millis,
  later: Schema.Boolean
})
export type ScenarioTower = typeof ScenarioTower.Type

/** What happens to the candidate list. */
export const Change = Schema.Struct({
  op: Schema.Literal("addCandidate", "removeCandidate", "removeAddress"),
  atMs: Millis,
  tower: TowerId,
  addresses: Schema.Array(TowerAddress)
})
export type Change = typeof Change.Type

export const Scenario = Schema.Struct({
  minBackoffMs: Millis,
  maxBackoffMs: Millis,
  blobType: BlobType,
  maxUpdates: U16,
  rewardBase: U32,
  rewardRate: U32,
  sweepFeeRate: Schema.BigIntFromNumber,
  chainHash: ChainHash,
  towers: Schema.Array(ScenarioTower),
  changes: Schema.Array(Change),
  keyIndexFailures: Schema.Record({ key: Schema.String, value: Count }),
  deriveFailures: Count,
  persistFailures: Count,
  requestsBeforeStart: Count,
  requestsMs: Schema.Array(Millis),
  consumeFromMs: Schema.NullOr(Millis),
  consumeEveryMs: Millis,
  stopAtMs: Millis
})
export type Scenario = typeof Scenario.Type

/** One event with all its fields: they are compared in the form of the file. */
export const Event = Schema.Struct({ t: Schema.Number }, { key: Schema.String, value: Schema.Unknown })
export type Event = typeof Event.Type

export const Trace = Schema.Struct({
  scenario: Scenario,
  negotiator: Schema.Array(Event),
  delivered: Schema.Array(Event)
})
export type Trace = typeof Trace.Type
