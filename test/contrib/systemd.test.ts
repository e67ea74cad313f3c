/** The unit of the service: systemd can read it, it is hardened, and forbids no system call that the service makes. */
import { execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { newClient } from "../cli/wtclient.js"
import { bundle } from "../integration/database/support/process.js"

const unit = path.resolve("contrib/systemd/wtclient.service")
const isThere = (program: string) => spawnSync(program, ["--version"]).status === 0
const hasSystemd = isThere("systemd-analyze")
const hasStrace = isThere("strace")

if (!hasSystemd) console.warn("The systemd unit is not checked: systemd-analyze is not installed.")
if (!hasStrace) console.warn("The system calls of the service are not checked: strace is not installed.")

const program = await bundle("src/bin.ts")

afterAll(() => program.remove())

/** The system calls of each group that begins with @. */
const groups = (): ReadonlyMap<string, ReadonlyArray<string>> => {
  const found = new Map<string, Array<string>>()
  let calls: Array<string> = []
  for (const line of execFileSync("systemd-analyze", ["syscall-filter"], { encoding: "utf8" }).split("\n")) {
    if (line.startsWith("@")) {
      calls = []
      found.set(line.trim(), calls)
    } else if (line.trim() !== "" && !line.trim().startsWith("#")) calls.push(line.trim())
  }
  return found
}

/** The calls that the unit allows: what a line adds, without what a later one beginning with ~ takes away. */
const allowed = (): ReadonlySet<string> => {
  const known = groups()
  const callsOf = (name: string): ReadonlyArray<string> =>
    name.startsWith("@") ? (known.get(name) ?? []).flatMap(callsOf) : [name]
  const set = new Set(callsOf("@default"))
  for (const [, words = ""] of fs.readFileSync(unit, "utf8").matchAll(/^SystemCallFilter=(.*)$/gm)) {
    const isForbidden = words.startsWith("~")
    for (const call of words.replace("~", "").split(" ").flatMap(callsOf)) {
      if (isForbidden) set.delete(call)
      else set.add(call)
    }
  }
  return set
}

describe.skipIf(!hasSystemd)("contrib/systemd/wtclient.service", () => {
  it.scoped("is read by systemd without a complaint", () =>
    Effect.gen(function* () {
      const { folder } = yield* newClient
      const copy = path.join(folder, "wtclient.service")
      fs.writeFileSync(copy, fs.readFileSync(unit, "utf8").replace("/usr/bin/wtclient", process.execPath))
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", copy], { encoding: "utf8" })
      assert.deepStrictEqual([status, stderr], [0, ""])
    })
  )

  it("exposes little of the system, as systemd judges", () => {
    const words = ["security", "--offline=true", "--threshold=20", unit]
    const { status, stdout } = spawnSync("systemd-analyze", words, { encoding: "utf8" })
    assert.strictEqual(status, 0, stdout)
  })

  it.scopedLive.skipIf(!hasStrace)("allows each system call of a service that starts and stops", () =>
    Effect.gen(function* () {
      const client = yield* newClient
      yield* client.wtclient("init")
      const trace = path.join(client.folder, "trace")
      const service = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn(
            "strace",
            ["-f", "-qq", "-o", trace, process.execPath, program.file, "run", "--network", "regtest"].concat([
              "--data-dir",
              client.folder,
              "--socket",
              path.join(client.folder, "socket")
            ]),
            { stdio: ["ignore", "pipe", "inherit"], detached: true, env: { ...process.env, DATABASE_URL: "" } }
          )
        ),
        ({ exitCode, pid }) =>
          Effect.sync(() => {
            if (pid !== undefined && exitCode === null) process.kill(-pid, "SIGKILL")
          })
      )
      yield* Effect.promise(() => once(service.stdout, "data"))
      const closed = once(service, "close")
      if (service.pid !== undefined) process.kill(-service.pid, "SIGTERM")
      yield* Effect.promise(() => closed)
      const lines = fs.readFileSync(trace, "utf8").split("\n")
      const used = new Set(
        lines.flatMap((line) => /^\d+ +(?:<\.\.\. )?([a-z]\w*)(?:\(| resumed)/.exec(line)?.[1] ?? [])
      )
      assert.include([...used], "epoll_pwait")
      const set = allowed()
      // SQLite changes the owner of its files only where it is run by root.
      const forbidden = [...used].filter((call) => !set.has(call) && call !== "fchown")
      assert.deepStrictEqual(forbidden, [])
    })
  )
})
