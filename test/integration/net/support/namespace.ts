/**
 * Programs in a network of their own: with its own loopback and routes, its own `/etc/hosts` and its own name servers. Any
 * Linux offers that to any user, unless its administrator or a container's rules forbid it.
 */
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert } from "@effect/vitest"
import { Effect } from "effect"
import { bundle } from "../../database/support/process.js"

const unshare = [["-rnm"], ["-nm"]].find(
  (flags) =>
    spawnSync("unshare", [...flags, "sh", "-c", "ip link set lo up && mount --bind /etc/hosts /etc/hosts"]).status === 0
)

/** Why there are no such networks here; nothing, where there are. */
export const isMissing: string | undefined =
  unshare === undefined
    ? "this machine gives no network namespaces to its users, or unshare (util-linux) or ip (iproute2) is not installed"
    : undefined

/** The text that says that tests are left out. */
export const sayIfMissing = (what: string): void => {
  if (isMissing !== undefined) console.warn(`The tests of ${what} are skipped: ${isMissing}.`)
}

/** What is around a program. */
export interface Surroundings {
  /** Lines of /etc/hosts (default: localhost). */
  readonly hosts?: string | undefined
  /** Lines of /etc/resolv.conf (default: the name server of the program itself). */
  readonly resolv?: string | undefined
  /** Commands of a shell, said before the program starts (default: the loopback comes up). */
  readonly setup?: string | undefined
}

/** The scenes of a program: each runs in a process of its own and answers what it saw. */
export const scenes = async (program: string) => {
  const { file, remove } = await bundle(fileURLToPath(new URL(program, import.meta.url)))
  afterAll(remove)

  /** The last line that a command prints, as JSON. It is killed with the scope; it is to end by itself. */
  const answerOf = (command: ReadonlyArray<string>) =>
    Effect.async<unknown>((resume) => {
      const [name = "", ...args] = command
      const child = spawn(name, args, { stdio: ["ignore", "pipe", "pipe"] })
      let said = ""
      let complaints = ""
      child.stdout.on("data", (bytes) => {
        said += String(bytes)
      })
      child.stderr.on("data", (bytes) => {
        complaints += String(bytes)
      })
      child.on("close", (code) => {
        resume(
          Effect.sync(() => {
            assert.strictEqual(code, 0, `${command.join(" ")}: ${complaints} ${said}`)
            return JSON.parse(said.trim().split("\n").at(-1) ?? "")
          })
        )
      })
      return Effect.sync(() => void child.kill("SIGKILL"))
    })

  const play = (scene: string, given: ReadonlyArray<string | number>) => [
    process.execPath,
    file,
    scene,
    ...given.map(String)
  ]

  return {
    /** A scene on this machine's network; `before`: a program that starts it. */
    here: (before: ReadonlyArray<string>, scene: string, ...given: ReadonlyArray<string | number>) =>
      answerOf([...before, ...play(scene, given)]),
    /** A scene in a network of its own. */
    alone: ({ hosts, resolv, setup }: Surroundings, scene: string, ...given: ReadonlyArray<string | number>) =>
      Effect.scoped(
        Effect.gen(function* () {
          const folder = yield* Effect.acquireRelease(
            Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "network-"))),
            (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
          )
          fs.writeFileSync(path.join(folder, "hosts"), hosts ?? "127.0.0.1 localhost\n")
          fs.writeFileSync(path.join(folder, "resolv.conf"), resolv ?? "nameserver 127.0.0.1\n")
          const script = [
            "set -e",
            `mount --bind ${folder}/hosts /etc/hosts`,
            `mount --bind ${folder}/resolv.conf /etc/resolv.conf`,
            setup ?? "ip link set lo up",
            'exec "$@"'
          ].join("\n")
          return yield* answerOf(["unshare", ...(unshare ?? []), "bash", "-c", script, "bash", ...play(scene, given)])
        })
      )
  }
}
