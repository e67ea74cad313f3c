import { assert, describe, it } from "@effect/vitest"
import { serviceLines } from "../../../src/cli/support/serviceLines.js"
import { publicKeyOf } from "../../../src/layers/testing/FixedKeyRing.js"
import * as Chain from "../../../src/schema/Chain.js"
import type { ServiceStatus } from "../../../src/schema/http/ServiceStatus.js"
import { KeyIndex, SessionId, TowerId } from "../../../src/schema/Ids.js"
import { Step } from "../../../src/schema/NegotiatorEvent.js"
import { NegotiatorState } from "../../../src/schema/NegotiatorStatus.js"
import * as Policy from "../../../src/schema/Policy.js"
import * as TowerAddress from "../../../src/schema/TowerAddress.js"
import { SessionActivity } from "../../../src/schema/TowerClientStatus.js"
import { DialFailed } from "../../../src/schema/TransportError.js"

const now = Date.UTC(2027, 0, 15, 8)
const address = TowerAddress.TowerAddress.make("tower.example:9911")
const policy = Policy.defaults(Chain.bitcoinRegtest)
const tower = { towerId: TowerId.make(2), tower: publicKeyOf(2) }

const statusOf = (pending: number, state: NegotiatorState, sessions: ServiceStatus["client"]["sessions"] = []) => ({
  version: "1.2.3",
  chain: "bitcoin" as const,
  network: "regtest",
  startedAt: now - 60_000,
  client: { role: "sender" as const, sessions, wanted: [], restingTowers: [] },
  negotiators: [{ policy, spare: 1, status: { pending, undelivered: 0, state } }]
})

const lines = (...given: Parameters<typeof statusOf>) => serviceLines(statusOf(...given), now).slice(1)

describe("the lines of a service", () => {
  it("say how long it runs, that it sends, and that nothing is asked for", () => {
    assert.deepStrictEqual(serviceLines(statusOf(0, NegotiatorState.Idle()), now), [
      "The service was started at 2027-01-15T07:59:00.000Z (1m ago); it sends the backups.",
      "  nothing is asked for"
    ])
  })

  it("say which tower is at which step, for each request", () => {
    const attempts = Step.literals.map((step) => ({ ...tower, address, step, since: now - 3_000 }))
    const [first, ...others] = lines(1, NegotiatorState.Negotiating({ attempts }))
    assert.strictEqual(first, "  1 request for sessions of type anchor")
    assert.strictEqual(others.length, Step.literals.length)
    assert.include(others, "    tower 2 at tower.example:9911: is connected to, since 3s ago")
  })

  it("say until when nothing is tried, and why", () => {
    const until = now + 20_000
    assert.deepStrictEqual(lines(2, NegotiatorState.BackingOff({ until, attempt: 1, failures: [] })), [
      "  2 requests for sessions of type anchor; no tower gave one, and they are asked again at 2027-01-15T08:00:20.000Z (in 20s)"
    ])
    assert.deepStrictEqual(lines(1, NegotiatorState.WaitingForCandidates({ until: undefined })), [
      "  1 request for sessions of type anchor, and no tower can be asked until one is added"
    ])
  })

  it("say what sessions do, and why one rests", () => {
    const session = {
      ...tower,
      session: SessionId.make(publicKeyOf(3)),
      keyIndex: KeyIndex.make(7),
      policyKey: Policy.keyOf(policy),
      since: now - 1_000
    }
    const failure = new DialFailed({ address, reason: "Refused" })
    const found = lines(0, NegotiatorState.Idle(), [
      { ...session, activity: SessionActivity.Sending() },
      { ...session, activity: SessionActivity.Resting({ until: now + 1_000, failure }) },
      { ...session, activity: SessionActivity.Resting({ until: now - 1_000, failure }) }
    ])
    assert.match(found[1] ?? "", /^ {2}session [0-9a-f]{16}… at tower 2: sends since 1s ago$/)
    assert.include(found[2], `rests until 2027-01-15T08:00:01.000Z (in 1s): ${failure.message}`)
    // It can stay so for weeks: a session that has nothing to send is not tried again.
    assert.include(found[3], `is tried again once it is needed: ${failure.message}`)
  })
})
