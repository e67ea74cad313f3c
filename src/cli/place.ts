/**
 * Which chain a command is about, and where its files are: `<data-dir>/<chain>/<network>/`.
 *
 * @since 0.1.0
 */
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Chain from "../schema/Chain.js"
import { UsageError } from "./CliError.js"
import * as flags from "./flags.js"

/** A chain, and the files of its client. @since 0.1.0 @category models */
export interface Place {
  readonly chain: Chain.AnyChain
  readonly folder: string
  readonly keyFile: string
  readonly database: string
}

/** The flags that name a place; every command has them. @since 0.1.0 @category config */
export const placeFlags = {
  chain: flags.values.chain,
  network: flags.values.network,
  dataDir: flags.values["data-dir"]
}

/** The values of `placeFlags`. @since 0.1.0 @category models */
export interface PlaceFlags {
  readonly chain: Option.Option<Chain.AnyChain["name"]>
  readonly network: Option.Option<string>
  readonly dataDir: Option.Option<string>
}

/** What a command falls back to. @since 0.1.0 @category models */
export interface Defaults {
  readonly network: Record<Chain.AnyChain["name"], string>
  readonly dataDir: string
}

const usual: Defaults = {
  network: { bitcoin: "mainnet", decred: "mainnet" },
  dataDir: path.join(os.homedir(), ".wtclient")
}

/** The place that the flags name. @since 0.1.0 @category combinators */
export const placeOf = (given: PlaceFlags, defaults: Defaults = usual): Effect.Effect<Place, UsageError> =>
  Effect.suspend(() => {
    const name = Option.getOrElse(given.chain, () => "bitcoin" as const)
    const network = Option.getOrElse(given.network, () => defaults.network[name])
    const chain = Chain.find(name, network)
    if (chain === undefined) {
      const networks = Chain.all.filter((one) => one.name === name).map((one) => one.network)
      return new UsageError({ message: `${name} has no network "${network}". It has ${networks.join(", ")}.` })
    }
    const folder = path.resolve(
      // Shells expand ~ at the beginning of a word, not behind "--data-dir=".
      Option.getOrElse(given.dataDir, () => defaults.dataDir).replace(/^~(?=\/|$)/, os.homedir()),
      name,
      network
    )
    return Effect.succeed({
      chain,
      folder,
      keyFile: path.join(folder, "key"),
      database: path.join(folder, "wtclient.db")
    })
  })
