/** The configuration of `wtclient run`: where each value comes from, and what is refused. */
import { execFileSync, spawn } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { newClient, wtclient } from "./wtclient.js"

type Environment = Readonly<Record<string, string>>

interface Row {
  readonly option: string
  readonly value: string
  readonly from: string
}

/** A client with a key and a configuration file, and `wtclient run` for it. */
const configured = (text?: string) =>
  Effect.gen(function* () {
    const client = yield* newClient
    yield* client.wtclient("init")
    const file = client.at("wtclient.toml")
    if (text !== undefined) yield* client.fs.writeFileString(file, text)
    const run = (words: ReadonlyArray<string>, environment: Environment = {}) =>
      wtclient(["run", ...client.flags, ...words], undefined, environment)
    const printed = (words: ReadonlyArray<string> = [], environment: Environment = {}) =>
      Effect.map(run(["--print-config", "--json", ...words], environment), ({ code, stderr, stdout }) => {
        assert.strictEqual(code, 0, stderr)
        const rows: ReadonlyArray<Row> = JSON.parse(stdout)
        return new Map(rows.map(({ from, option, value }) => [option, [value, from]]))
      })
    return { ...client, file, run, printed }
  })

const firstLine = ({ stderr }: { readonly stderr: string }) => stderr.split("\n")[0]

