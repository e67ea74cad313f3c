/**
 * Random worlds: whatever towers, database, key ring and callers do, and wherever fibers take turns, the guarantees hold after
 * each event, every caller is served once all is well, and nothing is left after the close.
 *
 * `WORLDS=n` runs that many (`npm run test:deep`: 1,500), `WORLD_SEED=n` that one alone.
 */
import { setImmediate } from "node:timers/promises"
import { expect, it } from "@effect/vitest"
import { shrink } from "../../guarantees/shrink.js"
import * as Plan from "./random/plan.js"
import { report } from "./random/report.js"
import { run } from "./random/run.js"
import { smaller } from "./random/smaller.js"

const seed = process.env.WORLD_SEED
const count = seed === undefined ? Number(process.env.WORLDS ?? 300) : 1
const first = Number(seed ?? 1)

/** What 500 worlds must have met: otherwise they are too tame. */
const happenings = [
  ["AttemptFailed", "BackingOff", "Delivering", "Demand", "Idle", "KeyReserved", "KeyShown", "KeyUsed", "Quarantined"],
  ["RewardIgnored", "RoundEnded", "RoundStarted", "SessionDelivered", "SessionStored", "StepStarted", "VisitFailed"],
  ["VisitInterrupted", "VisitStarted", "WaitingForCandidates", "Woken", "WriteFailed"]
].flat()
const failures = [
  ["ConnectionEnded", "DatabaseUnavailable", "DialFailed", "GarbledFrame", "HandshakeFailed", "KeyRingError"],
  [
    "LeaseExpired",
    "MalformedMessage",
    "MessageTimeout",
    "NoTowerAddrs",
    "OnionWithoutProxy",
    "OwnTimeout",
    "Overtaken"
  ],
  ["PermanentTowerFailure", "RewardScriptTooLong", "SessionKeyAlreadyUsed", "SessionRejected", "StoreOutcomeUnknown"],
  ["TowerErrorMessage", "UnexpectedMessage", "VisitTimeout"]
].flat()

it(`${count} random worlds from ${first} on`, { timeout: 1_000_000 }, async () => {
  const { stackTraceLimit } = Error
  // Thousands of failures on purpose: their traces cost more than the worlds.
  Error.stackTraceLimit = 0
  const met = new Set<string>()
  for (let world = first; world < first + count; world++) {
    // A worker that never waits is taken for dead by Vitest.
    if (world % 50 === 0) await setImmediate()
    const plan = Plan.make(world)
    const { events, violations } = run(plan)
    if (violations.length > 0) throw new Error(report(plan, violations))
    for (const { happening } of events) {
      met.add(happening._tag)
      if (happening._tag === "AttemptFailed") met.add(happening.failure._tag)
    }
  }
  Error.stackTraceLimit = stackTraceLimit
  if (count >= 500) expect([...met].sort()).toEqual([...happenings, ...failures].sort())
})

it("a failing world is made smaller until all that is left is needed", () => {
  const isBad = ({ actions, towers }: Plan.Plan) => towers.length >= 2 && actions.some(({ what }) => what === "next")
  const plan = Array.from({ length: 100 }, (_, i) => Plan.make(i)).find((plan) => {
    return isBad(plan) && plan.towers.length > 3 && plan.faults.length > 0 && plan.actions.length > 3
  })
  if (plan === undefined) throw new Error("no such plan")
  const small = shrink(plan, smaller, isBad)
  expect(small.towers.length).toBe(2)
  expect(small.actions.map(({ what }) => what)).toEqual(["next"])
  expect(small.faults).toEqual([])
  expect([small.stop, small.yieldEvery]).toEqual([null, null])
})
