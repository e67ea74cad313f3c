/**
 * The packages that stand beside this one. Some are needed by some programs only; where one of them is missing, a sentence
 * says what to install. Nothing is imported here: any of them may be the one.
 *
 * @since 0.1.0
 */

/** Version 13 has its binary in its package, and is a segmentation fault on Node 20. A page in a browser has no `process`. */
const sqliteDriver = Number.parseInt(globalThis.process?.versions.node, 10) < 22 ? "^12.6.2" : "^13.0.0"

/** The versions that fit, as package.json has them: the newest of an Effect package is for another Effect. @since 0.1.0 @category models */
export const versions: Readonly<Record<string, string>> = {
  "@effect/experimental": "^0.61.0",
  "@effect/platform": "^0.97.0",
  "@effect/platform-node": "^0.108.0",
  "@effect/sql": "^0.52.0",
  "@effect/sql-pg": "^0.53.0",
  "better-sqlite3": sqliteDriver,
  effect: "^3.22.0",
  // Of @effect/platform-node.
  "@effect/cluster": "^0.60.2",
  "@effect/rpc": "^0.76.2",
  secp256k1: "^5.0.2"
}

/** As Node and Bun say it, and in two ways Deno. */
const notFound =
  /^(?:Cannot find (?:package|module)|Could not find package|Import) ['"]((?:@[^/'"]+\/)?[^@./'"][^/'"]*)/

/** The package that an import did not find; undefined when it failed for another reason. @since 0.1.0 @category combinators */
export const missingPackage = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && /^(ERR_)?MODULE_NOT_FOUND$/.test(String(error.code))
    ? notFound.exec(error.message)?.[1]
    : undefined

const versioned = (name: string): string => {
  const version = versions[name]
  return version === undefined ? `"${name}"` : `"${name}@${version}"`
}

/** The command that installs a missing package, with others that go with it. @since 0.1.0 @category combinators */
export const installCommand = (missing: string, others: ReadonlyArray<string> = []): string =>
  `npm install ${[...new Set([missing, ...others])].map(versioned).join(" ")}`

/**
 * Says that a package is missing, who needs it, and how to install it, with others that go with it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const explain = (missing: string, whatNeedsIt: string, others: ReadonlyArray<string> = []): string =>
  `The package ${missing} is not installed, and ${whatNeedsIt} needs it. Install it with: ${installCommand(missing, others)}`
