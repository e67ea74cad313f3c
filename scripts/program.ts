/**
 * `vite-node scripts/program.ts -- FOLDER` bundles the program `wtclient` and the packages that it uses into a few files, since a
 * start that reads a thousand files is slow. Packages with machine code stay outside. The page of its service is built into `page`
 * beside it. The licenses of the packages in both are written beside it.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { build } from "esbuild"
import { buildPage } from "./page.js"

const [folder = ""] = process.argv.slice(2).filter((word) => word !== "--")
const chunks = path.join(folder, "cli")
fs.rmSync(chunks, { recursive: true, force: true })

const { metafile } = await build({
  entryPoints: ["src/bin.ts"],
  outdir: folder,
  chunkNames: "cli/[name]-[hash]",
  bundle: true,
  // A command that opens no Postgres database does not load its driver.
  splitting: true,
  // Errors have the names of their classes.
  keepNames: true,
  platform: "node",
  target: "node20",
  format: "esm",
  external: ["better-sqlite3", "secp256k1", "pg-native"],
  // What is CommonJS in it asks for modules of Node by the name `require`; nothing in it is called `requireOf`.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url)"
  },
  metafile: true,
  logLevel: "warning"
})
fs.chmodSync(path.join(folder, "bin.js"), 0o755)

const packages = new Set(
  [...Object.keys(metafile.inputs), ...(await buildPage(path.join(folder, "page")))].flatMap(
    (file) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[0] ?? []
  )
)

const licenseOf = (home: string): string => {
  const { license, name, version } = JSON.parse(fs.readFileSync(path.join(home, "package.json"), "utf8"))
  const [file] = fs.readdirSync(home).filter((one) => /^licen[cs]e/i.test(one))
  const text = file === undefined ? `License: ${license}` : fs.readFileSync(path.join(home, file), "utf8").trim()
  return `${name} ${version}\n\n${text}\n`
}

fs.writeFileSync(
  path.join(chunks, "LICENSES.txt"),
  [...packages]
    .sort()
    .map(licenseOf)
    .join(`\n${"-".repeat(80)}\n\n`)
)
