/** What comments, tests and pages refer to is in this repository: pages, their parts, files. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { expect, it } from "@effect/vitest"

const root = resolve(import.meta.dirname, "..")

const under = (folder: string, ending: string): ReadonlyArray<string> =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending) && !file.includes("node_modules"))
    .map((file) => join(root, folder, file))

const sources = ["src", "test", "bench", "scripts", "examples"]
  .flatMap((folder) => under(folder, ".ts"))
  .filter((file) => file !== import.meta.filename)

const pages = [
  ...readdirSync(root)
    .filter((file) => file.endsWith(".md"))
    .map((file) => join(root, file)),
  ...["docs", "interop"].flatMap((folder) => under(folder, ".md"))
]

const textOf = (file: string): string => readFileSync(file, "utf8")

/** The text with the line breaks of its comments taken out. */
const flat = (text: string): string => text.replace(/[ \t]*\n[ \t]*(?:\*(?!\/)|\/\/)[ \t]*/g, " ")

/** What a page can be referred to by: its headings without their numbers, and its anchors in capitals. The longest first. */
const partsOf = (page: string): ReadonlyArray<string> => {
  const text = textOf(page)
  const headings = [...text.matchAll(/^#+ (?:\d+(?:\.\d+)*\.? )?(.+)$/gm)].flatMap(([, title]) => title ?? [])
  const anchors = [...text.matchAll(/<a id="([^"]+)">/g)].flatMap(([, id]) => id?.toUpperCase() ?? [])
  return [...headings, ...anchors].sort((one, other) => other.length - one.length)
}

/** Of "A, B and C" those parts that a page does not have. The list ends where no capital letter follows. */
const missingParts = (page: string, list: string): ReadonlyArray<string> => {
  const part = partsOf(page).find((title) => list.startsWith(title) && !/^\w/.test(list.slice(title.length)))
  if (part === undefined) return [list.slice(0, 40)]
  const [separator] = /^(?:, | and )(?=[A-Z])/.exec(list.slice(part.length)) ?? []
  return separator === undefined ? [] : missingParts(page, list.slice(part.length + separator.length))
}

it("a reference to a page names a page and parts that are there", () => {
  let count = 0
  const wrong = sources.flatMap((file) => {
    const text = flat(textOf(file))
    return [...text.matchAll(/\b(docs\/[\w./-]+?\.md)(, (?=[A-Z]|wtwire))?/g)].flatMap(
      ({ 0: whole, 1: page = "", 2: list, index }) => {
        count += 1
        const at = `${relative(root, file)}: ${page}`
        if (!existsSync(join(root, page))) return `${at} does not exist`
        if (list === undefined) return []
        return missingParts(join(root, page), text.slice(index + whole.length)).map(
          (part) => `${at} has no part "${part}"`
        )
      }
    )
  })
  expect(count).toBeGreaterThan(100)
  expect(wrong).toEqual([])
})

it("nothing refers to pages that only their authors had", () => {
  const old = /\b(?:protocol|design)(?: sections?)? \d|\((?:G[1-9]|D\d+)\)/
  const wrong = sources.filter((file) => old.test(flat(textOf(file)))).map((file) => relative(root, file))
  expect(wrong).toEqual([])
})

/** The anchor that a heading has on GitHub. */
const anchorOf = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-")

const anchorsOf = (page: string): ReadonlyArray<string> => {
  const text = textOf(page).replace(/^```[\s\S]*?^```/gm, "")
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].flatMap(([, heading]) => anchorOf(heading ?? ""))
  return [...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].flatMap(([, id]) => id ?? [])]
}

it("a link of a page leads to a file, and to a heading of it", () => {
  const wrong = pages.flatMap((page) =>
    [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .flatMap(([, target]) => target ?? [])
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path = "", anchor] = target.split("#")
        const file = path === "" ? page : resolve(dirname(page), path)
        if (!existsSync(file)) return true
        return anchor !== undefined && !anchorsOf(file).includes(anchor)
      })
      .map((target) => `${relative(root, page)}: ${target}`)
  )
  expect(wrong).toEqual([])
})

it("a path of this repository that a page of docs names is there", () => {
  const wrong = under("docs", ".md").flatMap((page) =>
    [...textOf(page).matchAll(/`((?:src|test|bench|scripts|examples|interop|docs)\/[\w./-]*)`/g)]
      .flatMap(([, path]) => path ?? [])
      .filter((path) => !existsSync(join(root, path)))
      .map((path) => `${relative(root, page)}: ${path}`)
  )
  expect(wrong).toEqual([])
})
