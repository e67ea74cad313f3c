import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { expect, it } from "@effect/vitest"

const src = resolve(import.meta.dirname, "../src")

/** Who may import from whom: a file imports from its own level and from lower ones. */
const levels = ["internal", "schema", "services", "layers", "top", "bin"]

const levelOf = (file: string): number => {
  const [first = ""] = relative(src, file).split("/")
  if (first === "bin.ts") return levels.indexOf("bin")
  const level = levels.indexOf(first)
  return level === -1 ? levels.indexOf("top") : level
}

const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => join(src, file))

/** The examples of docstrings import as an application does. */
const codeOf = (file: string): string => readFileSync(file, "utf8").replaceAll(/^\/\*\*$[\s\S]*?^ \*\/$/gm, "")

const importsOf = (file: string): ReadonlyArray<string> =>
  [...codeOf(file).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].flatMap(([, name]) => name ?? [])

it("imports go one way: internal <- schema <- services <- layers <- {index, testing, cli} <- bin", () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((name) => name.startsWith("."))
      .map((name) => resolve(dirname(file), name))
      .filter((target) => levelOf(target) > levelOf(file))
      .map((target) => `${relative(src, file)} imports ${relative(src, target)}`)
  )
  expect(files.length).toBeGreaterThan(50)
  expect(wrong).toEqual([])
})

/** The folder of a file; a file in src or in src/layers itself counts as a folder of its own. */
const folderOf = (file: string): string =>
  [".", "layers"].includes(relative(src, dirname(file)) || ".") ? file : dirname(file)

it("folders do not import each other in a circle", () => {
  const imports = new Map<string, Set<string>>()
  for (const file of files) {
    const targets = importsOf(file)
      .filter((name) => name.startsWith("."))
      .map((name) => folderOf(resolve(dirname(file), name.replace(/\.js$/, ".ts"))))
      .filter((target) => target !== folderOf(file))
    imports.set(folderOf(file), new Set([...(imports.get(folderOf(file)) ?? []), ...targets]))
  }
  const reached = (folder: string, seen = new Set<string>()): ReadonlySet<string> => {
    for (const target of imports.get(folder) ?? []) if (!seen.has(target)) reached(target, seen.add(target))
    return seen
  }
  const wrong = [...imports.keys()]
    .filter((folder) => reached(folder).has(folder))
    .map((folder) => relative(src, folder))
  expect(imports.size).toBeGreaterThan(15)
  expect(wrong).toEqual([])
})

it("src imports Effect's modules one by one, never the barrel", () => {
  const barrels = ["effect", "@effect/platform", "@effect/platform-node", "@effect/sql", "@effect/cli"]
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((name) => barrels.includes(name))
      .map((name) => `${relative(src, file)} imports ${name}`)
  )
  expect(wrong).toEqual([])
})

it("what is internal runs nothing: of Effect it uses values only", () => {
  const allowed = [
    "Data",
    "Schema",
    "Either",
    "Redacted",
    "Schedule",
    "Duration",
    "Brand",
    "Option",
    "Function",
    "Config",
    "ConfigError"
  ].map((name) => `effect/${name}`)
  const wrong = files
    .filter((file) => relative(src, file).startsWith("internal/"))
    .flatMap((file) =>
      importsOf(file)
        .filter((name) => name.startsWith("effect/") && !allowed.includes(name))
        .map((name) => `${relative(src, file)} imports ${name}`)
    )
  expect(wrong).toEqual([])
})

/** All that a file imports, however indirectly. */
const closure = (file: string, seen = new Set<string>()): ReadonlySet<string> => {
  if (seen.has(file)) return seen
  seen.add(file)
  for (const name of importsOf(file)) {
    if (name.startsWith(".")) closure(resolve(dirname(file), name.replace(/\.js$/, ".ts")), seen)
    else seen.add(name)
  }
  return seen
}

it.each(["index.ts", "testing.ts"])("%s loads no driver and nothing of Node's", (entry) => {
  const packages = [...closure(join(src, entry))].filter((name) => !name.startsWith(src))
  const optional = ["@effect/sql-", "@effect/platform-node", "@effect/cli", "better-sqlite3", "pg", "node:"]
  expect(packages.length).toBeGreaterThan(10)
  expect(packages.filter((name) => optional.some((one) => name.startsWith(one)))).toEqual([])
})
