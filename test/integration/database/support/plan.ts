import { Schema } from "effect"
import { atOneOf } from "./breakpoint.js"

/** Where a client can be killed or stopped, in the order of a visit. */
export const breakpoints = [
  "reserve",
  "dial",
  "act one",
  "act two",
  "act three",
  "Init sent",
  "Init",
  "CreateSession",
  "reply",
  "in the transaction",
  "at COMMIT",
  "store",
  "delivery"
] as const
export type Breakpoint = (typeof breakpoints)[number]

/** What a client does. */
export const Plan = Schema.Struct({
  /** The path of a SQLite file, or the URL of a Postgres database. */
  where: Schema.String,
  /** The URIs of the towers that it adds. */
  towers: Schema.Array(Schema.String),
  /** How many sessions it takes (default: no limit). */
  sessions: Schema.optional(Schema.Number),
  /** Begins when it reads a line. */
  waits: Schema.optional(Schema.Boolean),
  storeTimeoutMs: Schema.optional(Schema.Number),
  reserveNext: Schema.optional(Schema.Boolean),
  at: Schema.optional(atOneOf(breakpoints))
})
export type Plan = typeof Plan.Type

/** What a client says: what it, towers and its user know by then; `error` is one that its database answered. */
export const words = [
  "ready",
  "reserved",
  "shown",
  "accepted",
  "stored",
  "delivered",
  "stops",
  "continues",
  "error",
  "failed"
] as const
export type Word = (typeof words)[number]
