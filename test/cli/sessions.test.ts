import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Console, Effect, Queue, Schema, Stream } from "effect"
import { printSessions, printSessionsJson } from "../../src/cli/support/sessionViews.js"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import * as BlobType from "../../src/schema/BlobType.js"
import * as Chain from "../../src/schema/Chain.js"
import { KeyIndex, LeaseToken, TowerId } from "../../src/schema/Ids.js"
import { Reservation } from "../../src/schema/Reservation.js"
import { Tower } from "../../src/schema/Tower.js"
import { session } from "../services/ClientDb/samples.js"
import { wtclient as anywhere, newClient, started } from "./wtclient.js"

const Listening = Schema.parseJson(Schema.Struct({ uri: Schema.String }))
const Sessions = Schema.parseJson(
  Schema.Array(Schema.Struct({ policy: Schema.Struct({ blobTypeName: Schema.String }), id: Schema.String }))
)
const Policies = Schema.parseJson(
  Schema.Array(
    Schema.Struct({
      blobTypeName: Schema.String,
      maxUpdates: Schema.Int,
      sweepFeeRate: Schema.String,
      sweepSatPerVbyte: Schema.optional(Schema.Int)
    })
  )
)

/** A client with two sessions of type anchor and one of type taproot, all with tower 1, and with a tower 2 without sessions. */
const withSessions = Effect.gen(function* () {
  const client = yield* newClient
  const { flags, wtclient } = client
  const { uri } = Schema.decodeUnknownSync(Listening)(yield* Queue.take(yield* started(["serve", "--json", ...flags])))
  yield* wtclient("init")
  yield* wtclient("add", uri)
  yield* wtclient("negotiate", "--count", "2")
  yield* wtclient("negotiate", "--blob-type", "taproot")
  yield* wtclient("add", `${publicKeyOf(9)}@127.0.0.1:1`)
  return { ...client, publicKey: uri.slice(0, 66) }
})

describe("wtclient sessions", () => {
  it.scopedLive("shows the sessions that its filters leave", () =>
    Effect.gen(function* () {
      const { publicKey, wtclient } = yield* withSessions
      const types = (...flags: ReadonlyArray<string>) =>
        Effect.map(wtclient("sessions", "--json", ...flags), ({ stdout }) =>
          Schema.decodeUnknownSync(Sessions)(stdout).map(({ policy }) => policy.blobTypeName)
        )
      assert.deepStrictEqual(yield* types("--tower", "1"), ["anchor", "anchor", "taproot"])
      assert.deepStrictEqual(yield* types("--tower", publicKey), ["anchor", "anchor", "taproot"])
      assert.deepStrictEqual(yield* types("--tower", "2"), [])
      assert.deepStrictEqual(yield* types("--blob-type", "taproot"), ["taproot"])
      assert.deepStrictEqual(yield* types("--status", "inactive"), [])
      yield* wtclient("remove", publicKey)
      assert.deepStrictEqual(yield* types("--status", "inactive", "--blob-type", "anchor"), ["anchor", "anchor"])
      const none = yield* wtclient("sessions", "--status", "active")
      assert.deepStrictEqual([none.code, none.stdout], [0, "There are no such sessions.\n"])
    })
  )

  it.scopedLive("shows the beginning of each key, and the whole keys with --full", () =>
    Effect.gen(function* () {
      const { publicKey, wtclient } = yield* withSessions
      const usual = (yield* wtclient("sessions")).stdout
      assert.match(
        usual,
        /^\d+ {2,}[0-9a-f]{16}… {2}1: [0-9a-f]{16}… {2}anchor .* active {2}20\S+Z \(\d+m?s.* ago\)$/m,
        usual
      )
      const full = (yield* wtclient("sessions", "--full")).stdout
      assert.match(full, new RegExp(`^\\d+ {2,}[0-9a-f]{66} {2}1: ${publicKey} {2}anchor `, "m"))
    })
  )

  it.scoped("refuses a tower that is neither a key nor a number, and one that is not known", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("db", "skip-keys")
      // A database counts towers from 1, and has 31 bits for their numbers.
      for (const named of ["tower.example", "0", "4294967296"]) {
        const odd = yield* wtclient("sessions", "--tower", named)
        assert.match(odd.stderr, /^wtclient: .*--tower.* a public key, or the number of a tower/)
        assert.strictEqual(odd.code, 2)
      }
      const unknown = yield* wtclient("sessions", "--tower", publicKeyOf(1))
      assert.match(unknown.stderr, /^wtclient: No tower .* is known\.\nNext: wtclient towers /)
      assert.strictEqual(unknown.code, 1)
    })
  )

  const tower = new Tower({ id: TowerId.make(1), publicKey: publicKeyOf(1), addresses: [] })
  const numbered = (n: number) =>
    session(
      tower,
      new Reservation({
        keyIndex: KeyIndex.make(n),
        towerId: tower.id,
        blobType: BlobType.altruistCommit,
        route: "clear",
        lease: LeaseToken.make("0".repeat(32)),
        since: 0,
        forMs: 0
      })
    )
  const many = Stream.range(1, 1200).pipe(Stream.map(numbered), Stream.rechunk(500))

  const printed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const writes: Array<number> = []
      const console = yield* Console.consoleWith(Effect.succeed)
      yield* Effect.withConsole(effect, {
        ...console,
        log: (text: string) =>
          Effect.sync(() => {
            lines.push(...text.split("\n"))
            writes.push(text.length)
          })
      })
      return { lines, writes }
    }).pipe(Effect.provide(NodeContext.layer))

  it.effect("prints page by page, with one header", () =>
    Effect.gen(function* () {
      const { lines, writes } = yield* printed(printSessions(many, { chain: Chain.bitcoinRegtest, isFull: true }))
      assert.deepStrictEqual([lines.length, writes.length], [1201, 3])
      assert.deepStrictEqual(
        lines.map((line) => line.split(" ")[0]),
        ["KEY", ...Array.from({ length: 1200 }, (_, at) => String(at + 1))]
      )
    })
  )

  it.effect("prints one array of all pages for programs", () =>
    Effect.gen(function* () {
      const { lines } = yield* printed(printSessionsJson(many))
      assert.strictEqual(Schema.decodeUnknownSync(Sessions)(lines.join("\n")).length, 1200)
      const none = yield* printed(printSessionsJson(Stream.empty))
      assert.deepStrictEqual(Schema.decodeUnknownSync(Sessions)(none.lines.join("\n")), [])
    })
  )
})

