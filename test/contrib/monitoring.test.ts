/** The dashboard and the alerts: they ask for what /metrics has, promtool reads them, and each alert fires when it should. */
import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { parse } from "yaml"
import { checkout } from "../package/markdown.js"

const read = (file: string) => fs.readFileSync(path.join(checkout, file), "utf8")

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0
if (!hasPromtool) console.warn("The alerts are not tested: promtool (Debian's package prometheus) is not installed.")

const Alert = Schema.Struct({
  alert: Schema.String,
  expr: Schema.String,
  labels: Schema.Struct({ severity: Schema.Literal("critical", "warning") }),
  annotations: Schema.Struct({ summary: Schema.String, description: Schema.String, runbook: Schema.String })
})
const Rules = Schema.Struct({ groups: Schema.Array(Schema.Struct({ rules: Schema.Array(Alert) })) })

const rules = Schema.decodeUnknownSync(Rules)(parse(read("contrib/prometheus/wtclient.rules.yml"))).groups.flatMap(
  (group) => group.rules
)

const Dashboard = Schema.Struct({
  panels: Schema.Array(
    Schema.Struct({
      id: Schema.Int,
      title: Schema.String,
      gridPos: Schema.Struct({ x: Schema.Int, y: Schema.Int, w: Schema.Int, h: Schema.Int }),
      targets: Schema.NonEmptyArray(
        Schema.Struct({ expr: Schema.String, legendFormat: Schema.String, refId: Schema.String })
      )
    })
  ),
  templating: Schema.Struct({ list: Schema.Array(Schema.Struct({ name: Schema.String })) })
})

const dashboard = Schema.decodeUnknownSync(Schema.parseJson(Dashboard))(read("contrib/grafana/wtclient.json"))
const queries = dashboard.panels.flatMap(({ targets }) => targets)

/** The metrics of docs/service.md with their labels; test/docs/metrics.test.ts holds them against what /metrics says. */
const documented = new Map(
  [...read("docs/service.md").matchAll(/^\| `(watchtower_\w+)` \| (\w+) \| ([^|]*)\|/gm)].flatMap(
    ([, name = "", type, labels = ""]): Array<[string, ReadonlyArray<string>]> => {
      const own = [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label)
      return type === "histogram" ? [[`${name}_bucket`, [...own, "le"]]] : [[name, own]]
    }
  )
)

/** What Prometheus puts to each metric of a job. */
const ofPrometheus = ["job", "instance"]

/** The labels that an expression names: in a selector, in by (...) and on (...), and in the words that are made of its result. */
const labelsOf = (expr: string, words = ""): ReadonlyArray<string> =>
  [
    ...[...expr.matchAll(/(\w+)\s*=~?\s*"/g)].map(([, label = ""]) => label),
    ...[...expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/\s*,\s*/)),
    ...[...words.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = ""]) => label)
  ].filter((label) => label !== "")

const metricsOf = (expr: string): ReadonlyArray<string> => expr.match(/\bwatchtower_\w+|\bup\b/g) ?? []

const assertKnown = (expr: string, words: string) => {
  const metrics = metricsOf(expr)
  assert.isNotEmpty(metrics, expr)
  const known = metrics.flatMap((metric) => (metric === "up" ? [] : (documented.get(metric) ?? assert.fail(metric))))
  for (const label of labelsOf(expr, words)) assert.include([...known, ...ofPrometheus], label, expr)
}

/** A folder for what promtool reads. */
const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "monitoring-"))),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
)

const promtool = (...words: ReadonlyArray<string>) => execFileSync("promtool", words, { encoding: "utf8" })

describe("contrib/prometheus", () => {
  it("asks for metrics and labels that /metrics has", () => {
    assert.isAbove(documented.size, 10)
    for (const { annotations, expr } of rules) assertKnown(expr, Object.values(annotations).join(" "))
  })

  it("says in each alert what to do, and where more is said", () => {
    const page = read("docs/monitoring.md")
    assert.isAbove(rules.length, 5)
    for (const { alert, annotations, labels } of rules) {
      assert.strictEqual(annotations.runbook, `docs/monitoring.md#${alert.toLowerCase()}`)
      const [, section = ""] = page.split(`### ${alert}\n`)
      assert.isTrue(section.trimStart().toLowerCase().startsWith(`${labels.severity}.`), alert)
      for (const words of [annotations.summary, annotations.description]) assert.match(words, /^\S.*\.$/)
    }
    const sections = [...page.matchAll(/^### (\w+)$/gm)].map(([, name]) => name)
    assert.deepStrictEqual(
      sections,
      rules.map(({ alert }) => alert)
    )
  })

  it.skipIf(!hasPromtool)("is read by promtool without a complaint", () => {
    promtool("check", "rules", "--lint-fatal", path.join(checkout, "contrib/prometheus/wtclient.rules.yml"))
    promtool("check", "config", "--lint-fatal", path.join(checkout, "contrib/prometheus/prometheus.yml"))
  })

  it.scopedLive.skipIf(!hasPromtool)("fires each alert when it should, and not before", () =>
    Effect.gen(function* () {
      const text = read("test/contrib/alerts.test.yml")
      const file = path.join(yield* folder, "alerts.test.yml")
      fs.writeFileSync(file, text.replace("RULES", path.join(checkout, "contrib/prometheus/wtclient.rules.yml")))
      promtool("test", "rules", file)
      // Each alert is tested where it fires, and where it does not.
      for (const { alert } of rules) {
        assert.match(text, new RegExp(`alertname: ${alert}\\n\\s+eval_time: .*\\n\\s+exp_alerts`), alert)
        assert.match(text, new RegExp(`\\{ alertname: ${alert}, eval_time: \\w+ \\}`), alert)
      }
    })
  )
})

describe("contrib/grafana", () => {
  it("asks for metrics and labels that /metrics has, and for each of them once at least", () => {
    for (const { expr, legendFormat } of queries) assertKnown(expr, legendFormat)
    const used = new Set(queries.flatMap(({ expr }) => metricsOf(expr)))
    assert.deepStrictEqual(
      [...documented.keys()].filter((name) => !used.has(name)),
      []
    )
  })

  it("has variables for what its queries leave open, and panels that lie beside each other", () => {
    const known = [...dashboard.templating.list.map(({ name }) => name), "__rate_interval"]
    for (const { expr } of queries) {
      for (const [, name = ""] of expr.matchAll(/\$(\w+)/g)) assert.include(known, name)
    }
    const cells = dashboard.panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`)
    )
    assert.strictEqual(new Set(cells).size, cells.length)
    for (const { gridPos } of dashboard.panels) assert.isAtMost(gridPos.x + gridPos.w, 24)
    const ids = dashboard.panels.map(({ id }) => id)
    assert.strictEqual(new Set(ids).size, ids.length)
  })

  it.scopedLive.skipIf(!hasPromtool)("has queries that Prometheus can read", () =>
    Effect.gen(function* () {
      const recorded = queries.map(({ expr }, at) => ({
        record: `query:number_${at}`,
        expr: expr.replaceAll("$__rate_interval", "1m").replaceAll("$job", "wtclient")
      }))
      const file = path.join(yield* folder, "queries.yml")
      // JSON is YAML.
      fs.writeFileSync(file, JSON.stringify({ groups: [{ name: "queries", rules: recorded }] }))
      promtool("check", "rules", file)
    })
  )
})
