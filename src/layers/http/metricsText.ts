/**
 * The metrics of this library as text that Prometheus reads. Those of Effect's runtime are left out: one of them has a line for each
 * of 35 buckets.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricKeyType from "effect/MetricKeyType"
import type * as MetricPair from "effect/MetricPair"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"

const prefix = "watchtower_"

type Labels = ReadonlyArray<readonly [name: string, value: string]>

interface Family {
  readonly type: "counter" | "gauge" | "histogram"
  readonly help: string
  readonly lines: Array<string>
}

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (one) => (one === "\n" ? "\\n" : `\\${one}`))

const sample = (name: string, labels: Labels, value: number | bigint): string => {
  const inside = labels.map(([label, text]) => `${label}="${escaped(text)}"`).join(",")
  return `${name}${inside === "" ? "" : `{${inside}}`} ${value}`
}

const boundary = (at: number): string => (at === Number.POSITIVE_INFINITY ? "+Inf" : String(at))

/** The lines of a metric, under the name that its kind has in Prometheus; undefined for kinds that none of ours is of. */
const read = ({ metricKey, metricState }: MetricPair.MetricPair.Untyped) => {
  const { keyType, name, tags } = metricKey
  const labels: Labels = tags.map(({ key, value }) => [key, value])
  if (MetricState.isCounterState(metricState)) {
    return MetricKeyType.isCounterKey(keyType) && keyType.incremental
      ? ({
          name: `${name}_total`,
          type: "counter",
          lines: [sample(`${name}_total`, labels, metricState.count)]
        } as const)
      : ({ name, type: "gauge", lines: [sample(name, labels, metricState.count)] } as const)
  }
  if (MetricState.isGaugeState(metricState)) {
    return { name, type: "gauge", lines: [sample(name, labels, metricState.value)] } as const
  }
  if (MetricState.isHistogramState(metricState)) {
    const { buckets, count, sum } = metricState
    return {
      name,
      type: "histogram",
      lines: [
        ...buckets.map(([at, below]) => sample(`${name}_bucket`, [...labels, ["le", boundary(at)]], below)),
        sample(`${name}_sum`, labels, sum),
        sample(`${name}_count`, labels, count)
      ]
    } as const
  }
  return undefined
}

/** All metrics whose names begin with `watchtower_`, as they are now. @since 0.1.0 @category constructors */
export const metricsText = (): string => {
  const families = new Map<string, Family>()
  for (const pair of Metric.unsafeSnapshot()) {
    if (!pair.metricKey.name.startsWith(prefix)) continue
    const found = read(pair)
    if (found === undefined) continue
    const help = Option.getOrElse(pair.metricKey.description, () => "")
    const family = families.get(found.name) ?? { type: found.type, help, lines: [] }
    family.lines.push(...found.lines)
    families.set(found.name, family)
  }
  return [...families]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([name, { help, lines, type }]) => [
      `# HELP ${name} ${escaped(help)}`,
      `# TYPE ${name} ${type}`,
      ...lines.sort()
    ])
    .map((line) => `${line}\n`)
    .join("")
}
