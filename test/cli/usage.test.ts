/** What a command line may say, and what is answered where it is wrong. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { summaries } from "../../src/cli/support/summaries.js"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import { newClient, wtclient } from "./wtclient.js"

const tower = publicKeyOf(1)
const uri = `${tower}@127.0.0.1:1`
const parse = (text: string): unknown => JSON.parse(text)
const Failure = { tag: Schema.String, message: Schema.String, next: Schema.optional(Schema.Array(Schema.String)) }
const AnyFailure = Schema.Struct({ error: Schema.Struct(Failure) })
const oneSentence = (stderr: string) => assert.match(stderr, /^wtclient: [^\n]+\n(Next: [^\n]+\n)*$/)

describe("the words of wtclient", () => {
  it.scoped("with --json, a wrong command line is an object too", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* wtclient(["add", "--jsno", "--json"])
      assert.deepStrictEqual(parse(stdout), {
        error: {
          tag: "UsageError",
          message: "There is no flag --jsno. Did you mean --json?",
          next: ["wtclient add --help"]
        }
      })
      assert.strictEqual(code, 2)
    })
  )

  it.effect("without a command, or asked for help, tells what there is", () =>
    Effect.gen(function* () {
      const ways: Array<ReadonlyArray<string>> = [[], ["--help"], ["-h"]]
      for (const words of ways) {
        const { code, stderr, stdout } = yield* wtclient(words)
        assert.deepStrictEqual([code, stderr], [0, ""])
        for (const [command, summary] of Object.entries(summaries)) {
          assert.match(stdout, new RegExp(`^${command} +${summary.slice(0, 20)}`, "m"))
        }
      }
    })
  )

  for (const command of [...Object.keys(summaries), "db check", "db skip-keys"]) {
    it.effect(`${command} --help`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* wtclient([...command.split(" "), "--help"])
        assert.deepStrictEqual([code, stderr], [0, ""])
        assert.include(stdout, `wtclient ${command}`)
        assert.notInclude(stdout, "\u001b")
        assert.notInclude(stdout, "user-defined")
      })
    )
  }

  it.effect("help says what a flag takes, and its default, as the table of options has them", () =>
    Effect.gen(function* () {
      const { stdout } = yield* wtclient(["negotiate", "--help"])
      assert.include(
        stdout,
        "The type of channel that the sessions back up. Takes legacy, reward, anchor, taproot, taproot-final or a number from 0 to 65535. Default: anchor"
      )
      assert.include(stdout, "The chain. Takes bitcoin or decred. Default: bitcoin.")
    })
  )

  const misuses: Array<[words: ReadonlyArray<string>, sentence: RegExp]> = [
    [["frobnicate"], /no command "frobnicate"/],
    [["db", "frobnicate"], /no command "db frobnicate"/],
    [["towers", "--jsno"], /no flag --jsno/],
    [["towers", "more"], /takes no arguments, and "more" is one too many/],
    [["towers", "--", "--json"], /takes no arguments, and "--json" is one too many/],
    [["add"], /The command add needs the argument TOWER/],
    [["add", uri, "more"], /takes one argument, and "more" is one too many/],
    [["towers", "--count", "3"], /does not take --count\. It is for negotiate, db skip-keys/],
    [["towers", "--chain", "doge"], /--chain takes bitcoin or decred, not "doge"/],
    [["towers", "--chain"], /--chain needs a value/],
    [["towers", "--network", "simnet2"], /bitcoin has no network "simnet2"\. It has mainnet/],
    [["towers", "--chain", "decred", "--network", "regtest"], /decred has no network "regtest"\. It has .*regnet/],
    [["negotiate", "--count", "0"], /--count takes a whole number/],
    [["negotiate", "--count", "many"], /--count takes a whole number/],
    [["negotiate", "--blob-type", "tapioca"], /--blob-type takes legacy, .* not "tapioca"/],
    [["run", "--blob-type", "tapioca"], /takes legacy, .* or a number from 0 to 65535; several .*, not "tapioca"/],
    [["negotiate", "--blob-type", "65536"], /--blob-type takes/],
    [["negotiate", "--max-updates", "65536"], /--max-updates takes/],
    [["negotiate", "--sweep-fee-rate", "-1"], /--sweep-fee-rate takes/],
    [["negotiate", "--sweep-fee-rate", "9223372036854775808"], /--sweep-fee-rate takes/],
    [["negotiate", "--proxy", "tor:0"], /--proxy takes host:port/],
    [["negotiate", "--log-level", "loud"], /--log-level takes/],
    [["serve", "--port", "65536"], /--port takes/],
    [
      ["towers", "--data-dir", "postgresql://user:swordfish@host/towers"],
      /--data-dir takes the path of a folder, not a URL or a connection string\.\n/
    ],
    [
      ["negotiate", "--proxy", "socks5://user:swordfish@tor:9050"],
      /--proxy takes host:port \(the default port is 9050\), not a URL or a connection string\.\n/
    ],
    [
      ["init", "--import", "postgresql://user:swordfish@host/towers"],
      /--import takes the path of a file, or - for standard input, not a URL or a connection string\.\n/
    ],
    [["init", "--account", "3"], /layout lnd has no accounts: --account is for the layout dcrlndRemote/],
    [["init", "--legacy-coin-type"], /--legacy-coin-type is for the layouts of dcrlnd/],
    [["init", "--layout", "cln"], /--layout takes lnd or dcrlnd or dcrlndRemote/],
    [["add", "nonsense"], /"nonsense" is not a tower/],
    [["add", `02${"f".repeat(64)}@host`], /no such public key exists/],
    [["add", `${tower}@host:70000`], /the port is not a number from 1 to 65535/],
    [["remove", "02"], /"02" is no tower's public key/],
    [["tower", "nonsense"], /is no tower's public key/],
    [["negotiate", "--sweep-fee-rate", "999"], /999 sat\/kw; towers take 1000 or more/],
    [["negotiate", "--blob-type", "7"], /bitcoin has no blob type 7; it has legacy/]
  ]
  for (const [words, sentence] of misuses) {
    it.scoped(`${words.join(" ")}: used wrongly`, () =>
      Effect.gen(function* () {
        const { folder, fs } = yield* newClient
        const { code, stderr, stdout } = yield* wtclient(["--data-dir", folder, ...words])
        assert.match(stderr, sentence)
        assert.match(stderr, /\nNext: wtclient .*--help\n$/)
        assert.notInclude(stderr, "swordfish")
        oneSentence(stderr)
        assert.deepStrictEqual([code, stdout], [2, ""])
        assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
      })
    )
  }

  const impossible: Array<[words: ReadonlyArray<string>, sentence: RegExp]> = [
    [["add", uri], /no key file .*\nNext: wtclient init --network regtest --data-dir \S+\n$/],
    [["remove", tower], /no key file/],
    [["towers"], /no database in .*\nNext: wtclient init --network regtest --data-dir \S+\n/],
    [["tower", tower], /no database in/],
    [["sessions"], /no database in/],
    [["negotiate"], /no key file/],
    [["run"], /no key file .*\nNext: wtclient init --network regtest --data-dir \S+\n$/],
    [["db", "skip-keys"], /no key file/],
    [["init", "--import", "/nowhere/seed"], /no file \/nowhere\/seed/],
    [["init", "--import", "tsconfig.json"], /no seed in tsconfig\.json/],
    [["init", "--import", "package.json"], /The file package\.json cannot be read: it has more than 4096 bytes/],
    [["init", "--import", "test"], /The file test cannot be read: it is no file/],
    [["init", "--import", "/dev/zero"], /The file \/dev\/zero cannot be read: it is no file; .* --import -/]
  ]
  for (const [words, sentence] of impossible) {
    it.scoped(`${words.join(" ")}: cannot be done, and says so to programs too`, () =>
      Effect.gen(function* () {
        const client = yield* newClient
        const { code, stderr, stdout } = yield* client.wtclient(...words, "--json")
        const { error } = Schema.decodeUnknownSync(AnyFailure)(parse(stdout))
        const next = (error.next ?? []).map((command) => `Next: ${command}\n`)
        assert.strictEqual(stderr, `wtclient: ${error.message}\n${next.join("")}`)
        assert.strictEqual(code, 1)
      })
    )
    it.scoped(`${words.join(" ")}: cannot be done`, () =>
      Effect.gen(function* () {
        const { folder, fs, wtclient } = yield* newClient
        const { code, stderr, stdout } = yield* wtclient(...words)
        assert.match(stderr, sentence)
        oneSentence(stderr)
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
      })
    )
  }
})
