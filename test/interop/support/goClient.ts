/**
 * The real client of lnd or dcrlnd.
 */
import { Effect, Schema } from "effect"
import { HexBytes, SessionId } from "../../../src/schema/Ids.js"
import * as Program from "./program.js"

/** A session as the client's database holds it. */
export const GoSession = Schema.Struct({
  id: SessionId,
  towerId: Schema.Number,
  keyIndex: Schema.Number,
  blobType: Schema.Number,
  maxUpdates: Schema.Number,
  rewardBase: Schema.Number,
  rewardRate: Schema.Number,
  sweepFeeRate: Schema.Number,
  rewardScript: HexBytes,
  seqNum: Schema.Number,
  lastApplied: Schema.Number
})
export type GoSession = typeof GoSession.Type

const Ready = Schema.Struct({ version: Schema.String, sessions: Schema.Array(GoSession) })

export interface Options {
  readonly folder: string
  readonly network: string
  readonly types: ReadonlyArray<number>
  readonly tower?: string
  readonly seed?: string
}

/** Starts one over a folder; it asks for a session of each type as soon as it has a tower. */
export const start = (binary: Exclude<Program.Binary, "lnd-v0.17">, options: Options) =>
  Effect.gen(function* () {
    const program = yield* Program.start(binary, "client", {
      dir: options.folder,
      network: options.network,
      types: options.types.join(","),
      tower: options.tower ?? "",
      seed: options.seed ?? "interop"
    })
    const ready = yield* program.event(Ready, "ready")
    return {
      version: ready.version,
      /** What it had when it started. */
      stored: ready.sessions,
      /** Waits for the next session that it stores. */
      nextSession: program.event(GoSession, "session"),
      /** Waits for the next session that it takes up, to back up to. */
      nextTakenUp: program.event(SessionId, "takenUp"),
      /** How many sessions it negotiated since it started. */
      acquired: program.ask(Schema.Number, "acquired"),
      kill: program.kill
    }
  })
