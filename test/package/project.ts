/** Folders of projects in which this package is, as it is compiled, and of the others those that a test wants. */
import { execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Effect } from "effect"
import { build } from "esbuild"

export const modules = path.resolve("node_modules")

/** Those whose own packages may be missing: a link would lead back to where all are. */
const copied = ["better-sqlite3"]

const copy = (from: string, to: string) =>
  fs.cpSync(from, to, { recursive: true, filter: (file) => !/\/(src|dts|cjs|deps|test)$/.test(file) })

/** The names in a folder of packages, scoped ones too. */
export const packagesIn = (folder: string): ReadonlyArray<string> =>
  fs
    .readdirSync(folder)
    .flatMap((name) =>
      name.startsWith("@") ? fs.readdirSync(path.join(folder, name)).map((inner) => `${name}/${inner}`) : [name]
    )
    .filter((name) => !name.startsWith("."))

export interface Said {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Projects {
  readonly root: string
  /** A project that has this package and all others but these. */
  readonly without: (absent: ReadonlyArray<string>) => string
  /** Runs a program there by this Node, or by another one. */
  readonly run: (project: string, words: ReadonlyArray<string>, node?: string) => Effect.Effect<Said>
  readonly remove: () => void
}

/** Compiles this package. */
export const make = async (): Promise<Projects> => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "projects-"))
  const sources = fs
    .readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && file !== "bin.ts" && !file.startsWith("cli/"))
  await build({
    entryPoints: sources.map((file) => path.join("src", file)),
    outdir: path.join(root, "ours", "dist"),
    format: "esm",
    logLevel: "error"
  })
  execFileSync("node_modules/.bin/vite-node", ["scripts/program.ts", "--", path.join(root, "ours", "dist")])
  fs.copyFileSync("package.json", path.join(root, "ours", "package.json"))
  return {
    root,
    without: (absent) => {
      const project = fs.mkdtempSync(path.join(root, "project-"))
      for (const name of packagesIn(modules).filter((name) => !absent.includes(name))) {
        const to = path.join(project, "node_modules", name)
        fs.mkdirSync(path.dirname(to), { recursive: true })
        if (copied.includes(name)) copy(path.join(modules, name), to)
        else fs.symlinkSync(path.join(modules, name), to)
      }
      fs.cpSync(path.join(root, "ours"), path.join(project, "node_modules", "effect-watchtower"), { recursive: true })
      return project
    },
    run: (project, words, node = process.execPath) =>
      Effect.async((resume) => {
        const child = spawn(node, [...words], {
          cwd: project,
          env: { ...process.env, NODE_OPTIONS: "", DATABASE_URL: "" }
        })
        const said = { stdout: "", stderr: "" }
        child.stdout.on("data", (bytes) => (said.stdout += String(bytes)))
        child.stderr.on("data", (bytes) => (said.stderr += String(bytes)))
        child.on("close", (code, signal) => resume(Effect.succeed({ code, signal, ...said })))
      }),
    remove: () => fs.rmSync(root, { recursive: true, force: true })
  }
}
