import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import manifest from "../../package.json" with { type: "json" }
import keychain from "../fixtures/keychain-vectors.json" with { type: "json" }
import { bundle } from "../integration/database/support/process.js"

const program = await bundle("src/bin.ts")

afterAll(() => program.remove())

const start = (words: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [program.file, ...words], { env: { ...process.env, DATABASE_URL: "", npm_command: "" } })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const text = async (stream: AsyncIterable<Buffer>) => {
  const parts: Array<Buffer> = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts).toString()
}

const end = (
  child: ChildProcess & { readonly stdout: AsyncIterable<Buffer>; readonly stderr: AsyncIterable<Buffer> }
) =>
  Effect.promise(async () => {
    const [[code], stdout, stderr] = await Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)])
    return { code: Number(code), stdout, stderr }
  })

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped()).pipe(
  Effect.provide(NodeContext.layer)
)

describe("the program", () => {
  it.scopedLive("says the package's version, and who computes on the curve", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Effect.flatMap(start(["--version"]), end)
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.match(stdout.trim(), new RegExp(`^${manifest.version} \\(secp256k1: (native|WebAssembly)\\)$`))
    })
  )

  it.scopedLive("ends with 2 and one sentence when it is used wrongly", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* Effect.flatMap(start(["add", "--jsno"]), end)
      assert.deepStrictEqual(
        [code, stderr, stdout],
        [2, `wtclient: There is no flag --jsno. Did you mean --json?\nNext: node ${program.file} add --help\n`, ""]
      )
    })
  )

  it.scopedLive("reads a seed from standard input", () =>
    Effect.gen(function* () {
      const child = yield* start(["init", "--import", "-", "--json", "--data-dir", yield* folder])
      child.stdin.end(`${keychain.seed}\n`)
      const { code, stderr, stdout } = yield* end(child)
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.include(stdout, '"layout":"lnd"')
      assert.notInclude(stdout, keychain.seed)
    })
  )

  it.scopedLive("refuses a seed that goes on and on at standard input", () =>
    Effect.gen(function* () {
      const dataDir = yield* folder
      const child = yield* start(["init", "--import", "-", "--data-dir", dataDir])
      // The program does not read the rest.
      child.stdin.on("error", () => {})
      child.stdin.end(`${keychain.seed}\n${" ".repeat(1_000_000)}`)
      const { code, stderr } = yield* end(child)
      assert.deepStrictEqual(
        [code, stderr],
        [1, "wtclient: Standard input cannot be read: it has more than 4096 bytes.\n"]
      )
    })
  )

  const redirected: Array<[what: string, words: string, sentence: RegExp]> = [
    [
      "the output of a command in the place of a file",
      `--import <(echo ${keychain.seed})`,
      /^wtclient: The file \/dev\/fd\/\d+ cannot be read: it is no file; what a pipe brings can be read with --import -\.\n$/
    ],
    [
      "standard input that is open for writing",
      "--import - 0> /dev/null",
      /^wtclient: Standard input cannot be read: the system says EBADF\.\n$/
    ]
  ]
  for (const [what, words, sentence] of redirected) {
    it.scopedLive(`says why it reads no seed from ${what}`, () =>
      Effect.gen(function* () {
        const command = `exec ${process.execPath} ${program.file} init --data-dir ${yield* folder} ${words}`
        const child = yield* Effect.acquireRelease(
          Effect.sync(() => spawn("bash", ["-c", command])),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        const { code, stderr } = yield* end(child)
        assert.match(stderr, sentence)
        assert.strictEqual(code, 1)
      })
    )
  }

  it.scopedLive("serves at the same address each time, until it is stopped", () =>
    Effect.gen(function* () {
      const dataDir = yield* folder
      const serveOnce = Effect.gen(function* () {
        const child = yield* start(["serve", "--json", "--data-dir", dataDir])
        const first = yield* Effect.promise(async () => {
          const [line] = await once(createInterface({ input: child.stdout }), "line")
          return String(line)
        })
        child.kill("SIGINT")
        const [code] = yield* Effect.promise(() => once(child, "close"))
        return { first, code: Number(code) }
      })
      const one = yield* serveOnce
      assert.match(one.first, /"uri":"[0-9a-f]{66}@127\.0\.0\.1:\d+"/)
      assert.strictEqual(one.code, 130)
      assert.deepStrictEqual(yield* serveOnce, one)
    })
  )

  it.scopedLive("prints commands that work as they are, from no client to a session", () =>
    Effect.gen(function* () {
      const dataDir = `${yield* folder}/it's here`
      const flags = ["--network", "regtest", "--data-dir", dataDir]
      const tower = yield* start(["serve", "--json", ...flags])
      const [line] = yield* Effect.promise(() => once(createInterface({ input: tower.stdout }), "line"))
      const uri: string = JSON.parse(String(line)).uri
      const nextOf = (said: string) => /^Next: (.*)$/m.exec(said)?.[1]?.replace("PUBLICKEY@HOST", uri)
      const typed = (command = "false") =>
        Effect.flatMap(
          Effect.sync(() =>
            spawn("sh", ["-c", command], { env: { ...process.env, DATABASE_URL: "", npm_command: "" } })
          ),
          end
        )
      const nothing = yield* Effect.flatMap(start(["towers", ...flags]), end)
      const init = yield* typed(nextOf(nothing.stderr))
      const add = yield* typed(nextOf(init.stdout))
      const negotiate = yield* typed(nextOf(add.stdout))
      assert.deepStrictEqual([init.code, add.code, negotiate.code], [0, 0, 0])
      assert.match(negotiate.stdout, /session [0-9a-f]{66} is stored/)
    })
  )

  it.scopedLive("stops, as if by a signal, when the reader of its output has gone", () =>
    Effect.gen(function* () {
      const child = yield* start(["serve", "--data-dir", yield* folder])
      child.stdout.destroy()
      const [[code], stderr] = yield* Effect.promise(() => Promise.all([once(child, "close"), text(child.stderr)]))
      assert.deepStrictEqual([code, stderr], [141, ""])
    })
  )

  it.scopedLive("stops with a sentence when its output cannot be written", () =>
    Effect.gen(function* () {
      const command = `exec ${process.execPath} ${program.file} serve --data-dir ${yield* folder} > /dev/full`
      const child = yield* Effect.acquireRelease(
        Effect.sync(() => spawn("sh", ["-c", command])),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      const [[code], stderr] = yield* Effect.promise(() => Promise.all([once(child, "close"), text(child.stderr)]))
      assert.match(stderr, /^wtclient: Standard output cannot be written: the disk is full\. [^\n]+\n$/)
      assert.strictEqual(code, 74)
    })
  )

  for (const [where, expected, said] of [
    ["> /dev/full", 74, /^wtclient: Standard output cannot be written: the disk is full\. [^\n]+\n$/],
    ["| true", 141, /^$/]
  ] as const) {
    it.scopedLive(`ends with ${expected} where the last that it writes cannot be written: ${where}`, () =>
      Effect.gen(function* () {
        const command = `set -o pipefail; ${process.execPath} ${program.file} --help ${where}`
        const child = yield* Effect.acquireRelease(
          Effect.sync(() => spawn("bash", ["-c", command])),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        const { code, stderr } = yield* end(child)
        assert.match(stderr, said)
        assert.strictEqual(code, expected)
      })
    )
  }

  for (const [signal, expected] of [
    ["SIGHUP", 129],
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const) {
    it.scopedLive(`ends with ${expected} when it is stopped by ${signal}`, () =>
      Effect.gen(function* () {
        const child = yield* start(["serve", "--data-dir", yield* folder])
        yield* Effect.promise(() => once(createInterface({ input: child.stdout }), "line"))
        child.kill(signal)
        const [code] = yield* Effect.promise(() => once(child, "close"))
        assert.strictEqual(code, expected)
      })
    )
  }

  it.scopedLive("logs on standard error alone", () =>
    Effect.gen(function* () {
      const [ours, theirs] = [yield* folder, yield* folder]
      const tower = yield* start(["serve", "--json", "--data-dir", theirs])
      const [line] = yield* Effect.promise(() => once(createInterface({ input: tower.stdout }), "line"))
      const uri: string = JSON.parse(String(line)).uri
      // A tower of another chain refuses for good, which is logged as a warning.
      const wtclient = (...words: ReadonlyArray<string>) =>
        Effect.flatMap(start([...words, "--json", "--network", "regtest", "--data-dir", ours]), end)
      yield* wtclient("init")
      yield* wtclient("add", uri)
      const { code, stderr, stdout } = yield* wtclient("negotiate", "--log-level", "warning")
      assert.strictEqual(code, 1)
      assert.match(stderr, /^\d{4}-\d\d-\d\dT[\d:.]+Z warn tower quarantined .*reason=WrongChain/m)
      assert.notMatch(stderr, /fiber|level=/)
      assert.notInclude(stdout, "tower quarantined")
    })
  )
})
