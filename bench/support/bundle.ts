import * as fs from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { build } from "esbuild"

/** Makes one file of a program that a bench runs in a process of its own; packages are imported as users have them. */
export const bundle = async (program: string, outfile: string): Promise<void> => {
  await build({
    entryPoints: [program],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    logLevel: "error"
  })
}

/** Makes a file of each file of the library, as its package has them. */
export const unbundled = async (outdir: string): Promise<void> => {
  const files = fs.readdirSync("src", { recursive: true, encoding: "utf8" })
  await build({
    entryPoints: files.filter((file) => /^(?!page|cli|bin).*\.ts$/.test(file)).map((file) => `src/${file}`),
    outdir,
    platform: "node",
    format: "esm",
    logLevel: "error"
  })
}

/**
 * The module, as users have ours. As the runner of the benches has it, each name that was imported is looked up where it is
 * used, which takes a twentieth of the time of a handshake.
 */
export const bundled = async <Module>(program: string): Promise<Module> => {
  const file = path.resolve(`node_modules/.cache/bench-${path.basename(program, ".ts")}.mjs`)
  await bundle(program, file)
  return import(pathToFileURL(file).href)
}
