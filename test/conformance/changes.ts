const hex = /[0-9a-f]{12,}/g

/** A JSON file with one value changed, and where that was. */
export interface Change {
  readonly path: string
  readonly json: unknown
}

/** The file once for each way in which `changesOf` changes one of its values that are neither lists nor records. */
const walk = (
  json: unknown,
  changesOf: (value: unknown) => ReadonlyArray<readonly [where: string, changed: unknown]>
): ReadonlyArray<Change> => {
  const found: Array<Change> = []
  const visit = (value: unknown, path: string, rebuild: (changed: unknown) => unknown): void => {
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries())
        visit(item, `${path}[${i}]`, (changed) => rebuild(value.with(i, changed)))
    } else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        visit(item, `${path}.${key}`, (changed) => rebuild({ ...value, [key]: changed }))
      }
    } else {
      for (const [where, changed] of changesOf(value)) found.push({ path: `${path}${where}`, json: rebuild(changed) })
    }
  }
  visit(json, "", (changed) => changed)
  return found
}

/** One digit of one hex number changed, for each number in the file. */
export const changes = (json: unknown): ReadonlyArray<Change> =>
  walk(json, (value) =>
    typeof value !== "string"
      ? []
      : [...value.matchAll(hex)].map(({ 0: digits, index }) => {
          const at = index + (digits.length >> 1)
          const digit = value[at] === "0" ? "1" : "0"
          return [`:${at}`, value.slice(0, at) + digit + value.slice(at + 1)] as const
        })
  )

/** One number larger by one, or one truth value the other one, for each in the file. */
export const numberChanges = (json: unknown): ReadonlyArray<Change> =>
  walk(json, (value) => {
    if (typeof value === "boolean") return [["", !value]]
    return typeof value === "number" ? [["", value + 1]] : []
  })
