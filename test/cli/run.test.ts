import { execFileSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Schema } from "effect"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import { JusticeTransaction } from "../../src/schema/JusticeTransaction.js"
import { ChannelSummary } from "../../src/schema/StoredBackup.js"
import keychain from "../fixtures/keychain-vectors.json" with { type: "json" }
import { newClient, started, wtclient } from "./wtclient.js"

const tower = publicKeyOf(1)
const uri = `${tower}@127.0.0.1:1`
const parse = (text: string): unknown => JSON.parse(text)
const Sessions = Schema.Array(Schema.Struct({ id: Schema.String, keyIndex: Schema.Number }))
const sessionsOf = (text: string) => Schema.decodeUnknownSync(Sessions)(parse(text))
const Failure = { tag: Schema.String, message: Schema.String, next: Schema.optional(Schema.Array(Schema.String)) }
const FailedNegotiation = Schema.Struct({ error: Schema.Struct({ ...Failure, failures: Schema.Unknown }) })
const writing: Array<ReadonlyArray<string>> = [["add", uri], ["negotiate"]]
const everything: Array<ReadonlyArray<string>> = [...writing, ["towers"], ["sessions"]]
const oneSentence = (stderr: string) => assert.match(stderr, /^wtclient: [^\n]+\n(Next: [^\n]+\n)*$/)

