import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Table from "../../src/internal/optionTable.js"
import { newClient } from "../cli/wtclient.js"
import { exampleFile } from "./exampleFile.js"
import { configured, others, page } from "./optionsPage.js"

const root = path.resolve(import.meta.dirname, "../..")

describe("docs/options.md", () => {
  it("is what the tables say (npm run docs:options writes it)", async () => {
    await expect(page).toMatchFileSnapshot(path.join(root, "docs/options.md"))
  })

  const names = configured.flatMap(([table]) =>
    Object.keys(table.entries).map((name) => Table.environmentName(table, name))
  )

  it("names every variable of the environment once", () => {
    assert.deepStrictEqual(names, [...new Set(names)])
    assert.isAbove(names.length, 30)
  })

  it("names nothing below the variable of another layer", () => {
    // With a provider of nested data a name is a value or a folder of values, never both.
    const paths = configured.flatMap(([table]) =>
      Object.keys(table.entries).map((name) => [...table.path, name].join("."))
    )
    assert.deepStrictEqual(
      paths.filter((one) => paths.some((other) => other.startsWith(`${one}.`))),
      []
    )
  })

  it.effect("has the options of every layer that has any, and each such layer is built from configuration too", () =>
    Effect.gen(function* () {
      const tables = new Set<unknown>([...configured, ...others].map(([table]) => table))
      const folder = path.join(root, "src/layers")
      const files = fs.readdirSync(folder).filter((file) => /^[A-Z].*\.ts$/.test(file))
      for (const file of [
        ...files,
        "negotiator/SessionNegotiator.ts",
        "backup/TowerClient.ts",
        "tower/NodeLoopbackTower.ts"
      ]) {
        const source = fs.readFileSync(path.join(folder, file), "utf8")
        const layer: object = yield* Effect.promise(() => import(path.join(folder, file)))
        const takesOptions = /interface Options|type Options\b/.test(source)
        if (!takesOptions) continue
        if (file !== "NodeWatchtower.ts") assert.isTrue(tables.has(Reflect.get(layer, "options")), file)
        if (file !== "tower/NodeLoopbackTower.ts") {
          assert.containsAllKeys(layer, ["layer", "layerConfig", "config"], file)
        }
      }
      assert.isAbove(files.length, 8)
    })
  )
})

describe("contrib/wtclient.toml", () => {
  it("is what the tables say (npm run docs:options writes it)", async () => {
    await expect(exampleFile).toMatchFileSnapshot(path.join(root, "contrib/wtclient.toml"))
  })

  it.scoped("can be used as it is, and with each default written out", () =>
    Effect.gen(function* () {
      const { at, fs: files, wtclient } = yield* newClient
      yield* wtclient("init")
      const check = (text: string) =>
        Effect.zipRight(
          files.writeFileString(at("wtclient.toml"), text),
          Effect.map(wtclient("run", "--check-config"), ({ code, stderr }) => ({ code, stderr }))
        )
      assert.deepStrictEqual(yield* check(exampleFile), { code: 0, stderr: "" })
      const written = exampleFile.replace("#host =", 'host = "tor"').replaceAll(/^#(?=[a-z-]+ = .)/gm, "")
      assert.isAbove(written.match(/^[a-z-]+ = /gm)?.length ?? 0, 30)
      assert.deepStrictEqual(yield* check(written), { code: 0, stderr: "" })
    })
  )
})
