/** The table of metrics in docs/service.md: what `/metrics` says when everything has happened, and no more. */
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Stream } from "effect"
import { metricsText } from "../../src/layers/http/metricsText.js"
import * as Metrics from "../../src/layers/Metrics.js"
import { session } from "../../src/layers/testing/ScriptedWatchtower.js"
import { ChannelId } from "../../src/schema/Channel.js"
import { DatabaseBusy } from "../../src/schema/DbError.js"
import { VisitTimeout } from "../../src/schema/NegotiationError.js"
import { Happening } from "../../src/schema/NegotiatorEvent.js"
import { NegotiatorState } from "../../src/schema/NegotiatorStatus.js"
import * as Policy from "../../src/schema/Policy.js"
import { Readiness } from "../../src/schema/Readiness.js"
import { CommitHeight } from "../../src/schema/RevokedState.js"
import { Happening as ClientHappening } from "../../src/schema/TowerClientEvent.js"
import { TowerClient } from "../../src/services/TowerClient.js"
import { checkout } from "../package/markdown.js"

const stored = session()
const { id, keyIndex, policy, towerId } = stored
const ofTower = { towerId, tower: id }
const ofSession = { ...ofTower, session: id, keyIndex }
const ofState = { channelId: ChannelId.make("11".repeat(32)), commitHeight: CommitHeight.make(1) }
const policyKey = Policy.keyOf(policy)
const failure = new VisitTimeout()

/** All that a client counts. */
const ofClient: ReadonlyArray<ClientHappening> = [
  ClientHappening.SendingStarted(),
  ClientHappening.StateKept({ ...ofState, policyKey }),
  ClientHappening.StateIneligible(ofState),
  ClientHappening.Acked({ ...ofSession, first: 1, last: 3 }),
  ClientHappening.CopyMade({ ...ofState, towerId, session: id, seqNum: 1 }),
  ClientHappening.ContactFailed({ ...ofSession, failure, restsUntil: 1 }),
  ClientHappening.SessionExhausted(ofSession),
  ClientHappening.SessionTerminal({ ...ofSession, reason: "Refused", reopened: 1 }),
  ClientHappening.SessionLost({ ...ofSession, lastApplied: 1, reopened: 1, lost: 2 }),
  ClientHappening.DatabaseFailed({ failure: new DatabaseBusy({ operation: "createTower" }), until: 1 })
]

/** All that a negotiator counts. */
const ofNegotiator: ReadonlyArray<Happening> = [
  Happening.Demand({ pending: 1, undelivered: 0 }),
  Happening.VisitStarted(ofTower),
  Happening.AttemptFailed({ ...ofTower, failure }),
  Happening.Quarantined({ ...ofTower, reason: "WrongChain", probeAt: 1 }),
  Happening.SessionStored({ session: stored }),
  Happening.RoundEnded({ session: stored, failures: [] }),
  Happening.RoundEnded({ failures: [{ ...ofTower, failure }] }),
  Happening.RoundEnded({ failures: [] }),
  Happening.Stopped({ cause: "a bug" })
]

/** What `/metrics` says after these events, of a client with one negotiator. */
const metricsAfter = (client: ReadonlyArray<ClientHappening>, negotiator: ReadonlyArray<Happening>) =>
  Effect.gen(function* () {
    const counted = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
    const events = <H>(happenings: ReadonlyArray<H>, isCounted: Deferred.Deferred<void>) =>
      Effect.succeed(
        Stream.fromIterable(happenings.map((happening, at) => ({ number: at + 1, at, happening }))).pipe(
          Stream.ensuring(Deferred.succeed(isCounted, undefined))
        )
      )
    const watched = Layer.mock(TowerClient, {
      events: events(client, counted[0]),
      status: Effect.succeed({ role: "waiting" as const, sessions: [], wanted: [], restingTowers: [] }),
      negotiators: [
        {
          policy,
          spare: 1,
          readinessOf: () => Readiness.CanBeAsked(),
          status: Effect.succeed({ pending: 0, undelivered: 0, state: NegotiatorState.Idle() }),
          statusChanges: Effect.succeed(Stream.empty),
          events: events(negotiator, counted[1])
        }
      ]
    })
    yield* Layer.build(Layer.provide(Metrics.towerClient, watched))
    yield* Effect.all(counted.map(Deferred.await))
    return metricsText()
  }).pipe(Effect.scoped)

/** The names of the metrics in the text, with their types and labels. */
const rowsOf = (text: string): Array<string> =>
  [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = "", type = ""]) => {
    const lines = text.matchAll(new RegExp(`^${name}(?:_bucket)?\\{(.*)\\} `, "gm"))
    const labels = [...lines].flatMap(([, inside = ""]) => [...inside.matchAll(/(\w+)="/g)].map(([, label]) => label))
    const own = [...new Set(labels)].filter((label) => label !== "le").sort()
    return `${name} | ${type} | ${own.join(", ")}`
  })

const documented = [
  ...fs
    .readFileSync(path.join(checkout, "docs/service.md"), "utf8")
    .matchAll(/^\| `(watchtower_\w+)` \| (\w+) \| ([^|]*)\|/gm)
].map(([, name = "", type = "", labels = ""]) => `${name} | ${type} | ${labels.replaceAll("`", "").trim()}`)

describe("the table of metrics in docs/service.md", () => {
  it.effect("has what is there at the start, but for what has no time or label yet", () =>
    Effect.gen(function* () {
      const late = /\b(failure|reason)$|_pending|_duration/
      assert.sameMembers(
        rowsOf(yield* metricsAfter([], [])),
        documented.filter((row) => !late.test(row))
      )
    })
  )

  it.effect("has each metric of /metrics, with its type and its labels", () =>
    Effect.gen(function* () {
      const text = yield* metricsAfter(ofClient, ofNegotiator)
      assert.isAbove(documented.length, 10)
      assert.sameMembers(rowsOf(text), documented)
      assert.match(text, /^watchtower_states_lost_total 2$/m)
      assert.match(text, /^watchtower_session_ends_total\{end="lost"\} 1$/m)
    })
  )
})
