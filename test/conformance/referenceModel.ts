/**
 * The reference negotiator as a plain sequential program, written from docs/negotiation.md, The reference, alone and
 * without any of our code: what it did with a scenario, in the form of a recorded run. It reproduces all recorded runs,
 * so it can stand in for the Go program where none was recorded.
 */
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"

export interface Scenario {
  readonly minBackoffMs: number
  readonly maxBackoffMs: number
  readonly blobType: number
  readonly maxUpdates: number
  readonly rewardBase: number
  readonly rewardRate: number
  readonly sweepFeeRate: number
  readonly chainHash: string
  readonly towers: ReadonlyArray<{
    readonly id: number
    readonly addresses: ReadonlyArray<string>
    readonly outcomes: ReadonlyArray<string>
    readonly latencyMs: number
    readonly later: boolean
  }>
  readonly changes: ReadonlyArray<{
    readonly op: string
    readonly atMs: number
    readonly tower: number
    readonly addresses: ReadonlyArray<string>
  }>
  readonly keyIndexFailures: { readonly [tower: string]: number }
  readonly deriveFailures: number
  readonly persistFailures: number
  readonly requestsBeforeStart: number
  readonly requestsMs: ReadonlyArray<number>
  readonly consumeFromMs: number | null
  readonly consumeEveryMs: number
  readonly stopAtMs: number
}

type Event = { readonly [field: string]: unknown }

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0")

/** Thrown when the run is over. */
class Stopped extends Error {}

