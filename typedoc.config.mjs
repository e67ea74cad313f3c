/** The API reference (`npm run docs:api`): what package.json offers, under the words of its docstrings. */
import manifest from "./package.json" with { type: "json" }

/** The sources of an entry of `exports`; its `*` stands for folders too. */
const sourcesOf = (target) => target.replace("./dist/", "src/").replace("*", "**/*").replace(/\.js$/, ".ts")

const offered = Object.values(manifest.exports).flatMap((entry) => ("default" in Object(entry) ? [entry.default] : []))

/** The functions that HttpApiClient makes of endpoints: src/schema/http describes each of these. */
const endpoints = Object.entries({
  health: ["alive", "ready", "metrics"],
  status: ["get"],
  towers: ["list", "add", "one", "remove", "deactivate"],
  doctor: ["ask"],
  sessions: ["list", "terminate"],
  channels: ["list", "register", "one", "waiting", "close"],
  backups: ["digests", "add", "progress"],
  page: ["history", "login"]
}).flatMap(([group, names]) =>
  names.map((name) => `api.WatchtowerClient.WatchtowerClient.Service.${group}.__type.${name}`)
)

export default {
  entryPoints: offered.map(sourcesOf),
  tsconfig: "tsconfig.build.json",
  // `npm run check:types` does it.
  skipErrorChecking: true,
  out: "dist-docs",
  readme: "none",
  disableSources: true,
  categorizeByGroup: false,
  sort: ["source-order"],
  // What a class has from Schema.Class is Effect's, and described there: it would be most of the pages.
  excludeExternals: true,
  validation: { invalidLink: true, notDocumented: true, notExported: true, rewrittenLink: true },
  // Fields of records and errors mostly say by their names what they are.
  requiredToBeDocumented: ["Module", "Namespace", "Variable", "Function", "Class", "Interface", "TypeAlias"],
  intentionallyNotDocumented: endpoints,
  intentionallyNotExported: [
    // What tables of options are made of; docs/options.md has the tables, and the pages have each layer's `Options`.
    "src/internal/optionTable.ts:Table",
    "src/internal/optionTable.ts:Entry",
    "src/internal/optionTable.ts:Input",
    // What is made of them is described, and nobody else makes any.
    "src/internal/fieldCodec.ts:Codec",
    "src/layers/testing/memoryTables.ts:Tables",
    "src/schema/TransportError.ts:proxyFaults",
    // What `NodeHttpService.listen` hands to `serve`.
    "src/layers/http/logins.ts:Logins",
    "src/layers/http/history.ts:Counted",
    "src/layers/http/ServiceReport.ts:StartedAt",
    "src/internal/taggedUnion.ts:TaggedUnion"
  ],
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true
}
