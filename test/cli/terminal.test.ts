/** The program at a terminal, which `script` gives it. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import keychain from "../fixtures/keychain-vectors.json" with { type: "json" }
import { bundle } from "../integration/database/support/process.js"
import { silent, stuckPostgres } from "./strangers.js"
import { newClient } from "./wtclient.js"

const program = await bundle("src/bin.ts")

afterAll(() => program.remove())

/** The program with these words: what it has shown, what is typed, and how it ended. */
const atTerminal = (words: ReadonlyArray<string>, databaseUrl = "") =>
  Effect.gen(function* () {
    const command = ["exec", process.execPath, program.file, ...words].join(" ")
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn("script", ["--quiet", "--flush", "--return", "--command", command, "/dev/null"], {
          env: { ...process.env, DATABASE_URL: databaseUrl, npm_command: "" }
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    let shown = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      shown += text
    })
    const closed = once(child, "close")
    return {
      /** The terminal is closed. */
      close: Effect.sync(() => child.kill("SIGKILL")),
      /** The program is sent a signal. */
      signal: (signal: NodeJS.Signals) =>
        Effect.sync(() => {
          const children = fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")
          process.kill(Number(children), signal)
        }),
      shows: (what: RegExp) =>
        Effect.promise(async () => {
          while (!what.test(shown))
            await Promise.race([once(child.stdout, "data"), closed.then(() => assert.fail(shown))])
        }),
      type: (text: string) => Effect.sync(() => void child.stdin.write(text)),
      end: Effect.promise(async () => {
        const [code] = await closed
        return { code: Number(code), shown }
      })
    }
  })

const controlC = "\u0003"

describe("at a terminal", () => {
  it.scopedLive("init asks for the seed, and does not show what is typed", () =>
    Effect.gen(function* () {
      const { at, flags } = yield* newClient
      const { end, shows, type } = yield* atTerminal(["init", "--import", "-", ...flags])
      yield* shows(/The seed in hex, or the extended private key/)
      yield* type(`${keychain.seed}\r`)
      const { code, shown } = yield* end
      assert.strictEqual(code, 0)
      assert.include(shown, "Wrote the key file")
      assert.notInclude(shown, keychain.seed.slice(0, 4))
      assert.include(fs.readFileSync(at("key"), "utf8"), `seed: ${keychain.seed}\n`)
    })
  )

  it.scopedLive("init writes nothing where no seed is typed", () =>
    Effect.gen(function* () {
      const { folder, flags } = yield* newClient
      const { end, shows, type } = yield* atTerminal(["init", "--import", "-", ...flags])
      yield* shows(/The seed in hex/)
      yield* type(controlC)
      const { code, shown } = yield* end
      assert.strictEqual(code, 1)
      assert.include(shown, "wtclient: No seed was given, and nothing was written.")
      assert.deepStrictEqual(fs.readdirSync(folder), [])
    })
  )

  it.scopedLive("watch has a screen of its own, and gives the terminal back at Ctrl-C", () =>
    Effect.gen(function* () {
      const { flags, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", `${publicKeyOf(1)}@127.0.0.1:1`)
      const { end, shows, type } = yield* atTerminal(["watch", ...flags])
      yield* shows(/Tower 1, /)
      yield* wtclient("add", `${publicKeyOf(2)}@127.0.0.1:1`)
      yield* shows(/Z tower 2: was added, at 127\.0\.0\.1:1/)
      yield* type(controlC)
      const { code, shown } = yield* end
      assert.strictEqual(code, 130)
      assert.isTrue(shown.startsWith("\u001b[?1049h\u001b[?25l"))
      assert.isTrue(shown.endsWith("\u001b[?25h\u001b[?1049l"))
    })
  )

  it.scopedLive("negotiate says what it waits for, and how long", () =>
    Effect.gen(function* () {
      const { flags, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", `${publicKeyOf(1)}@${yield* silent}`)
      const { end, shows, type } = yield* atTerminal(["negotiate", "--json", "--count", "2", ...flags])
      yield* shows(/… \d s: session 1 of 2; tower 1: shakes hands/)
      yield* type(controlC)
      const { code, shown } = yield* end
      assert.strictEqual(code, 130)
      assert.notInclude(shown, "\n")
    })
  )

  for (const words of [
    ["add", `${publicKeyOf(1)}@tower.example`],
    ["negotiate"],
    ["towers"],
    ["db", "skip-keys"],
    ["db", "check"],
    ["watch"]
  ]) {
    it.scopedLive(`${words.join(" ").slice(0, 12)} says that it opens a database whose server takes its time`, () =>
      Effect.gen(function* () {
        const { flags, wtclient } = yield* newClient
        yield* wtclient("init")
        const url = `postgresql://user:word@${yield* stuckPostgres}/towers`
        const { end, shows, type } = yield* atTerminal([...words, ...flags], url)
        yield* shows(/… \d s: opens the database of DATABASE_URL/)
        yield* type(controlC)
        assert.strictEqual((yield* end).code, 130)
      })
    )
  }

  it.scopedLive("the service reads its configuration again at SIGHUP, and ends when the terminal is closed", () =>
    Effect.gen(function* () {
      const { at, flags, folder, wtclient } = yield* newClient
      yield* wtclient("init")
      const words = ["run", "--quiet", "--socket", `${folder}/socket`, ...flags]
      const { close, shows } = yield* atTerminal(words)
      yield* shows(/its database is/)
      const watcher = fs.watch(`${folder}/bitcoin/regtest`)
      yield* close
      while (fs.existsSync(at("service"))) yield* Effect.promise(() => once(watcher, "change"))
      watcher.close()
      const again = yield* atTerminal(words.filter((word) => word !== "--quiet"))
      yield* again.shows(/its database is/)
      yield* again.signal("SIGHUP")
      yield* again.shows(/info the configuration stays as it was/)
    })
  )
})
