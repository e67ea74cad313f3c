/** Kills and their outcomes, a line for each point. */
export const table = <Fate extends string>(
  points: ReadonlyArray<string>,
  fates: ReadonlyArray<Fate>,
  outcomes: ReadonlyArray<readonly [point: string, fate: Fate]>
): string => {
  const widths = [20, 7, ...fates.map((fate) => fate.length + 2)]
  const row = (cells: ReadonlyArray<string | number>) =>
    cells.map((cell, n) => (n === 0 ? String(cell).padEnd(20) : String(cell).padStart(widths[n] ?? 0))).join("")
  const count = (point: string | undefined, fate?: Fate) =>
    outcomes.filter(
      ([where, what]) => (point === undefined || where === point) && (fate === undefined || what === fate)
    ).length
  return [
    row(["killed after", "kills", ...fates]),
    ...points.map((point) => row([point, count(point), ...fates.map((fate) => count(point, fate))])),
    row(["all", count(undefined), ...fates.map((fate) => count(undefined, fate))])
  ].join("\n")
}
