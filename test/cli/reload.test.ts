/** What SIGHUP does to a running service. */
import { once } from "node:events"
import * as fs from "node:fs"
import * as path from "node:path"
import { HttpClientError } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Redacted, Ref } from "effect"
import { WatchtowerClient } from "../../src/api.js"
import { toHex } from "../../src/internal/bytes.js"
import * as RevokedStates from "../../src/layers/testing/RevokedStates.js"
import * as Chain from "../../src/schema/Chain.js"
import { request } from "../layers/http/service.js"
import { other } from "../layers/sql/sqliteFile.js"
import { program, running, started } from "./serviceProcess.js"
import { newClient } from "./wtclient.js"

const clientOf = (socketPath: string, token: string) =>
  Effect.map(
    Layer.build(WatchtowerClient.layer({ at: { socketPath }, token: Redacted.make(token) })),
    Context.get(WatchtowerClient.WatchtowerClient)
  )

/** A request that is still being answered when the tower client ends is answered 503, and sent again. */
const isCut = (error: unknown) =>
  HttpClientError.isHttpClientError(error) && error._tag === "ResponseError" && error.response.status === 503

const times = (count: number, part: string) => new RegExp(`(${part}.*){${count}}`, "s")

describe("SIGHUP", () => {
  it.scopedLive(
    "makes the service take another configuration, at the same address, and loses and doubles nothing",
    () =>
      Effect.gen(function* () {
        const { ask, at, child, end, said, socketPath, token, tower } = yield* running()
        yield* said(/session established/)
        const startedAt = (yield* ask("/v1/status")).body.startedAt
        const { backups, channels } = yield* clientOf(socketPath, token)
        const { at: stateAt, channel } = yield* RevokedStates.make({ chain: Chain.bitcoinRegtest, type: "anchors" })
        yield* channels.register({ payload: channel })
        const handIn = (height: number) =>
          Effect.gen(function* () {
            const { sign, state } = stateAt(height)
            const { digests } = yield* backups.digests({ payload: state })
            const [toLocal = "", toRemote] = yield* Effect.forEach(digests, (digest) => Effect.map(sign(digest), toHex))
            yield* backups.add({ payload: { ...state, signatures: { toLocal, toRemote } } })
          }).pipe(Effect.retry({ while: isCut }))
        const statuses = yield* Ref.make<ReadonlyArray<number>>([])
        const asking = yield* Effect.fork(
          Effect.forever(
            Effect.flatMap(request({ socketPath }, "/healthz"), ({ status }) =>
              Ref.update(statuses, (all) => [...all, status])
            )
          )
        )
        const rounds = [1, 2, 3]
        const inRound = 5
        for (const round of rounds) {
          fs.writeFileSync(at("wtclient.toml"), `[backup]\nwindow = ${round}\n`)
          const handing = yield* Effect.fork(
            Effect.forEach(Array.from({ length: inRound }), (_, index) => handIn((round - 1) * inRound + index + 1))
          )
          child.kill("SIGHUP")
          yield* said(times(round, "info the new configuration is used"))
          yield* Fiber.join(handing)
        }
        const states = rounds.length * inRound
        const progress = yield* backups.progress({
          path: { channelId: channel.id, commitHeight: stateAt(states).state.commitHeight },
          urlParams: { wait: 20 }
        })
        assert.strictEqual(progress.missing, 0)
        yield* Fiber.interrupt(asking)
        assert.deepStrictEqual([...new Set(yield* Ref.get(statuses))], [200])
        const sessions = [...(yield* tower.sessions).keys()]
        const updates = yield* Effect.forEach(sessions, tower.updates)
        const hints = updates.flat().map(({ hint }) => hint)
        assert.strictEqual(hints.length, states)
        assert.strictEqual(new Set(hints).size, states)
        assert.strictEqual((yield* ask("/v1/status")).body.startedAt, startedAt)
        const text = yield* said(/the configuration has changed options=backup\.window/)
        assert.strictEqual(text.split("listens on").length, 2)
        child.kill("SIGTERM")
        assert.strictEqual((yield* end).code, 143)
        const sql = yield* other(at("wtclient.db"))
        assert.deepStrictEqual(yield* sql`SELECT token FROM wt_client WHERE token IS NOT NULL`, [])
      })
  )

  it.scopedLive("leaves the service as it is where the file is wrong or says the same, and the log says so", () =>
    Effect.gen(function* () {
      const { ask, at, child, said } = yield* running()
      const file = at("wtclient.toml")
      child.kill("SIGHUP")
      yield* said(/info the configuration stays as it was\n/)
      fs.writeFileSync(file, "[backup]\ncoppies = 2\n")
      child.kill("SIGHUP")
      const text = yield* said(/error the configuration stays as it was failure=.*\n/)
      assert.include(
        text,
        `failure=In ${file}, line 2: there is no option backup.coppies. Did you mean backup.copies?\n`
      )
      fs.writeFileSync(file, 'max-backoff = "1s"\n')
      child.kill("SIGHUP")
      yield* said(
        /failure=In the configuration, min-backoff takes a time of at most max-backoff, which is 1s, not 10s\.\n/
      )
      fs.chmodSync(at("key"), 0o644)
      fs.writeFileSync(file, "[backup]\ncopies = 2\n")
      child.kill("SIGHUP")
      yield* said(/failure=The key file .* can be read by others/)
      fs.chmodSync(at("key"), 0o600)
      assert.strictEqual((yield* ask("/v1/status")).status, 200)
      assert.notInclude(yield* said(/listens/), "the new configuration is used")
      child.kill("SIGHUP")
      yield* said(/info the new configuration is used\n/)
      assert.strictEqual((yield* ask("/v1/status")).status, 200)
    })
  )

  it.scopedLive("does not change where the service listens, but how it logs", () =>
    Effect.gen(function* () {
      const { at, flags, folder, wtclient } = yield* newClient
      yield* wtclient("init")
      const [one, two] = [path.join(folder, "one"), path.join(folder, "two")]
      fs.writeFileSync(at("wtclient.toml"), `socket = "${one}"\n`)
      const { child, said } = yield* started(process.execPath, [program.file, "run", ...flags])
      yield* said(/its database is/)
      fs.writeFileSync(at("wtclient.toml"), `socket = "${two}"\n`)
      child.kill("SIGHUP")
      yield* said(/failure=socket cannot change while the service runs: start it again\.\n/)
      assert.isTrue(fs.existsSync(one))
      assert.isFalse(fs.existsSync(two))
      fs.writeFileSync(at("wtclient.toml"), `socket = "${one}"\n[log]\nformat = "json"\n`)
      child.kill("SIGHUP")
      yield* said(/^\{.*"level":"info","message":"the new configuration is used"\}\n/m)
    })
  )

  it.scopedLive("is told to systemd, with the time that it asks for", () =>
    Effect.gen(function* () {
      const { folder } = yield* newClient
      const told = path.join(folder, "told")
      fs.writeFileSync(path.join(folder, "systemd-notify"), `#!/bin/sh\necho "$@" >> '${told}'\n`, { mode: 0o755 })
      const environment = { PATH: `${folder}:${process.env.PATH}`, NOTIFY_SOCKET: "/run/nothing" }
      const { at, child, end, said } = yield* running([], environment)
      const watcher = fs.watch(folder)
      const lines = () => (fs.existsSync(told) ? fs.readFileSync(told, "utf8").trim().split("\n") : [])
      const until = (count: number) =>
        Effect.promise(async () => {
          while (lines().length < count) await once(watcher, "change")
        })
      yield* until(1)
      const before = process.hrtime.bigint() / 1_000n
      child.kill("SIGHUP")
      yield* until(3)
      fs.writeFileSync(at("wtclient.toml"), "[backup]\ncopies = 2\n")
      child.kill("SIGHUP")
      yield* said(/the new configuration is used/)
      yield* until(5)
      child.kill("SIGTERM")
      yield* end
      watcher.close()
      const [, micros = "0"] = /RELOADING=1 MONOTONIC_USEC=(\d+)$/.exec(lines()[1] ?? "") ?? []
      assert.isTrue(BigInt(micros) >= before)
      assert.deepStrictEqual(
        lines().map((line) => line.replace(/\d{3,}/, "N")),
        [
          "--no-block --ready",
          "--no-block RELOADING=1 MONOTONIC_USEC=N",
          "--no-block --ready",
          "--no-block RELOADING=1 MONOTONIC_USEC=N",
          "--no-block --ready",
          "--no-block STOPPING=1"
        ]
      )
    })
  )
})
