/**
 * contrib/wtclient.toml, from the tables of options: each with what it is and, in a comment, its default.
 */
import { settings } from "../../src/cli/support/serviceOptions.js"
import { kebab, type Setting } from "../../src/cli/support/settings.js"
import * as Table from "../../src/internal/optionTable.js"

const wrapped = (text: string, width = 116): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length + 1 > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

/** The default as it is written in the file; nothing where it is no value, such as "none". */
const valueOf = ({ entry }: Setting): string => {
  const given = entry.kind.parse(entry.default)
  if (given === undefined || !entry.kind.fits(given) || entry.default === "none") return ""
  if (Array.isArray(given)) return `["${entry.default}"]`
  return ["number", "boolean"].includes(typeof given) && String(given) === entry.default
    ? entry.default
    : JSON.stringify(entry.default)
}

const optionText = (one: Setting): string => {
  const name = one.key.split(".").at(-1)
  const about = Table.description(one.entry).replaceAll(/\b[a-z]+[A-Z]\w*/g, kebab)
  return [...wrapped(about).map((line) => `# ${line}`), `#${name} = ${valueOf(one)}`.trimEnd()].join("\n")
}

const tableOf = ({ key }: Setting): string => key.split(".").slice(0, -1).join(".")

const tables = [...new Set(settings.map(tableOf))].sort((one, other) => Number(one !== "") - Number(other !== ""))

/** The file. */
export const exampleFile = `${[
  "# The configuration of wtclient run, with all options and their defaults (docs/service.md, Configuration). Its place is beside the key\n# file, or where --config says. wtclient run --check-config checks it, and --print-config says what holds.",
  ...tables.flatMap((table) => [
    ...(table === "" ? [] : [`[${table}]`]),
    ...settings.filter((one) => tableOf(one) === table).map(optionText)
  ])
].join("\n\n")}\n`