describe("wtclient towers", () => {
  it.scopedLive("says which towers can be asked, and until when one cannot", () =>
    Effect.gen(function* () {
      const { publicKey, wtclient } = yield* withSessions
      yield* wtclient("remove", publicKey)
      yield* wtclient("negotiate")
      const { stdout } = yield* wtclient("towers")
      assert.match(stdout, /^2 {3}[0-9a-f]{66} {2}rests until 20\S+Z \(in \d+s.*\) {2}127\.0\.0\.1:1$/m)
      // What is known about a tower is known for a blob type.
      assert.match(
        (yield* wtclient("towers", "--blob-type", "taproot")).stdout,
        /^2 .* can be asked {2}127\.0\.0\.1:1$/m
      )
    })
  )
})

describe("wtclient policy", () => {
  it.scoped("shows what is proposed for each blob type of the chain", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      const plain = yield* wtclient("policy")
      assert.deepStrictEqual([plain.code, plain.stderr], [0, ""])
      assert.match(plain.stdout, /^BLOB TYPE .*\nlegacy +1024 +2500 +10\nanchor +1024 +2500 +10\ntaproot +/)
      const one = yield* wtclient(
        "policy",
        "--json",
        "--blob-type",
        "anchor",
        "--max-updates",
        "7",
        "--sweep-fee-rate",
        "9999"
      )
      assert.deepStrictEqual(Schema.decodeUnknownSync(Policies)(one.stdout), [
        { blobTypeName: "anchor", maxUpdates: 7, sweepFeeRate: "9999", sweepSatPerVbyte: 39 }
      ])
      const decred = yield* anywhere(["policy", "--json", "--chain", "decred"])
      assert.deepStrictEqual(Schema.decodeUnknownSync(Policies)(decred.stdout), [
        { blobTypeName: "legacy", maxUpdates: 1024, sweepFeeRate: "10000" },
        { blobTypeName: "anchor", maxUpdates: 1024, sweepFeeRate: "10000" }
      ])
      for (const [given, named] of [
        ["taproot", "taproot \\(10\\)"],
        ["10", "taproot \\(10\\)"],
        ["7", "7"]
      ]) {
        const other = yield* anywhere(["policy", "--chain", "decred", "--blob-type", given ?? ""])
        const has = "legacy \\(2\\), reward \\(3\\), anchor \\(6\\)"
        assert.match(other.stderr, new RegExp(`: decred has no blob type ${named}; it has ${has}\\.`))
        assert.strictEqual(other.code, 2)
      }
      const bad = yield* wtclient("policy", "--sweep-fee-rate", "1")
      assert.match(bad.stderr, /^wtclient: The policy is not valid: /)
      assert.strictEqual(bad.code, 2)
    })
  )
})