describe("wtclient", () => {
  it.scoped("init makes a key once, for its owner alone", () =>
    Effect.gen(function* () {
      const { at, fs, wtclient } = yield* newClient
      const first = yield* wtclient("init", "--json")
      assert.deepStrictEqual([first.code, first.stderr], [0, ""])
      assert.strictEqual((yield* fs.stat(at("key"))).mode & 0o777, 0o600)
      assert.strictEqual((yield* fs.stat(at(""))).mode & 0o777, 0o700)
      const text = yield* fs.readFileString(at("key"))
      assert.notInclude(first.stdout, /seed: (\w{64})/.exec(text)?.[1] ?? first.stdout)

      const second = yield* wtclient("init")
      assert.match(second.stderr, /exists already/)
      assert.strictEqual(second.code, 1)
      assert.strictEqual(yield* fs.readFileString(at("key")), text)
    })
  )

  it.scoped("init imports a seed, or refuses one of another wallet", () =>
    Effect.gen(function* () {
      const { at, folder, fs, wtclient } = yield* newClient
      const xprv = `${folder}/xprv`
      // The master key of BIP-32's first test vector, of mainnet.
      yield* fs.writeFileString(
        xprv,
        "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi\n"
      )
      const wrong = yield* wtclient("init", "--import", xprv)
      assert.match(wrong.stderr, /belongs to bitcoin mainnet, not to bitcoin regtest/)
      assert.strictEqual(wrong.code, 1)
      assert.isFalse(yield* fs.exists(at("key")))

      const seed = `${folder}/seed`
      yield* fs.writeFileString(seed, `${keychain.seed}\n`, { mode: 0o600 })
      const right = yield* wtclient("init", "--import", seed, "--json")
      assert.deepStrictEqual([right.code, right.stderr], [0, ""])
      assert.include(yield* fs.readFileString(at("key")), `seed: ${keychain.seed}`)
      assert.notInclude(right.stdout, keychain.seed)
    })
  )

  it.scoped("init says that others can read what it imports", () =>
    Effect.gen(function* () {
      const { folder, fs, wtclient } = yield* newClient
      const seed = `${folder}/seed`
      yield* fs.writeFileString(seed, keychain.seed, { mode: 0o644 })
      const { code, stderr } = yield* wtclient("init", "--import", seed)
      assert.strictEqual(code, 0)
      assert.match(stderr, /can be read by others, and holds the secret of all keys\. .*\nNext: chmod 600 \S+\n$/)
    })
  )

  it.scoped("init says that words are no seed, and what makes one of them", () =>
    Effect.gen(function* () {
      const { at, folder, fs, wtclient } = yield* newClient
      const words = `${folder}/words`
      yield* fs.writeFileString(words, `${"abandon ".repeat(23)}art\n`, { mode: 0o600 })
      const { code, stderr } = yield* wtclient("init", "--import", words)
      assert.match(stderr, /these are words, which are no seed: .* chantools showrootkey/)
      assert.notInclude(stderr, "abandon")
      assert.strictEqual(code, 1)
      assert.isFalse(yield* fs.exists(at("key")))
    })
  )

  it.scoped("init refuses a file that goes on after a seed, instead of reading its beginning", () =>
    Effect.gen(function* () {
      const { at, folder, fs, wtclient } = yield* newClient
      const long = `${folder}/long`
      yield* fs.writeFileString(long, `${keychain.seed}${"\n".repeat(4096)}0`, { mode: 0o600 })
      const { code, stderr } = yield* wtclient("init", "--import", long)
      assert.match(stderr, /^wtclient: The file \S+ cannot be read: it has more than 4096 bytes\.\n$/)
      assert.strictEqual(code, 1)
      assert.isFalse(yield* fs.exists(at("key")))
    })
  )

  it.scoped("a pipe in the place of a key is refused, and does not hang", () =>
    Effect.gen(function* () {
      const { at, fs, wtclient } = yield* newClient
      yield* fs.makeDirectory(at(""), { recursive: true })
      execFileSync("mkfifo", [at("key")])
      const { code, stderr } = yield* wtclient("add", uri)
      assert.match(stderr, /is not a key file: it is no file\./)
      assert.strictEqual(code, 1)
      const imported = yield* wtclient("init", "--import", at("key"))
      assert.match(imported.stderr, /cannot be read: it is no file/)
    })
  )

  it.scoped("adds, lists, shows and removes towers", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      const ok = (...words: ReadonlyArray<string>) =>
        Effect.map(wtclient(...words), ({ code, stderr, stdout }) => {
          assert.deepStrictEqual([code, stderr], [0, ""])
          return stdout
        })
      yield* ok("init")
      assert.deepStrictEqual(parse(yield* ok("add", uri.toUpperCase(), "--json")), {
        id: 1,
        publicKey: tower,
        addresses: ["127.0.0.1:1"],
        status: "active",
        restored: []
      })
      assert.include(yield* ok("add", `${tower}@tower.example`), "tower.example:9911, 127.0.0.1:1")
      const addresses = '["tower.example:9911","127.0.0.1:1"]'
      assert.include(yield* ok("towers", "--json"), `[{"id":1,"publicKey":"${tower}","addresses":${addresses},`)
      assert.match(yield* ok("towers"), new RegExp(`^1 +${tower} +can be asked +tower.example:9911 127.0.0.1:1$`, "m"))
      assert.match(yield* ok("tower", tower), /\nwas never asked\n\nThere are no sessions with it\.\n$/)
      assert.deepInclude(parse(yield* ok("tower", tower, "--json")), { id: 1, sessions: [] })

      const unknown = yield* wtclient("remove", tower, "elsewhere:1")
      assert.match(unknown.stderr, /has no address elsewhere:1; it has tower.example:9911, 127.0.0.1:1/)
      yield* ok("remove", tower, "tower.example")
      const last = yield* wtclient("remove", tower, "127.0.0.1:1")
      assert.match(last.stderr, /last address/)
      assert.deepStrictEqual([unknown.code, last.code], [1, 1])
      yield* ok("remove", tower)
      assert.strictEqual(yield* ok("towers", "--json"), "[]\n")
      assert.match((yield* wtclient("remove", tower)).stderr, /No tower .* is known/)
      assert.match(yield* ok("towers"), /There are no towers/)
      assert.match(yield* ok("sessions"), /There are no sessions/)
    })
  )

  it.scoped("prints what a command says whole, also where a word of @effect/cli's own output is in it", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      const added = yield* wtclient("add", `${tower}@wizard.example`)
      assert.include(added.stdout, `Tower 1 is ${tower}, at wizard.example:9911.\n`)
      const listed = yield* wtclient("towers", "--json")
      assert.include(listed.stdout, `[{"id":1,"publicKey":"${tower}","addresses":["wizard.example:9911"],`)
    })
  )

  it.scoped("removes the address that a tower's URI names, and says so", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri)
      yield* wtclient("add", `${tower}@tower.example`)
      const removed = yield* wtclient("remove", `${tower}@tower.example`)
      assert.deepStrictEqual(
        [removed.code, removed.stdout],
        [0, `Removed the address tower.example:9911 of tower ${tower}.\n`]
      )
      assert.include(
        (yield* wtclient("towers", "--json")).stdout,
        `[{"id":1,"publicKey":"${tower}","addresses":["127.0.0.1:1"],`
      )
      const unknown = yield* wtclient("remove", `${tower}@elsewhere:2`)
      assert.match(unknown.stderr, /has no address elsewhere:2; it has 127\.0\.0\.1:1/)
      const last = yield* wtclient("remove", uri)
      assert.match(last.stderr, new RegExp(`last address .*\\nNext: wtclient remove ${tower} --network regtest`, "s"))
      const twice = yield* wtclient("remove", uri, "127.0.0.1:1")
      assert.match(twice.stderr, /names an address twice/)
      assert.deepStrictEqual([unknown.code, last.code, twice.code], [1, 1, 2])
    })
  )

  it.scoped("says which addresses come back with a tower that was removed", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri)
      yield* wtclient("remove", tower)
      const back = yield* wtclient("add", `${tower}@tower.example`)
      assert.match(back.stdout, /It was removed before\. These addresses of it are back too: 127\.0\.0\.1:1\./)
      assert.match(back.stdout, new RegExp(`^Next: wtclient remove ${tower}@127\\.0\\.0\\.1:1 --network regtest`, "m"))
      const known = yield* wtclient("add", `${tower}@tower.example`)
      assert.notInclude(known.stdout, "removed before")
      yield* wtclient("remove", tower)
      assert.deepInclude(parse((yield* wtclient("add", uri, "--json")).stdout), { restored: ["tower.example:9911"] })
    })
  )

  it.scoped("refuses a key file that others can read, and creates no database", () =>
    Effect.gen(function* () {
      const { at, fs, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* fs.chmod(at("key"), 0o644)
      const commands: Array<ReadonlyArray<string>> = [["add", uri], ["negotiate"], ["db", "skip-keys"]]
      for (const words of commands) {
        const { code, stderr } = yield* wtclient(...words)
        assert.include(stderr, `chmod 600 ${at("key")}`)
        oneSentence(stderr)
        assert.strictEqual(code, 1)
      }
      assert.isFalse(yield* fs.exists(at("wtclient.db")))
    })
  )

  it.scoped("refuses a file that is no database, and leaves it as it is", () =>
    Effect.gen(function* () {
      const { at, fs, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* fs.writeFileString(at("wtclient.db"), "not a database, but somebody's diary")
      for (const words of everything) {
        const { code, stderr } = yield* wtclient(...words)
        assert.include(stderr, `The database ${at("wtclient.db")} cannot be used: `)
        oneSentence(stderr)
        assert.strictEqual(code, 1)
      }
      assert.strictEqual(yield* fs.readFileString(at("wtclient.db")), "not a database, but somebody's diary")
    })
  )

  it.scoped("refuses a database of another chain, another seed or another layout", () =>
    Effect.gen(function* () {
      const { at, folder, fs, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri)

      yield* fs.copy(at(""), `${folder}/bitcoin/signet`)
      for (const words of writing) {
        const other = yield* wtclientAt(folder, "signet", words)
        assert.match(other.stderr, /belongs to bitcoin regtest, not to bitcoin signet/)
        oneSentence(other.stderr)
        assert.strictEqual(other.code, 1)
      }
      for (const words of [["towers"], ["tower", tower], ["sessions"], ["db", "check"]]) {
        const { code, stderr, stdout } = yield* wtclientAt(folder, "signet", words)
        assert.match(stderr, /belongs to bitcoin regtest, not to bitcoin signet/)
        assert.deepStrictEqual([code, stdout], [1, ""])
      }

      // init makes no key beside a database of another one, so the key comes from elsewhere.
      const { at: atOther, wtclient: other } = yield* newClient
      const otherKey = (...flags: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          yield* fs.remove(atOther("key"), { force: true })
          yield* other("init", ...flags)
          yield* fs.copy(atOther("key"), at("key"), { overwrite: true })
          yield* fs.chmod(at("key"), 0o600)
        })
      yield* otherKey()
      const seed = yield* wtclient("add", uri)
      assert.match(seed.stderr, /was made with another seed/)
      oneSentence(seed.stderr)
      for (const words of [["towers"], ["tower", tower], ["sessions"], ["db", "check"]]) {
        const { code, stderr, stdout } = yield* wtclient(...words)
        assert.match(stderr, /was made with another seed/)
        assert.deepStrictEqual([code, stdout], [1, ""])
      }

      yield* otherKey("--layout", "dcrlnd")
      const layout = yield* wtclient("negotiate")
      assert.match(layout.stderr, /made with the key layout lnd, .* has the layout dcrlnd/)
      assert.deepStrictEqual([seed.code, layout.code], [1, 1])
    })
  )

  it.scoped("init writes no key beside a database that was made with another one, and says so", () =>
    Effect.gen(function* () {
      const { at, fs, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri)
      const key = yield* fs.readFileString(at("key"))
      yield* fs.remove(at("key"))
      const other = yield* wtclient("init")
      assert.match(
        other.stderr,
        /^wtclient: The database .*wtclient\.db was made with another seed than that of this key, and nothing was written\. Import /
      )
      oneSentence(other.stderr)
      assert.strictEqual(other.code, 1)
      assert.isFalse(yield* fs.exists(at("key")))
      // The key that it was made with is welcome.
      const seed = /seed: (\w{64})/.exec(key)?.[1] ?? ""
      yield* fs.writeFileString(at("seed"), seed, { mode: 0o600 })
      assert.strictEqual((yield* wtclient("init", "--import", at("seed"))).code, 0)
      assert.strictEqual((yield* wtclient("add", uri)).code, 0)
    })
  )

  it.scoped("refuses a database of a newer version", () =>
    Effect.gen(function* () {
      const { at, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri)
      yield* Effect.scoped(
        Effect.flatMap(SqliteClientDb.client({ filename: at("wtclient.db") }), (sql) => {
          return sql`INSERT INTO wt_version (version) VALUES (1000)`
        })
      )
      for (const words of everything) {
        const { code, stderr } = yield* wtclient(...words)
        assert.match(stderr, /version 1000, .* Update the program/)
        oneSentence(stderr)
        assert.strictEqual(code, 1)
      }
    })
  )

  it.scoped("skips key indexes", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      const next = (text: string) => Schema.decodeUnknownSync(Schema.Struct({ next: Schema.Number }))(parse(text)).next
      const one = next((yield* wtclient("db", "skip-keys", "--count", "1", "--json")).stdout)
      assert.strictEqual(next((yield* wtclient("db", "skip-keys", "--count", "7", "--json")).stdout) - one, 7)
    })
  )

  it.scoped("continues at another key index each time when the same copy is restored twice", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      const skip = wtclient("db", "skip-keys", "--json")
      const Skipped = Schema.Struct({ skipped: Schema.Number })
      const counts = yield* Effect.map(Effect.all([skip, skip, skip]), (results) =>
        results.map(({ stdout }) => Schema.decodeUnknownSync(Skipped)(parse(stdout)).skipped)
      )
      assert.isTrue(new Set(counts).size > 1, String(counts))
      for (const count of counts) assert.isTrue(count >= 100_000 && count <= 1_000_000, String(count))
    })
  )

  it.scopedLive("negotiate says why no tower gave a session", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri)
      yield* wtclient("remove", tower)
      const none = yield* wtclient("negotiate")
      assert.match(none.stderr, /No active tower is known/)
      oneSentence(none.stderr)
      yield* wtclient("add", uri)
      const refused = yield* wtclient("negotiate", "--json")
      assert.match(
        refused.stderr,
        /No tower gave a session.*Cannot connect to 127\.0\.0\.1:1: no program listens there/s
      )
      assert.deepStrictEqual([none.code, refused.code], [1, 1])
      const { error } = Schema.decodeUnknownSync(FailedNegotiation)(parse(refused.stdout))
      assert.deepStrictEqual([error.tag, error.message], ["FailedNegotiation", refused.stderr.slice(10).trimEnd()])
      assert.deepStrictEqual(error.failures, [
        {
          tower: { id: 1, publicKey: tower },
          address: "127.0.0.1:1",
          tag: "DialFailed",
          message: "Cannot connect to 127.0.0.1:1: no program listens there.",
          reason: "Refused"
        }
      ])
    })
  )

  it.scopedLive("serve and negotiate work together, and no secret is printed", () =>
    Effect.gen(function* () {
      const { at, flags, fs, wtclient } = yield* newClient
      const server = yield* started(["serve", "--json", ...flags])
      const Uri = Schema.Struct({ uri: Schema.String })
      const { uri } = Schema.decodeUnknownSync(Uri)(parse(yield* Queue.take(server)))

      yield* wtclient("init")
      yield* wtclient("add", uri)
      const told = yield* wtclient("negotiate", "--log-level", "all", "--blob-type", "legacy")
      assert.strictEqual(told.code, 0)
      assert.match(told.stdout, /connects to 127\.0\.0\.1/)
      assert.match(told.stdout, /session [0-9a-f]{66} is stored: key index \d+, legacy, 1024 updates\n$/)

      const more = yield* wtclient("negotiate", "--count", "2", "--json", "--max-updates", "7")
      assert.deepStrictEqual([more.code, more.stderr], [0, ""])
      const got = more.stdout
        .trimEnd()
        .split("\n")
        .map((line) => sessionsOf(`[${line}]`)[0])
      assert.strictEqual(got.length, 2)

      const held = yield* wtclient("sessions", "--json")
      assert.strictEqual(sessionsOf(held.stdout).length, 3)
      assert.deepStrictEqual(sessionsOf(held.stdout).slice(1), got)
      const shown = yield* wtclient("tower", uri, "--max-updates", "7")
      assert.match(shown.stdout, /sessions got: 2, .*; attempts: 2, /s)

      // The tower was told of the same sessions.
      const keys = yield* Effect.map(Queue.takeAll(server), (lines) => Array.from(lines, String))
      assert.deepStrictEqual(
        keys.map((line) => Schema.decodeUnknownSync(Schema.Struct({ session: Schema.String }))(parse(line)).session),
        sessionsOf(held.stdout).map((session) => session.id)
      )

      const secrets = yield* Effect.forEach(["key", "tower"], (file) =>
        Effect.map(fs.readFileString(at(file)), (text) => /seed: (\w{64})/.exec(text)?.[1] ?? "none")
      )
      for (const secret of secrets) {
        assert.strictEqual(secret.length, 64)
        for (const { stderr, stdout } of [told, more, held, shown]) assert.notInclude(stdout + stderr, secret)
      }
    })
  )

  it.scopedLive("demo works, and keeps what it had when it is run again", () =>
    Effect.gen(function* () {
      const { at, fs, wtclient } = yield* newClient
      const first = yield* wtclient("demo")
      assert.deepStrictEqual([first.code, first.stderr], [0, ""])
      assert.match(first.stdout, /1\. A tower listens.*new key.*4\. The negotiator.*is stored.*Sessions held: 1/s)
      assert.match(
        first.stdout,
        /6\. A channel.*3 of 3 states have their copy.*8\. The other side.*9\. The tower.*pays \d+ sat/s
      )
      const [one] = sessionsOf((yield* wtclient("sessions", "--json")).stdout)

      const second = yield* wtclient("demo", "--json")
      assert.deepStrictEqual([second.code, second.stderr], [0, ""])
      const Demo = Schema.Struct({ held: Sessions, channel: ChannelSummary, justice: JusticeTransaction })
      const { channel, held, justice } = Schema.decodeUnknownSync(Demo)(parse(second.stdout))
      assert.deepStrictEqual(held[0], one)
      assert.deepStrictEqual([channel.handedIn, channel.complete, channel.lost], [3, 3, 0])
      const [toRemote, toLocal] = justice.swept.map(({ value }) => value)
      assert.deepStrictEqual([toRemote, toLocal], [390_000n, 600_000n])
      assert.include(justice.transaction, channel.channel.sweepPkScript)
      // The tower has what both runs sent: it did not forget the first run's.
      const kept = parse(yield* fs.readFileString(at("tower-sessions")))
      const Kept = Schema.Array(Schema.Struct({ updates: Schema.Array(Schema.Unknown) }))
      assert.lengthOf(
        Schema.decodeUnknownSync(Kept)(kept).flatMap(({ updates }) => updates),
        6
      )
      assert.deepStrictEqual(
        held.map((session) => session.keyIndex - (one?.keyIndex ?? 0)),
        [0, 1]
      )
      // One tower at one address, whose key and port were kept.
      const towers = parse((yield* wtclient("towers", "--json")).stdout)
      assert.strictEqual(
        Schema.decodeUnknownSync(Schema.Array(Schema.Struct({ addresses: Schema.Array(Schema.String) })))(towers)[0]
          ?.addresses.length,
        1
      )
      assert.strictEqual((yield* fs.stat(at("tower"))).mode & 0o777, 0o600)
    })
  )

  it.scopedLive("demo takes another port when its own is in use", () =>
    Effect.gen(function* () {
      const { flags, wtclient } = yield* newClient
      yield* Queue.take(yield* started(["serve", ...flags]))
      const { code, stdout } = yield* wtclient("demo")
      assert.strictEqual(code, 0)
      assert.match(stdout, /Sessions held: 1/)
    })
  )
})

const wtclientAt = (folder: string, network: string, words: ReadonlyArray<string>) =>
  wtclient([...words, "--data-dir", folder, "--network", network])
