/** What the service exports to a collector of OpenTelemetry. */
import * as fs from "node:fs"
import * as Http from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { running } from "./serviceProcess.js"

interface Exported {
  readonly path: string
  readonly authorization: string | undefined
  readonly text: string
}

interface Span {
  readonly name: string
  readonly spanId: string
  readonly parentSpanId?: string
}

/** A collector; one that is silent takes requests, and answers none. */
const collector = (isSilent = false) =>
  Effect.gen(function* () {
    const exported: Array<Exported> = []
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Http.createServer((request, response) => {
          const chunks: Array<Buffer> = []
          request.on("data", (chunk: Buffer) => chunks.push(chunk))
          request.on("end", () => {
            const { authorization } = request.headers
            exported.push({ path: request.url ?? "", authorization, text: Buffer.concat(chunks).toString() })
            if (!isSilent) response.setHeader("content-type", "application/json").end("{}")
          })
        }).listen(0, "127.0.0.1")
      ),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    const port = yield* Effect.async<number>((resume) => {
      server.once("listening", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    })
    return { url: `http://127.0.0.1:${port}`, exported, server }
  })

describe("a collector of OpenTelemetry", () => {
  it.scopedLive("gets logs, metrics and traces, and no secret", () =>
    Effect.gen(function* () {
      const { exported, url } = yield* collector()
      const { ask, at, child, end, said, token } = yield* running([], {
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20bWU6a2V5cw==,,broken"
      })
      yield* said(/session established/)
      yield* ask("/v1/towers")
      const { body } = yield* ask("/v1/logins", { method: "POST", json: {} })
      const login = String(body.path)
      yield* ask(login)
      child.kill("SIGTERM")
      assert.strictEqual((yield* end).code, 143)
      assert.deepStrictEqual([...new Set(exported.map(({ authorization }) => authorization))], ["Basic bWU6a2V5cw=="])
      const of = (path: string) =>
        exported
          .filter((one) => one.path === path)
          .map(({ text }) => text)
          .join("\n")
      assert.include(of("/v1/logs"), "session established")
      assert.match(of("/v1/logs"), /"watchtower\.negotiator".*"anchor"/)
      assert.match(of("/v1/logs"), /"service\.name","value":\{"stringValue":"wtclient"\}/)
      assert.include(of("/v1/metrics"), "watchtower_sessions")
      assert.include(of("/v1/traces"), "/v1/towers")
      assert.include(of("/v1/traces"), "db.query.text")
      const spans: ReadonlyArray<Span> = exported
        .filter(({ path }) => path === "/v1/traces")
        .flatMap(({ text }) => JSON.parse(text).resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans)
      const roots = new Set(spans.flatMap(({ name, parentSpanId }) => (parentSpanId === undefined ? [name] : [])))
      assert.include([...roots], "watchtower.round")
      assert.deepStrictEqual(
        [...roots].filter((name) => name.startsWith("sql.")),
        []
      )
      const known = new Set(spans.map(({ spanId }) => spanId))
      assert.deepStrictEqual(
        spans.filter(({ parentSpanId }) => parentSpanId !== undefined && !known.has(parentSpanId)),
        []
      )
      const all = exported.map(({ text }) => text).join("\n")
      const seed = /^seed: (.*)$/m.exec(fs.readFileSync(at("key"), "utf8"))?.[1]
      const oneTime = /token=(.*)$/.exec(login)?.[1]
      for (const secret of [token, seed, oneTime]) {
        assert.match(secret ?? "", /^[0-9a-f]{64}$/)
        assert.notInclude(all, secret ?? "")
      }
    })
  )

  for (const [what, isSilent] of [
    ["is gone", false],
    ["does not answer", true]
  ] as const) {
    it.scopedLive(`that ${what} neither hinders the service nor holds its end`, () =>
      Effect.gen(function* () {
        const { server, url } = yield* collector(isSilent)
        if (!isSilent) server.close()
        const { ask, child, end, said } = yield* running(["--otlp-endpoint", url])
        yield* said(/session established/)
        assert.strictEqual((yield* ask("/v1/towers")).status, 200)
        child.kill("SIGTERM")
        assert.strictEqual((yield* end).code, 143)
      })
    )
  }
})
