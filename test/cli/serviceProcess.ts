/** `wtclient run` as a process, with a client of its own. */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Readable } from "node:stream"
import { afterAll } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { buildPage } from "../../scripts/page.js"
import * as NodeLoopbackTower from "../../src/layers/tower/NodeLoopbackTower.js"
import * as Chain from "../../src/schema/Chain.js"
import * as TowerUri from "../../src/schema/TowerUri.js"
import { bundle } from "../integration/database/support/process.js"
import { request } from "../layers/http/service.js"
import { newClient } from "./wtclient.js"

/** The program of this file's tests. */
export const program = await bundle("src/bin.ts")
await buildPage(path.join(path.dirname(program.file), "page"))

afterAll(() => program.remove())

type Child = ChildProcessByStdio<null, Readable, Readable>

/** A program that is killed with the scope; `said` comes back when its output has this in it. */
export const started = (
  file: string,
  words: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {}
) =>
  Effect.gen(function* () {
    const child: Child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(file, [...words], {
          stdio: ["ignore", "pipe", "pipe"],
          env: { ...process.env, DATABASE_URL: "", npm_command: "", ...environment }
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const closed = once(child, "close")
    let text = ""
    const looks = new Set<() => void>()
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString()
        for (const look of looks) look()
      })
    }
    const said = (part: RegExp): Effect.Effect<string> =>
      Effect.async((resume) => {
        const look = () => {
          if (part.test(text)) resume(Effect.succeed(text))
        }
        looks.add(look)
        look()
        closed.then(() => resume(Effect.die(new Error(`It has ended, and said: ${text}`))))
        return Effect.sync(() => looks.delete(look))
      })
    return {
      child,
      said,
      end: Effect.map(
        Effect.promise(() => closed),
        ([code]) => ({ code: Number(code), text })
      )
    }
  })

/** That of the tower. */
export const secretKey = Redacted.make(new Uint8Array(32).fill(7))

/** A client with a key and, if asked for, a tower; and its service on a unix socket. */
export const running = (words: ReadonlyArray<string> = [], environment: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const client = yield* newClient
    const tower = yield* NodeLoopbackTower.make({ chain: Chain.bitcoinRegtest, secretKey })
    yield* client.wtclient("init")
    yield* client.wtclient("add", TowerUri.print(tower.uri))
    const socketPath = path.join(client.folder, "socket")
    const service = yield* started(
      process.execPath,
      [program.file, "run", "--socket", socketPath, ...client.flags, ...words],
      environment
    )
    yield* service.said(/listens on/)
    const token = fs.readFileSync(client.at("token"), "utf8").trim()
    const ask = (at: string, given: { readonly method?: string; readonly json?: unknown } = {}) =>
      request({ socketPath }, at, { ...given, token })
    return { ...client, ...service, tower, token, socketPath, ask }
  })
