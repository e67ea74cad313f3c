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
