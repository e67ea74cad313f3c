/** `npm run bench -- [--only NAME] [--json FILE]`: figures of this machine; nothing is asserted (docs/performance.md). */
import * as fs from "node:fs"
import { parseArgs } from "node:util"
import { backups } from "./backups.js"
import { handshakes } from "./handshake.js"
import { idle } from "./idle.js"
import { many } from "./many.js"
import { negotiate } from "./negotiate.js"
import { scale } from "./scale.js"
import { start } from "./start.js"
import { bundled } from "./support/bundle.js"

const benches: Readonly<Record<string, () => Promise<unknown>>> = {
  handshake: handshakes,
  aead: async () => (await bundled<typeof import("./aead.js")>("bench/aead.ts")).aead(),
  codec: async () => (await bundled<typeof import("./codec.js")>("bench/codec.ts")).codec(),
  negotiate,
  many,
  backups,
  scale,
  start,
  idle
}

const { values } = parseArgs({ options: { only: { type: "string" }, json: { type: "string" } } })
const names = values.only === undefined ? Object.keys(benches) : [values.only]
const results: Record<string, unknown> = {}
for (const name of names) {
  const bench = benches[name]
  if (bench === undefined) throw new Error(`There is no ${name}; there are ${Object.keys(benches).join(", ")}.`)
  results[name] = await bench()
}
if (values.json !== undefined) fs.writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`)
