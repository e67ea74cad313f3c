import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Queue, Schema } from "effect"
import { commandText } from "../../src/cli/support/commandText.js"
import { statusLines } from "../../src/cli/support/status.js"
import * as Negotiator from "../../src/layers/negotiator/Options.js"
import { readinessOf } from "../../src/layers/negotiator/readiness.js"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import * as Chain from "../../src/schema/Chain.js"
import { Instant, TowerId } from "../../src/schema/Ids.js"
import * as Policy from "../../src/schema/Policy.js"
import * as Standing from "../../src/schema/Standing.js"
import { Tower } from "../../src/schema/Tower.js"
import * as TowerAddress from "../../src/schema/TowerAddress.js"
import { newClient, started } from "./wtclient.js"

const Listening = Schema.parseJson(Schema.Struct({ uri: Schema.String }))
const Status = Schema.parseJson(
  Schema.Struct({
    trouble: Schema.optional(Schema.String),
    sessions: Schema.Array(
      Schema.Struct({
        blobType: Schema.Int,
        blobTypeName: Schema.String,
        usable: Schema.Int,
        left: Schema.Int,
        full: Schema.Int,
        inactive: Schema.Int,
        terminal: Schema.Int,
        lost: Schema.Int
      })
    ),
    towers: Schema.Array(
      Schema.Struct({
        state: Schema.String,
        until: Schema.optional(Schema.String),
        reason: Schema.optional(Schema.String)
      })
    )
  })
)
const decoded = (text: string) => Schema.decodeUnknownSync(Status)(text)

const served = (...flags: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { folder } = yield* newClient
    const serving = yield* started(["serve", "--json", "--data-dir", folder, ...flags])
    return Schema.decodeUnknownSync(Listening)(yield* Queue.take(serving)).uri
  })

describe("wtclient status", () => {
  it.scoped("of a client without towers says what to do, and is no success for --check", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("db", "skip-keys")
      const plain = yield* wtclient("status")
      assert.match(
        plain.stdout,
        /There are no sessions\.\nRequests for more sessions are not shown: .*\n\nThere are no towers\.\nNext: wtclient add/
      )
      assert.deepStrictEqual([plain.code, plain.stderr], [0, ""])
      const check = yield* wtclient("status", "--check")
      assert.match(
        check.stderr,
        /^wtclient: No session of type anchor can take updates\.\nNext: wtclient add PUBLICKEY@HOST/
      )
      assert.strictEqual(check.code, 1)
    })
  )

  it.scopedLive("of a client with a session is a success for --check, unless another type is asked for", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      const uri = yield* served("--network", "regtest")
      yield* wtclient("init")
      yield* wtclient("add", uri)
      yield* wtclient("negotiate")
      const { code, stderr, stdout } = yield* wtclient("status", "--check")
      assert.match(stdout, /Sessions of type anchor: 1 that can take updates \(1024 left\), 0 full, 0 inactive\n/)
      assert.match(stdout, /\n {2}can be asked\n {2}sessions got: 1, the last one at 20\S+ \(\d+m?s.* ago\)\n/)
      assert.deepStrictEqual([code, stderr], [0, ""])
      const other = yield* wtclient("status", "--check", "--blob-type", "taproot")
      assert.match(
        other.stderr,
        /No session of type taproot can take updates\.\nNext: wtclient negotiate --blob-type taproot /
      )
      assert.match(other.stdout, /\nNext: wtclient negotiate --blob-type taproot /)
      assert.strictEqual(other.code, 1)
      const json = decoded((yield* wtclient("status", "--json")).stdout)
      assert.deepStrictEqual(json, {
        sessions: [
          { blobType: 6, blobTypeName: "anchor", usable: 1, left: 1024, full: 0, inactive: 0, terminal: 0, lost: 0 }
        ],
        towers: [{ state: "CanBeAsked" }]
      })
    })
  )

  it.scopedLive("says why a tower is left out, until when, and what would end it", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", yield* served("--network", "signet"))
      yield* wtclient("negotiate", "--max-updates", "7")
      const { stdout } = yield* wtclient("status", "--max-updates", "7")
      assert.match(
        stdout,
        /is left out for this policy until 20\S+ \(in 23h \d+m\), or until it is added again: it watches another chain\n/
      )
      assert.match(stdout, /it refused the policy: 1 time\n/)
      assert.match(stdout, /\n\nNext: wtclient add PUBLICKEY@HOST --network regtest /)
      const checked = yield* wtclient("status", "--check", "--json", "--max-updates", "7")
      const { towers, trouble } = decoded(checked.stdout)
      assert.deepInclude(towers[0], { state: "IsLeftOut", reason: "it watches another chain" })
      assert.strictEqual(trouble, "No session of type anchor can take updates.")
      assert.match(checked.stderr, /\nNext: wtclient add PUBLICKEY@HOST /)
      assert.strictEqual(checked.code, 1)
      const again = yield* wtclient("negotiate", "--max-updates", "7")
      assert.match(again.stderr, /\nNext: wtclient status --max-updates 7 /)
    })
  )

  it("says until when a tower that failed stands behind the others, and how it failed", () => {
    const chain = Chain.bitcoinRegtest
    const policy = Policy.defaults(chain)
    const now = Date.UTC(2027, 0, 15, 8)
    const tower = new Tower({
      id: TowerId.make(1),
      publicKey: publicKeyOf(1),
      addresses: [Either.getOrThrow(TowerAddress.parse("tower.example"))],
      additions: 1
    })
    const standing = {
      ...Standing.initial,
      failedVisits: 2,
      attempts: 3,
      lastVisit: Instant.make(now - 5000),
      failuresByKind: { DialFailed: 3 }
    }
    const readiness = readinessOf({ status: "active" }, standing, Negotiator.decode({ chain, policy }), now)
    const status = { policy, policyWords: [], now, sessions: [], towers: [{ tower, standing, readiness }] }
    const lines = statusLines(status, chain, (...words) => commandText("wtclient", words))
    assert.deepStrictEqual(lines.slice(4, -2), [
      `Tower 1, ${publicKeyOf(1).slice(0, 16)}…, at tower.example:9911`,
      "  stands behind the others until 2027-01-15T08:00:15.000Z (in 15s), and is asked where no other gives a session",
      "  sessions got: 0",
      "  was asked at 2027-01-15T07:59:55.000Z (5s ago); attempts: 3, failed visits in a row: 2",
      "  it could not be connected to: 3 times"
    ])
  })
})