describe("wtclient run --print-config", () => {
  it.scoped(
    "takes a flag before the environment, the environment before the file, and the file before the default",
    () =>
      Effect.gen(function* () {
        const { file, printed } = yield* configured("# Copies.\n[backup]\ncopies = 2\nwindow = 8\n")
        const name = "WATCHTOWER_BACKUP_COPIES"
        assert.deepStrictEqual((yield* printed()).get("backup.copies"), ["2", `file ${file}, line 3`])
        const inEnvironment = yield* printed([], { [name]: "3" })
        assert.deepStrictEqual(inEnvironment.get("backup.copies"), ["3", `environment ${name}`])
        assert.deepStrictEqual(inEnvironment.get("backup.window"), ["8", `file ${file}, line 4`])
        assert.deepStrictEqual(inEnvironment.get("backup.linger"), ["10s", "default"])
        const asFlag = yield* printed(["--copies", "4"], { [name]: "3" })
        assert.deepStrictEqual(asFlag.get("backup.copies"), ["4", "flag --copies"])
        assert.deepStrictEqual((yield* printed([], { [name]: "" })).get("backup.copies"), ["2", `file ${file}, line 3`])
      })
  )

  it.scoped("says the line of a value that has several", () =>
    Effect.gen(function* () {
      const text = 'max-updates = 7\n\nblob-type = [\n  "anchor", # and\n  "taproot",\n]\njitter = true\n'
      const { file, printed } = yield* configured(text)
      const rows = yield* printed()
      assert.deepStrictEqual(rows.get("blob-type"), ["anchor,taproot", `file ${file}, line 3`])
      assert.deepStrictEqual(rows.get("jitter"), ["true", `file ${file}, line 7`])
    })
  )

  it.scoped("reads another file where that is named, by a flag or in the environment", () =>
    Effect.gen(function* () {
      const { at, fs, printed, run } = yield* configured("[backup]\ncopies = 2\n")
      yield* fs.writeFileString(at("other.toml"), "backup.copies = 5\n")
      const asFlag = yield* printed(["--config", at("other.toml")])
      assert.deepStrictEqual(asFlag.get("config"), [at("other.toml"), "flag --config"])
      assert.deepStrictEqual(asFlag.get("backup.copies"), ["5", `file ${at("other.toml")}, line 1`])
      const inEnvironment = yield* printed([], { WATCHTOWER_CONFIG: at("other.toml") })
      assert.deepStrictEqual(inEnvironment.get("backup.copies")?.[0], "5")
      const missing = yield* run(["--config", at("none.toml"), "--print-config"])
      assert.deepStrictEqual(
        [missing.code, firstLine(missing)],
        [2, `wtclient: There is no configuration file ${at("none.toml")}.`]
      )
      yield* fs.remove(at("wtclient.toml"))
      assert.deepStrictEqual((yield* printed()).get("config"), ["none", "default"])
    })
  )

  it.scoped("takes the whole proxy from the flag", () =>
    Effect.gen(function* () {
      const { printed } = yield* configured('[proxy]\nhost = "tor"\nport = 9150\n')
      const rows = yield* printed(["--proxy", "127.0.0.1"])
      assert.deepStrictEqual(rows.get("proxy.host"), ["127.0.0.1", "flag --proxy"])
      assert.deepStrictEqual(rows.get("proxy.port"), ["9050", "flag --proxy"])
    })
  )

  it.scoped("lets the nearer of two places to listen count", () =>
    Effect.gen(function* () {
      const { printed, run } = yield* configured('socket = "/run/one"\n')
      assert.isTrue((yield* printed()).has("socket"))
      const rows = yield* printed(["--listen", "127.0.0.1:99"])
      assert.deepStrictEqual(rows.get("listen"), ["127.0.0.1:99", "flag --listen"])
      assert.isFalse(rows.has("socket"))
      const both = yield* run(["--check-config"], { WATCHTOWER_LISTEN: "127.0.0.1:1", WATCHTOWER_SOCKET: "/run/two" })
      assert.deepStrictEqual(
        [both.code, firstLine(both)],
        [
          2,
          "wtclient: In the environment, WATCHTOWER_LISTEN and WATCHTOWER_SOCKET are both given. The service listens in one place."
        ]
      )
    })
  )

  it.scoped("names the database of the environment, without its password", () =>
    Effect.gen(function* () {
      const { run } = yield* configured()
      const DATABASE_URL = "postgresql://me:swordfish@db.example/towers?sslmode=require&password=swordfish"
      const { stdout } = yield* run(["--print-config"], { DATABASE_URL })
      assert.match(
        stdout,
        /^database +postgresql:\/\/me:\*\*\*@db\.example\/towers\?sslmode=require&password=\*\*\* +environment DATABASE_URL$/m
      )
      assert.notInclude(stdout, "swordfish")
    })
  )

  it.scoped("warns of a variable that looks like an option and is none", () =>
    Effect.gen(function* () {
      const { run } = yield* configured()
      const { code, stderr } = yield* run(["--check-config"], { WATCHTOWER_BACKUP_SPAER: "1", WATCHTOWERS: "2" })
      assert.strictEqual(
        stderr,
        "wtclient: The environment has WATCHTOWER_BACKUP_SPAER, which is no option. Did you mean WATCHTOWER_BACKUP_SPARE?\n"
      )
      assert.strictEqual(code, 0)
    })
  )
})

