import { Schema } from "effect"

/** What kind of tower a process is. */
export const TowerPlan = Schema.Struct({
  number: Schema.Number,
  /** 0 takes any that is free. */
  port: Schema.Number,
  file: Schema.String,
  messageTimeoutMs: Schema.Number
})
export type TowerPlan = typeof TowerPlan.Type

/** What a tower says; `refused` with the code when an update was wrong. */
export const towerWords = ["listens", "does", "refused"] as const
export type TowerWord = (typeof towerWords)[number]
