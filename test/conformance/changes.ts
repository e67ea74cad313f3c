const hex = /[0-9a-f]{12,}/g

/** A JSON file with one digit of one hex number changed, for each number in it, and where that was. */
export const changes = (json: unknown): ReadonlyArray<{ readonly path: string; readonly json: unknown }> => {
  const found: Array<{ path: string; json: unknown }> = []
  const walk = (value: unknown, path: string, rebuild: (changed: unknown) => unknown): void => {
    if (typeof value === "string") {
      for (const { 0: digits, index } of value.matchAll(hex)) {
        const at = index + (digits.length >> 1)
        const digit = value[at] === "0" ? "1" : "0"
        found.push({ path: `${path}:${at}`, json: rebuild(value.slice(0, at) + digit + value.slice(at + 1)) })
      }
    } else if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) walk(item, `${path}[${i}]`, (changed) => rebuild(value.with(i, changed)))
    } else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        walk(item, `${path}.${key}`, (changed) => rebuild({ ...value, [key]: changed }))
      }
    }
  }
  walk(json, "", (changed) => changed)
  return found
}