describe("wtclient run --check-config", () => {
  it.scoped("finds nothing wrong, and starts nothing", () =>
    Effect.gen(function* () {
      const { at, file, fs, run } = yield* configured('[log]\nformat = "json"\n')
      const { code, stderr, stdout } = yield* run(["--check-config"])
      assert.deepStrictEqual([code, stderr, stdout], [0, "", `Nothing is wrong with the configuration in ${file}.\n`])
      for (const made of ["token", "service", "wtclient.db"]) assert.isFalse(yield* Effect.orDie(fs.exists(at(made))))
    })
  )

  it.scoped("reads what a shell hands over in a pipe", () =>
    Effect.gen(function* () {
      const { at, run } = yield* configured()
      const pipe = at("pipe")
      execFileSync("mkfifo", [pipe])
      spawn("sh", ["-c", `printf '[log]\\nformat = "json"\\n' > "$0"`, pipe])
      const { code, stderr, stdout } = yield* run(["--check-config", "--config", pipe])
      assert.deepStrictEqual([code, stderr, stdout], [0, "", `Nothing is wrong with the configuration in ${pipe}.\n`])
    })
  )

  it.scoped("refuses a device, which may never end, and a file that is far too long", () =>
    Effect.gen(function* () {
      const { file, run } = yield* configured(`# ${"x".repeat(64 * 1024)}\n`)
      const device = yield* run(["--check-config", "--config", "/dev/zero"])
      assert.deepStrictEqual(
        [device.code, firstLine(device)],
        [2, "wtclient: The configuration file /dev/zero is a device. Name a file."]
      )
      const long = yield* run(["--check-config"])
      assert.deepStrictEqual(
        [long.code, firstLine(long)],
        [2, `wtclient: The configuration file ${file} is too long. The most is 64 KiB.`]
      )
    })
  )

  const wrongFiles: ReadonlyArray<[what: string, text: string, sentence: string]> = [
    ["what is not TOML", "jitter = true\nsocket =\n", "line 2: this is not TOML (invalid value)."],
    [
      "a key twice",
      "socket = 'a'\nsocket = 'b'\n",
      "line 2: this is not TOML (trying to redefine an already defined table or value)."
    ],
    [
      "an unknown key",
      "[backup]\ncoppies = 2\n",
      "line 2: there is no option backup.coppies. Did you mean backup.copies?"
    ],
    [
      "a key of a table outside of it",
      "\ncopies = 2\n",
      "line 2: there is no option copies. Did you mean backup.copies?"
    ],
    ["a key like nothing", "frobnicate = 2\n", "line 1: there is no option frobnicate."],
    [
      "a wrong key behind a value of several lines, with what looks like a table in it",
      'blob-type = [\n  "anchor",\n  "taproot"\n]\n# [proxy]\n[backup]\nfrobnicate = """\n[proxy]\n"""\n',
      "line 7: there is no option backup.frobnicate."
    ],
    // The search for its line once took a minute.
    ["a value of very many lines", `\nmany = [\n${"1,\n".repeat(20_000)}]\n`, "line 2: there is no option many."],
    [
      "a quoted key",
      '"backup.copies" = 2\n',
      'line 1: there is no option "backup.copies". Did you mean backup.copies?'
    ],
    ["a table for a value", "[jitter]\non = true\n", "line 2: there is no option jitter.on. Did you mean jitter?"],
    ["a value for a table", "backup = 2\n", "line 1: there is no option backup."],
    [
      "a text for a number",
      '[backup]\ncopies = "2"\n',
      'line 2: backup.copies takes a whole number from 1 to 255 (copies), not "2".'
    ],
    [
      "a number out of range",
      "[backup]\ncopies = 300\n",
      "line 2: backup.copies takes a whole number from 1 to 255 (copies), not 300."
    ],
    [
      "a fraction",
      "[backup]\ncopies = 1.5\n",
      "line 2: backup.copies takes a whole number from 1 to 255 (copies), not 1.5."
    ],
    [
      "a huge number",
      "sweep-fee-rate = 99999999999999999999\n",
      "line 1: sweep-fee-rate takes a whole number from 0 to 9223372036854775807 (sat/kw on Bitcoin, atoms/kB on Decred), not 99999999999999999999."
    ],
    ["a number for a text", "[proxy]\nhost = 5\n", "line 2: proxy.host takes a host name or an IP address, not 5."],
    [
      "a number for a time",
      "min-backoff = 10\n",
      'line 1: min-backoff takes a time above 0 and at most 24d (such as "1 second"), not 10.'
    ],
    ["a number for a truth", "jitter = 1\n", "line 1: jitter takes true or false, not 1."],
    ["a text for a truth", 'jitter = "yes"\n', 'line 1: jitter takes true or false, not "yes".'],
    ["a date", "socket = 1979-05-27\n", "line 1: socket takes the path of a unix socket, not a value of another type."],
    [
      "a list for one value",
      "[proxy]\nhost = ['a']\n",
      'line 2: proxy.host takes a host name or an IP address, not ["a"].'
    ],
    [
      "a list with a stranger",
      "blob-type = ['anchor', 'tapioca']\n",
      'line 1: blob-type takes legacy, reward, anchor, taproot, taproot-final or a number from 0 to 65535; several between commas, with the flag several times, or in the file as a list, not ["anchor","tapioca"].'
    ],
    [
      "another host",
      "listen = '10.0.0.1:80'\n",
      'line 1: listen takes 127.0.0.1:PORT, localhost:PORT or [::1]:PORT, not "10.0.0.1:80".'
    ],
    [
      "the client",
      "network = 'regtest'\n",
      "line 1: network says which client is meant, to every command. Give it with --network, or in the environment as WATCHTOWER_NETWORK."
    ]
  ]
  for (const [what, text, sentence] of wrongFiles) {
    it.scoped(`refuses ${what}, by file and line`, () =>
      Effect.gen(function* () {
        const { file, run } = yield* configured(text)
        const refused = yield* run(["--check-config"])
        assert.deepStrictEqual([firstLine(refused), refused.code], [`wtclient: In ${file}, ${sentence}`, 2])
        assert.match(refused.stderr, /\nNext: wtclient run --help\n$/)
      })
    )
  }

  it.scoped("refuses both places in the file, and a port without a host", () =>
    Effect.gen(function* () {
      const { file, fs, run } = yield* configured('listen = "127.0.0.1:1"\nsocket = "/run/one"\n')
      assert.strictEqual(
        firstLine(yield* run(["--check-config"])),
        "wtclient: In the configuration file, listen and socket are both given. The service listens in one place."
      )
      yield* fs.writeFileString(file, "[proxy]\nport = 9050\n")
      assert.strictEqual(
        firstLine(yield* run(["--check-config"])),
        "wtclient: The port of a proxy is given, and not its host. Give proxy.host too, or neither of them."
      )
    })
  )

  it.scoped("refuses values that do not fit together", () =>
    Effect.gen(function* () {
      const { file, fs, run } = yield* configured('max-backoff = "1 second"\n')
      const wrong = yield* run(["--check-config"])
      assert.deepStrictEqual(
        [firstLine(wrong), wrong.code],
        ["wtclient: In the configuration, min-backoff takes a time of at most max-backoff, which is 1s, not 10s.", 2]
      )
      yield* fs.writeFileString(file, "sweep-fee-rate = 999\n")
      const low = yield* run(["--check-config"])
      assert.match(low.stderr, /999 sat\/kw; towers take 1000 or more/)
      assert.strictEqual(low.code, 2)
    })
  )

  it.scoped("refuses what the environment cannot mean, also where the file has a value", () =>
    Effect.gen(function* () {
      const { run } = yield* configured("[backup]\ncopies = 2\n")
      const refused = yield* run(["--check-config"], { WATCHTOWER_BACKUP_COPIES: "seventy" })
      assert.deepStrictEqual(
        [firstLine(refused), refused.code],
        [
          'wtclient: In the environment, WATCHTOWER_BACKUP_COPIES takes a whole number from 1 to 255 (copies), not "seventy".',
          2
        ]
      )
    })
  )

  it.scoped("finds a key file that others can read, a wrong token, and a file that cannot be read", () =>
    Effect.gen(function* () {
      const { at, file, fs, run } = yield* configured("")
      yield* fs.chmod(at("key"), 0o644)
      assert.match(firstLine(yield* run(["--check-config"])) ?? "", /The key file .* can be read by others\./)
      const allowed = yield* run(["--check-config", "--key-readable-by", "everyone"])
      assert.strictEqual(allowed.code, 0, allowed.stderr)
      yield* fs.chmod(at("key"), 0o600)
      yield* fs.writeFileString(at("token"), "short\n", { mode: 0o600 })
      const token = yield* run(["--check-config"])
      assert.deepStrictEqual([token.code, /has no token of 64 hex digits/.test(token.stderr)], [1, true])
      yield* fs.remove(at("token"))
      yield* fs.remove(file)
      yield* fs.makeDirectory(file)
      const folder = yield* run(["--check-config"])
      assert.deepStrictEqual(
        [folder.code, firstLine(folder)],
        [2, `wtclient: The configuration file ${file} cannot be read: it is a folder.`]
      )
    })
  )
})
