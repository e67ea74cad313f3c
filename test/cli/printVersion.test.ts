import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { build } from "esbuild"

/** The files that are loaded with a file, those of packages too. */
const loadedWith = (file: string) =>
  Effect.promise(async () => {
    const { metafile } = await build({
      entryPoints: [file],
      bundle: true,
      platform: "node",
      format: "esm",
      external: ["better-sqlite3", "pg-native", "secp256k1"],
      write: false,
      outdir: ".",
      metafile: true
    })
    return Object.values(metafile.outputs).flatMap(({ inputs }) =>
      Object.keys(inputs).filter((one) => (inputs[one]?.bytesInOutput ?? 0) > 0)
    )
  })

/** What takes a program its time to start: the runtime of Effect, and the parser of command lines. */
const slow = /\/@effect\/|\/effect\/dist\/esm\/internal\/(fiberRuntime|core)\.js$|\/effect\/dist\/esm\/Schema\.js$/

describe("the version", () => {
  it.effect("is printed without loading what the other commands need", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        (yield* loadedWith("src/cli/printVersion.ts")).filter((file) => slow.test(file)),
        []
      )
      // What is looked for is found where it is.
      assert.isNotEmpty((yield* loadedWith("src/cli/main.ts")).filter((file) => slow.test(file)))
    })
  )
})