/** What the reference does up to `stopAtMs`. */
export const run = (scenario: Scenario) => {
  const negotiator: Array<Event> = []
  const delivered: Array<Event> = []
  const towers = new Map(scenario.towers.map((tower) => [tower.id, tower]))

  let now = 0
  let pending = 0
  let buffered = 0
  let isDelivering = false

  const emit = (op: string, fields: Event = {}) => {
    if (now >= scenario.stopAtMs) throw new Stopped()
    negotiator.push({ t: now, op, ...fields })
  }

  // The reference's candidate list: a queue that is purged lazily, and a cursor that points at an element or nowhere.
  const queue: Array<number> = []
  const candidates = new Map<number, Array<string>>()
  let cursor: number | undefined

  const reset = () => {
    cursor = queue.length > 0 ? 0 : undefined
  }
  const next = (): number | undefined => {
    while (cursor !== undefined) {
      const id = queue[cursor] ?? 0
      if (candidates.has(id)) {
        cursor = cursor + 1 < queue.length ? cursor + 1 : undefined
        return id
      }
      queue.splice(cursor, 1)
      if (cursor >= queue.length) cursor = undefined
    }
    return undefined
  }
  const change = ({ addresses, op, tower }: Scenario["changes"][number]) => {
    const known = candidates.get(tower)
    if (op === "removeCandidate") candidates.delete(tower)
    else if (op === "removeAddress")
      candidates.set(
        tower,
        (known ?? []).filter((one) => !addresses.includes(one))
      )
    else if (known === undefined) {
      candidates.set(tower, [...addresses])
      queue.push(tower)
      cursor ??= queue.length - 1
    } else for (const one of addresses) if (!known.includes(one)) known.unshift(one)
    if (op === "removeAddress" && known === undefined) candidates.delete(tower)
  }

  const actions = [
    ...scenario.changes.map((one) => ({ at: one.atMs, run: () => change(one), isRequest: false })),
    ...scenario.requestsMs.map((at) => ({
      at,
      run: () => {
        if (isDelivering) buffered = 1
        else pending += 1
      },
      isRequest: true
    }))
  ].sort((a, b) => a.at - b.at)

  const advance = (to: number) => {
    for (let first = actions[0]; first !== undefined && first.at <= to; first = actions[0]) {
      actions.shift()
      first.run()
    }
    now = Math.max(now, to)
    if (now >= scenario.stopAtMs) throw new Stopped()
  }

  const reserved = new Map<number, number>()
  const reserveFailures = new Map(Object.entries(scenario.keyIndexFailures).map(([id, count]) => [Number(id), count]))
  const attempts = new Map<number, number>()
  let { deriveFailures, persistFailures } = scenario
  let lastIndex = 0
  const features = (scenario.blobType & 4) !== 0 ? "000105" : "000101"
  const init = `0258${features}${scenario.chainHash}`
  const create = [
    "025a",
    hex(scenario.blobType, 4),
    hex(scenario.maxUpdates, 4),
    hex(scenario.rewardBase, 8),
    hex(scenario.rewardRate, 8),
    hex(scenario.sweepFeeRate, 16)
  ].join("")

  /** The reference's `tryAddress`. */
  const tryAddress = (tower: number, address: string, index: number): boolean => {
    const { latencyMs = 0, outcomes = [] } = towers.get(tower) ?? {}
    const number = attempts.get(tower) ?? 0
    attempts.set(tower, number + 1)
    const [step, kind, ...details] = (outcomes[Math.min(number, outcomes.length - 1)] ?? "ok").split(":")
    const hangs = () => kind === "hang" && advance(now + Number(details[0]))
    const wrongTypes: { readonly [kind: string]: number } = { wrongType: 605, errorMessage: 601 }

    emit("dial", { tower, address, key: publicKeyOf(index) })
    advance(now + latencyMs)
    if (step === "dial") {
      hangs()
      emit("dialFailed", { tower })
      return false
    }
    for (const [sending, reading, message] of [
      ["sendInit", "init", init],
      ["sendCreate", "reply", create]
    ] as const) {
      emit("send", { tower, message })
      if (step === sending) {
        hangs()
        return false
      }
      advance(now + latencyMs)
      if (step === reading && (kind === "eof" || kind === "hang")) {
        hangs()
        emit("readFailed", { tower })
        return false
      }
      if (step === reading && kind !== "code") {
        emit("receive", { tower, type: wrongTypes[kind ?? ""] ?? 600 })
        return false
      }
      if (reading === "init") emit("receive", { tower, type: 600 })
    }
    const [code = 0, lastApplied = 0] = step === "reply" ? details.slice(0, 2).map(Number) : []
    emit("receive", { tower, type: 603, code, lastApplied })
    if (code !== 0 && code !== 60) return false
    if (persistFailures > 0) {
      persistFailures -= 1
      emit("persist", { tower, index, error: true })
      return false
    }
    const { blobType, maxUpdates } = scenario
    const reward = step === "reply" ? (details[2] ?? "") : ""
    emit("persist", { tower, index, blobType, maxUpdates, reward, seqNum: 0, lastApplied: 0 })
    reserved.delete(tower)
    return true
  }

  /** The reference's negotiate task. */
  const negotiate = () => {
    let backoff = 0
    const grow = () => {
      backoff = backoff === 0 ? scenario.minBackoffMs : Math.min(2 * backoff, scenario.maxBackoffMs)
    }
    for (;;) {
      if (backoff > 0) advance(now + backoff)
      for (;;) {
        const tower = next()
        if (tower === undefined) {
          emit("exhausted")
          emit("reset")
          reset()
          grow()
          break
        }
        emit("next", { tower })
        const failures = reserveFailures.get(tower) ?? 0
        if (failures > 0) {
          reserveFailures.set(tower, failures - 1)
          emit("reserve", { tower, error: true })
          continue
        }
        const index = reserved.get(tower) ?? ++lastIndex
        reserved.set(tower, index)
        emit("reserve", { tower, index })
        const addresses = [...(candidates.get(tower) ?? [])]
        if (addresses.length === 0) {
          grow()
          break
        }
        if (deriveFailures > 0) {
          deriveFailures -= 1
          emit("derive", { family: 8, index, error: true })
          grow()
          break
        }
        emit("derive", { family: 8, index })
        if (addresses.some((address) => tryAddress(tower, address, index))) return { tower, index }
        grow()
        break
      }
    }
  }

  /** The reference's dispatcher. */
  try {
    for (const tower of scenario.towers) {
      if (tower.later) continue
      queue.push(tower.id)
      candidates.set(tower.id, [...tower.addresses])
    }
    reset()
    pending = Math.min(1, scenario.requestsBeforeStart)
    advance(0)
    let ready = scenario.consumeFromMs
    for (;;) {
      if (pending === 0) {
        const request = actions.find((action) => action.isRequest)
        if (request === undefined) break
        advance(request.at)
      }
      const session = negotiate()
      isDelivering = true
      if (ready === null) break
      advance(Math.max(now, ready))
      delivered.push({ t: now, ...session })
      ready = now + scenario.consumeEveryMs
      isDelivering = false
      pending += buffered - 1
      buffered = 0
    }
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
  }
  return { scenario, negotiator, delivered }
}
