import { Schema } from "effect"
import { atOneOf } from "../../support/breakpoint.js"

/** Where a tower client can be killed or stopped, in the order in which a state comes there. */
export const breakpoints = [
  "state checked",
  "storing the state",
  "state stored",
  "session taken",
  "window asked for",
  "binding",
  "window bound",
  "update sent",
  "reply read",
  "acking",
  "at COMMIT",
  "acks stored",
  "copy reported",
  "question sent",
  "question answered",
  "session exhausted",
  "session given up",
  "moved",
  "session terminal"
] as const
export type Breakpoint = (typeof breakpoints)[number]

/** What a tower client does. */
export const Plan = Schema.Struct({
  /** The path of a SQLite file, or the URL of a Postgres database. */
  where: Schema.String,
  /** The URIs of the towers that it adds. */
  towers: Schema.Array(Schema.String),
  /** The number of the channel whose states it hands in. */
  channel: Schema.Number,
  /** It hands in the states from this height on. */
  from: Schema.Number,
  /** How many (default: no limit). */
  states: Schema.optional(Schema.Number),
  /** How far its clocks are ahead when it begins. */
  aheadMs: Schema.optional(Schema.Number),
  /** How long it waits for the database. */
  storeTimeoutMs: Schema.optional(Schema.Number),
  /** It waits for the copies of the last one, and ends. */
  awaits: Schema.optional(Schema.Boolean),
  /** When it has bound something for the first time, it gives that session up, or removes the session's tower. */
  atFirstWindow: Schema.optional(Schema.Literal("gives up", "removes tower")),
  at: Schema.optional(atOneOf(breakpoints))
})
export type Plan = typeof Plan.Type

/** What a tower client says; a state is `accepted` when `backupState` has succeeded. */
export const words = [
  "ready",
  "sends",
  "waits",
  "locked",
  "accepted",
  "frame",
  "complete",
  "stops",
  "continues",
  "failed"
] as const
export type Word = (typeof words)[number]

/** How many towers shall have each state, and how many updates a session has. */
export const copies = 2
export const maxUpdates = 5
