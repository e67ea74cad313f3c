/** docs/service.md: its commands are run against the program, its endpoints are those of the API. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as path from "node:path"
import { OpenApi } from "@effect/platform"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as Chain from "../../src/schema/Chain.js"
import { WatchtowerApi } from "../../src/schema/http/WatchtowerApi.js"
import * as TowerUri from "../../src/schema/TowerUri.js"
import { newClient } from "../cli/wtclient.js"
import { bundle } from "../integration/database/support/process.js"
import { checkout, of } from "../package/markdown.js"
import { freePort } from "../support/freePort.js"

const program = await bundle("src/bin.ts")
afterAll(() => program.remove())

const page = fs.readFileSync(path.join(checkout, "docs/service.md"), "utf8")
const column = (rows: RegExp) => [...page.matchAll(rows)].map(([, first = ""]) => first).sort()

describe("docs/service.md", () => {
  it("names every endpoint", () => {
    const { paths } = OpenApi.fromApi(WatchtowerApi)
    const expected = Object.entries(paths).flatMap(([at, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${at.replaceAll(/\{[^}]*\}/g, "NAME")}`)
    )
    const named = column(/^\| `((?:GET|POST|DELETE) [^`?]+)/gm).map((one) =>
      one.replaceAll(/\/[A-Z]+(?=\/|$)/g, "/NAME")
    )
    assert.deepStrictEqual(named.sort(), expected.sort())
  })

  it("names every error under its status", () => {
    const { paths } = OpenApi.fromApi(WatchtowerApi)
    const found = new Map<string, Set<string>>()
    for (const methods of Object.values(paths)) {
      for (const { responses } of Object.values(methods)) {
        for (const [status, { content }] of Object.entries(responses)) {
          if (Number(status) < 400) continue
          const names = JSON.stringify(content).matchAll(/#\/components\/schemas\/(\w+)/g)
          found.set(status, new Set([...(found.get(status) ?? []), ...[...names].map(([, name = ""]) => name)]))
        }
      }
    }
    for (const [status, names] of found) {
      const row = page.match(new RegExp(`^\\| ${status} \\| (.*) \\|$`, "m"))?.[1] ?? ""
      for (const name of names) assert.include(row, `\`${name}\``, `${status} ${name}`)
    }
    assert.isAbove(found.size, 8)
  })

  /** Keys, ids and ports differ from run to run. */
  const normal = (text: string) =>
    text
      .replaceAll(/[0-9a-f]{66}/g, "KEY")
      .replaceAll(/(127\.0\.0\.1:)\d+/g, "$1PORT")
      .trim()

  it.scopedLive("leads from the first request to a backed-up state, as it says", () =>
    Effect.gen(function* () {
      // What --print-config prints is compared by configuration.test.ts.
      const [start, ...blocks] = of("console", "docs/service.md").filter(({ text }) => !text.includes("--print-config"))
      const client = yield* newClient
      const tower = yield* NodeLoopbackTower.make({
        chain: Chain.bitcoinRegtest,
        secretKey: Redacted.make(new Uint8Array(32).fill(9))
      })
      const port = yield* Effect.promise(freePort)
      const home = client.folder
      fs.cpSync(path.join(checkout, "examples"), path.join(home, "examples"), { recursive: true })
      const bash = (script: string): Effect.Effect<ChildProcess, never, Scope.Scope> =>
        Effect.acquireRelease(
          Effect.sync(() =>
            spawn("bash", ["-c", script], {
              cwd: home,
              env: { ...process.env, HOME: home, DATABASE_URL: "", TOWER: TowerUri.print(tower.uri) }
            })
          ),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
      const wtclient = (line: string) => line.replace(/^wtclient/, `exec ${process.execPath} ${program.file}`)
      const [init = "", run = ""] = start?.text.match(/(?<=^\$ ).*/gm) ?? []
      const made = yield* bash(wtclient(init))
      yield* Effect.promise(() => once(made, "close"))
      const service = yield* bash(`${wtclient(run)} --listen 127.0.0.1:${port}`)
      yield* Effect.promise(async () => once(service.stdout ?? service, "data"))

      // One shell for all of them, as a person has it; a line of its own says where the output of each begins.
      const commands = blocks.flatMap(({ text }) => text.split(/^\$ /m).slice(1))
      const lines = commands.map((one) => one.split("\n", 1)[0] ?? "")
      const script = lines.map((line) => `${line.replaceAll(":9912", `:${port}`)}\necho; echo ----`).join("\n")
      const shell = yield* bash(script)
      let output = ""
      shell.stdout?.on("data", (chunk: Buffer) => {
        output += chunk.toString()
      })
      yield* Effect.promise(() => once(shell, "close"))
      const printed = output.split("\n----\n")
      commands.forEach((command, at) => {
        const shown = command.split("\n").slice(1).join("\n")
        assert.strictEqual(normal(printed[at] ?? ""), normal(shown), lines[at])
      })
      assert.isAbove(commands.length, 10)
      service.kill("SIGTERM")
      yield* Effect.promise(() => once(service, "close"))
    })
  )
})
