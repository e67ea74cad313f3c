import { readdirSync, readFileSync } from "node:fs"
import { setImmediate } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import * as seeded from "../seeded.js"
import * as Model from "./referenceModel.js"
import { check } from "./traces.js"

const folder = new URL("../fixtures/traces/", import.meta.url)

/**
 * A scenario by its seed. Times of different actors never meet: latencies, waits and rests are whole seconds, and each
 * request and change has a millisecond of its own that the negotiator inherits from the request that started it.
 */
const scenarioOf = (seed: number): Model.Scenario => {
  const draw = seeded.make(seed)
  const upTo = (count: number) => Math.floor(draw() * count)
  const pick = <A>(first: A, ...rest: ReadonlyArray<A>): A => [first, ...rest][upTo(rest.length + 1)] ?? first
  const some = <A>(count: number, one: (i: number) => A) => Array.from({ length: count }, (_, i) => one(i))
  const second = 1000

  const outcome = (): string => {
    if (draw() < 0.4) return "ok"
    const [step, kind] = pick(
      ...([
        "dial:error",
        "sendInit:error",
        "sendCreate:error",
        "init:eof",
        "init:wrongType",
        "init:errorMessage"
      ] as const),
      ...(["dial:hang", "sendInit:hang", "sendCreate:hang", "init:hang", "reply:hang", "init:chain"] as const),
      ...(["init:unknownRequired", "reply:eof", "reply:wrongType", "reply:errorMessage", "reply:code"] as const)
    ).split(":")
    if (kind === "hang") return `${step}:hang:${pick(1, 5, 15, 60, 130) * second}`
    if (kind !== "code") return `${step}:${kind}`
    const code = pick(0, 40, 50, 60, 61, 62, 63, 64, 65, 70, 80, 65535)
    return ["reply:code", code, pick(0, 1, 300), ...pick([], ["aa".repeat(25)], ["00".repeat(1100)])].join(":")
  }

  const towers = some(upTo(5), (i) => ({
    id: i + 1,
    addresses: some(pick(0, 1, 1, 1, 2, 3), (j) => `10.0.${i + 1}.${j + 1}:9911`),
    outcomes: some(1 + upTo(5), outcome),
    latencyMs: pick(0, 0, 1, 2) * second,
    later: draw() < 0.25
  }))
  const span = pick(60, 600, 3600)
  const change = (j: number) => {
    const tower = 1 + upTo(towers.length)
    const op = pick("addCandidate", "addCandidate", "removeCandidate", "removeAddress")
    const address = () => `10.0.${tower}.${1 + upTo(4)}:9911`
    const added = op === "addCandidate" ? [...new Set(some(1 + upTo(3), address))] : []
    return {
      op,
      atMs: (1 + upTo(span)) * second + 500 + j,
      tower,
      addresses: op === "removeAddress" ? [address()] : added
    }
  }
  return {
    minBackoffMs: pick(1, 10, 10, 400) * second,
    maxBackoffMs: pick(5, 300) * second,
    blobType: pick(0, 2, 2, 3, 6, 7, 10),
    maxUpdates: pick(0, 1024),
    rewardBase: pick(0, 5),
    rewardRate: pick(0, 10_000),
    sweepFeeRate: pick(0, 10_000),
    chainHash: "80d9212bf4ceb066ded2866b39d4ed89e0ab60f335c11df8e7bf85d9c35c8e29",
    towers,
    changes: towers.length === 0 ? [] : some(upTo(7), change),
    keyIndexFailures: Object.fromEntries(towers.map(({ id }) => [id, pick(0, 0, 0, 1, 3)])),
    deriveFailures: pick(0, 0, 0, 1, 3),
    persistFailures: pick(0, 0, 0, 1, 3),
    requestsBeforeStart: pick(0, 0, 1, 3),
    requestsMs: some(upTo(11), (j) => upTo(span) * second + j + 1),
    consumeFromMs: pick<number | null>(0, 0, 0, 30_900, null),
    consumeEveryMs: pick(0, 0, 5) * second,
    stopAtMs: pick(span, Math.floor(span / 2), 3600) * second + 999
  }
}

describe("the model of the reference", () => {
  it.each(readdirSync(folder))("is the recorded program: %s", (file) => {
    const recorded = JSON.parse(readFileSync(new URL(file, folder), "utf8"))
    const untilStop = (events: ReadonlyArray<{ readonly t: number }>) =>
      events.filter((event) => event.t < recorded.scenario.stopAtMs)
    const { delivered, negotiator } = Model.run(recorded.scenario)
    assert.deepStrictEqual(
      { delivered, negotiator },
      { delivered: untilStop(recorded.delivered), negotiator: untilStop(recorded.negotiator) }
    )
  })

  const first = Number(process.env.REFERENCE_SEED ?? 0)
  const count = Number(process.env.REFERENCE_RUNS ?? 20)
  it(`is what our negotiator is under its rules, in ${count} scenarios that were never recorded`, async () => {
    for (let seed = first; seed < first + count; seed++) {
      await setImmediate()
      const differences = check(Model.run(scenarioOf(seed)), `REFERENCE_SEED=${seed}`).filter((result) => !result.ok)
      assert.deepStrictEqual(differences, [])
    }
  }, 600_000)
})
