/** Counts of the last day as a plot. @since 0.1.0 */
import { html } from "htm/preact"
import { useEffect, useMemo, useRef } from "preact/hooks"
import uPlot from "uplot"
import type { Snapshot } from "./service.js"
import { counted, totals } from "./words.js"

const minuteMs = 60_000
/** A service that has just started has a plot too. */
const leastMinutes = 30
const mostMinutes = 24 * 60

/** A point for each minute, also for those in which nothing happened. */
const pointsOf = ({ at, history, status }: Snapshot): uPlot.AlignedData => {
  const last = at - (at % minuteMs)
  const started = status.startedAt - (status.startedAt % minuteMs)
  const count = Math.min(mostMinutes, Math.max(leastMinutes, (last - started) / minuteMs + 1))
  const instants = Array.from({ length: count }, (_, index) => last - (count - 1 - index) * minuteMs)
  const byMinute = new Map(history.minutes.map((one) => [one.at, one]))
  const of = (name: "sessions" | "updates" | "failures") => instants.map((one) => byMinute.get(one)?.[name] ?? 0)
  return [instants.map((one) => one / 1000), of("sessions"), of("updates"), of("failures")]
}

/** The colours of the page, light or dark; the strokes differ without them too. */
const optionsOf = (width: number, style: CSSStyleDeclaration): uPlot.Options => {
  const colour = (name: string) => style.getPropertyValue(name).trim()
  const axis: uPlot.Axis = {
    stroke: colour("--soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 }
  }
  const paths = uPlot.paths.stepped?.({ align: 1 })
  const series = (name: string, dash: Array<number>): uPlot.Series => ({
    stroke: colour(name),
    width: 2,
    dash,
    points: { show: false },
    ...(paths === undefined ? {} : { paths })
  })
  return {
    width,
    height: 180,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_self, _least, most) => [0, Math.max(4, Math.ceil(most * 1.1))] } },
    axes: [
      { ...axis, values: "{HH}:{mm}" },
      { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000] }
    ],
    series: [{}, series("--good", []), series("--accent", [8, 4]), series("--bad", [2, 3])]
  }
}

/** The plot, with what it says in words. @since 0.1.0 @category components */
export const Plot = ({ snapshot }: { readonly snapshot: Snapshot }) => {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(null)
  const points = useMemo(() => pointsOf(snapshot), [snapshot])

  useEffect(() => {
    const element = place.current
    if (element === null) return
    const draw = () => {
      const data = plot.current?.data ?? points
      plot.current?.destroy()
      plot.current = new uPlot(optionsOf(element.clientWidth, getComputedStyle(element)), data, element)
    }
    draw()
    const dark = matchMedia("(prefers-color-scheme: dark)")
    const sizes = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: 180 }))
    dark.addEventListener("change", draw)
    sizes.observe(element)
    return () => {
      dark.removeEventListener("change", draw)
      sizes.disconnect()
      plot.current?.destroy()
    }
  }, [])
  useEffect(() => plot.current?.setData(points), [points])

  const { failures, sessions, updates } = totals(snapshot.history)
  const said = [counted(sessions, "session"), counted(updates, "update"), counted(failures, "failure")]
  return html`
    <figure>
      <div role="img" aria-label=${`By minute: ${said.join(", ")}`} ref=${place}></div>
      <figcaption class="legend">
        ${(["sessions", "updates", "failures"] as const).map(
          (name, index) => html`<span><span class=${`swatch ${name}`}></span>${said[index]}</span>`
        )}
      </figcaption>
    </figure>`
}
