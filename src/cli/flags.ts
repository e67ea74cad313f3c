/**
 * Every flag of `wtclient`, once; the keys of `values` and `switches` are the flags' names. A value that makes no sense is
 * refused with a sentence that names the flag.
 *
 * @since 0.1.0
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as BlobType from "../schema/BlobType.js"
import { maxFeeRate } from "../schema/FeeRate.js"
import { KeyLayout } from "../schema/KeyLayout.js"
import * as TowerAddress from "../schema/TowerAddress.js"

/** An optional flag. `parse` answers undefined to what makes no sense; `takes` ends the sentence "--name takes ...". */
const flag = <A>(
  name: string,
  placeholder: string,
  takes: string,
  help: string,
  parse: (text: string) => A | undefined
) =>
  Options.text(name).pipe(
    Options.withPseudoName(placeholder),
    Options.withDescription(help),
    Options.mapEffect((text) => {
      const parsed = parse(text)
      return parsed === undefined
        ? Effect.fail(ValidationError.invalidValue(HelpDoc.p(`--${name} takes ${takes}, not "${text}".`)))
        : Effect.succeed(parsed)
    }),
    Options.optional
  )

const choice = <A extends string>(name: string, choices: ReadonlyArray<A>, help: string) =>
  flag(name, choices.join("|"), choices.join(" or "), help, (text) => choices.find((one) => one === text))

const wholeNumber = (name: string, least: number, most: number, help: string) =>
  flag(name, "N", `a whole number from ${least} to ${most}`, help, (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    return number >= least && number <= most ? number : undefined
  })

const someText = (name: string, placeholder: string, help: string) =>
  flag(name, placeholder, "a text", help, (text) => (text === "" ? undefined : text))

const blobTypeNames = Object.keys(BlobType.byName)

/** The flags that take a value. @since 0.1.0 @category config */
export const values = {
  chain: choice("chain", ["bitcoin", "decred"], "The chain (default: bitcoin)"),
  network: someText(
    "network",
    "NAME",
    "The chain's network, such as mainnet, testnet4, signet or regtest (default: mainnet; demo: regtest or simnet)"
  ),
  "data-dir": someText(
    "data-dir",
    "DIR",
    "Where keys and databases are kept (default: ~/.wtclient; demo: .wtclient-demo)"
  ),
  "blob-type": flag(
    "blob-type",
    "TYPE",
    `${blobTypeNames.join(", ")} or a number`,
    `What kind of backup the sessions are for: ${blobTypeNames.join(", ")} or a number (default: legacy)`,
    (text) => {
      const named = Object.entries(BlobType.byName).find(([name]) => name === text)
      return named?.[1] ?? Either.getOrUndefined(Schema.decodeUnknownEither(BlobType.BlobType)(digits(text)))
    }
  ),
  "max-updates": wholeNumber("max-updates", 1, 0xffff, "How many updates a session takes (default: 1024)"),
  "sweep-fee-rate": flag(
    "sweep-fee-rate",
    "RATE",
    "a whole number",
    "The fee rate of the justice transaction, in sat/kw (bitcoin) or atoms/kB (decred) (default: the chain's)",
    (text) => (/^\d{1,19}$/.test(text) && BigInt(text) <= maxFeeRate ? BigInt(text) : undefined)
  ),
  proxy: flag(
    "proxy",
    "HOST:PORT",
    "host:port",
    "A SOCKS5 proxy, such as Tor's, for every connection (default: none; the default port is 9050)",
    (text) => Either.getOrUndefined(Either.map(TowerAddress.parse(text, torPort), TowerAddress.hostPort))
  ),
  count: wholeNumber("count", 1, 1_000_000, "How many"),
  import: someText(
    "import",
    "FILE|-",
    "Read the seed (hex) or the extended private key from a file, or from standard input (-)"
  ),
  layout: choice(
    "layout",
    KeyLayout.literals,
    "Where the wallet keeps its keys (default: lnd for bitcoin, dcrlnd for decred)"
  ),
  account: wholeNumber("account", 0, 0x7fff_ffff, "The account of a remote dcrwallet (default: 0)"),
  port: wholeNumber("port", 1, 0xffff, "The port to listen on (default: any, and then always the same)")
} as const

/** The flags that are given or not. @since 0.1.0 @category config */
export const switches = {
  json: Options.boolean("json").pipe(Options.withDescription("Print JSON on standard output, and nothing else")),
  "legacy-coin-type": Options.boolean("legacy-coin-type").pipe(
    Options.withDescription("Derive with the coin type of old Decred wallets")
  )
} as const

/** The flags that @effect/cli has of its own, and the values that they take. @since 0.1.0 @category config */
export const builtIn = {
  values: {
    "log-level": ["all", "trace", "debug", "info", "warning", "error", "fatal", "none"],
    completions: ["sh", "bash", "fish", "zsh"]
  },
  switches: ["help", "version"]
} as const

/** Where Tor listens for SOCKS unless told otherwise. */
const torPort = 9050

const digits = (text: string): number => (/^\d{1,5}$/.test(text) ? Number(text) : Number.NaN)
