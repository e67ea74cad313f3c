/**
 * The networks, as data (docs/protocol.md, Chains): what differs between Bitcoin and Decred is here and nowhere else.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Chain } from "effect-watchtower"
 *
 * // The words of WATCHTOWER_CHAIN and WATCHTOWER_NETWORK, or of a flag of your own.
 * export const chainOf = (name: string, network: string) => Chain.find(name, network)
 *
 * export const leastFeeRate = Effect.map(Chain.config, ({ feeUnit, minFeeRate }) => `${minFeeRate} ${feeUnit}`)
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Array from "effect/Array"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import type * as Option from "effect/Option"
import { fromHex, toHex } from "../internal/bytes.js"
import { printable } from "../internal/json.js"
import * as Table from "../internal/optionTable.js"
import * as BlobType from "./BlobType.js"
import { AtomsPerKb, type FeeRate, SatPerKw } from "./FeeRate.js"
import { ChainHash } from "./Ids.js"

/**
 * One network. `coinType` is the one that lnd and new Decred wallets derive keys with, `legacyCoinType` that of old Decred
 * wallets (docs/protocol.md, Key layouts); `minFeeRate` is the least that a tower of that chain takes, `defaultFeeRate`
 * what the daemons ask for (docs/protocol.md, Policy); `knownFeatures` are the feature bits that the chain's towers and
 * clients know (docs/protocol.md, Feature bits).
 *
 * @since 0.1.0
 * @category models
 */
export interface Chain<Fee extends FeeRate = FeeRate> {
  readonly name: "bitcoin" | "decred"
  readonly network: string
  readonly chainHash: ChainHash
  readonly coinType: number
  readonly legacyCoinType: number
  readonly feeUnit: "sat/kw" | "atoms/kB"
  /** A fee rate in the unit of the chain. */
  readonly feeRate: (amount: bigint) => Fee
  readonly minFeeRate: Fee
  readonly defaultFeeRate: Fee
  readonly blobTypes: ReadonlyArray<BlobType.BlobType>
  readonly knownFeatures: ReadonlyArray<number>
}

/** A network of Bitcoin. @since 0.1.0 @category models */
export interface BitcoinChain extends Chain<SatPerKw> {
  readonly name: "bitcoin"
}
/** A network of Decred. @since 0.1.0 @category models */
export interface DecredChain extends Chain<AtomsPerKb> {
  readonly name: "decred"
}
/** Any of the ten networks. @since 0.1.0 @category models */
export type AnyChain = BitcoinChain | DecredChain

/** Without the function, and with rates that JSON can hold. */
const printed = ({ defaultFeeRate, feeRate: _, minFeeRate, ...chain }: Chain) => ({
  ...chain,
  minFeeRate: String(minFeeRate),
  defaultFeeRate: String(defaultFeeRate)
})

const bitcoin = (network: string, chainHash: string): BitcoinChain =>
  printable<BitcoinChain>(
    {
      name: "bitcoin",
      network,
      chainHash: ChainHash.make(chainHash),
      coinType: network === "mainnet" ? 0 : 1,
      legacyCoinType: network === "mainnet" ? 0 : 1,
      feeUnit: "sat/kw",
      feeRate: (amount) => SatPerKw.make(amount),
      minFeeRate: SatPerKw.make(1000n),
      defaultFeeRate: SatPerKw.make(2500n),
      blobTypes: [
        BlobType.altruistCommit,
        BlobType.rewardCommit,
        BlobType.altruistAnchorCommit,
        BlobType.altruistTaprootCommit,
        BlobType.altruistTaprootFinalCommit
      ],
      knownFeatures: [0, 1, 2, 3, 4, 5]
    },
    printed
  )

const decred = (network: string, chainHash: string, legacyCoinType: number): DecredChain =>
  printable<DecredChain>(
    {
      name: "decred",
      network,
      chainHash: ChainHash.make(chainHash),
      coinType: network === "mainnet" ? 42 : 1,
      legacyCoinType,
      feeUnit: "atoms/kB",
      feeRate: (amount) => AtomsPerKb.make(amount),
      minFeeRate: AtomsPerKb.make(10_000n),
      defaultFeeRate: AtomsPerKb.make(10_000n),
      blobTypes: [BlobType.altruistCommit, BlobType.rewardCommit, BlobType.altruistAnchorCommit],
      knownFeatures: [0, 1, 2, 3]
    },
    printed
  )

/** Bitcoin's main network. @since 0.1.0 @category models */
export const bitcoinMainnet = bitcoin("mainnet", "6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000")
/** Bitcoin's third test network. @since 0.1.0 @category models */
export const bitcoinTestnet3 = bitcoin("testnet3", "43497fd7f826957108f4a30fd9cec3aeba79972084e90ead01ea330900000000")
/** Bitcoin's fourth test network. @since 0.1.0 @category models */
export const bitcoinTestnet4 = bitcoin("testnet4", "43f08bdab050e35b567c864b91f47f50ae725ae2de53bcfbbaf284da00000000")
/** Bitcoin's default signet. @since 0.1.0 @category models */
export const bitcoinSignet = bitcoin("signet", "f61eee3b63a380a477a063af32b2bbc97c9ff9f01f2c4225e973988108000000")
/** Bitcoin's regression test network. @since 0.1.0 @category models */
export const bitcoinRegtest = bitcoin("regtest", "06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f")
/** btcd's simulation network. @since 0.1.0 @category models */
export const bitcoinSimnet = bitcoin("simnet", "f67ad7695d9b662a72ff3d8edbbb2de0bfa67b13974bb9910d116d5cbd863e68")
/** Decred's main network. @since 0.1.0 @category models */
export const decredMainnet = decred("mainnet", "80d9212bf4ceb066ded2866b39d4ed89e0ab60f335c11df8e7bf85d9c35c8e29", 20)
/** Decred's third test network. @since 0.1.0 @category models */
export const decredTestnet3 = decred("testnet3", "ac9ba434b6f7249b9698d1fcec26d6087e8358c811c7e922f4ca1839e5dc49a6", 11)
/** Decred's simulation network. @since 0.1.0 @category models */
export const decredSimnet = decred("simnet", "874f6bd1593afe35d60c09202849f5c21a927226b05c25f785959945c682ef6b", 115)
/** Decred's regression test network. @since 0.1.0 @category models */
export const decredRegnet = decred("regnet", "b07c05d3238851d9e2dc920f649c6430d232872643a0cf44a3bb95aeb494ed2c", 1)

/** The ten networks. @since 0.1.0 @category models */
export const all: ReadonlyArray<AnyChain> = [
  bitcoinMainnet,
  bitcoinTestnet3,
  bitcoinTestnet4,
  bitcoinSignet,
  bitcoinRegtest,
  bitcoinSimnet,
  decredMainnet,
  decredTestnet3,
  decredSimnet,
  decredRegnet
]

/** The network of that name, if there is one. @since 0.1.0 @category combinators */
export const find = (name: string, network: string): Option.Option<AnyChain> =>
  Array.findFirst(all, (chain) => chain.name === name && chain.network === network)

/**
 * How configuration and command line name a network; a program gives a `Chain` (docs/options.md).
 *
 * @since 0.1.0
 * @category config
 */
export const options = Table.table("Chain", [], {
  chain: Table.required(Table.oneOf(["bitcoin", "decred"]), "The chain"),
  network: Table.withDefault(
    Table.text("the name of a network"),
    "mainnet",
    `The chain's network: ${[...new Set(all.map(({ network }) => network))].join(", ")}`
  )
})

/** The network that `watchtower.chain` and `watchtower.network` name (mainnet). @since 0.1.0 @category config */
export const config: Config.Config<AnyChain> = Config.mapOrFail(Table.config(options), ({ chain, network }) => {
  const networks = all.filter(({ name }) => name === chain)
  return Either.fromNullable(
    networks.find((one) => one.network === (network ?? options.entries.network.fallback)),
    () =>
      ConfigError.InvalidData(
        ["network"],
        `${chain} has no network "${network}". It has ${networks.map((one) => one.network).join(", ")}.`
      )
  )
})

/**
 * The network of a chain hash (wire order) for people: `bitcoin mainnet`; of one that is none of the ten the genesis block's
 * hash as block explorers print it, which is its bytes in reverse.
 *
 * @since 0.1.0
 * @category combinators
 */
export const nameOf = (hash: ChainHash): string => {
  const known = all.find((chain) => chain.chainHash === hash)
  return known === undefined
    ? `an unknown chain (genesis block ${toHex(fromHex(hash).reverse())})`
    : `${known.name} ${known.network}`
}

/** Does this chain's software know the blob type? Membership, not flags (docs/protocol.md, Blob types). @since 0.1.0 @category combinators */
export const supports = (chain: Chain, blobType: BlobType.BlobType): boolean => chain.blobTypes.includes(blobType)

/**
 * The feature bits that the daemons' client of this chain sends in its Init for a blob type (lnd v0.21.2
 * `watchtower/wtpolicy/policy.go`): 0, and 4 for taproot, or else 2 for anchors; all of them even, which is to require
 * them. A chain that does not know taproot looks at the anchor flag alone.
 *
 * @since 0.1.0
 * @category combinators
 */
export const clientFeatures = (chain: Chain, blobType: BlobType.BlobType): ReadonlyArray<number> => {
  if (chain.knownFeatures.includes(4) && BlobType.has(blobType, BlobType.flagTaprootChannel)) return [0, 4]
  return BlobType.has(blobType, BlobType.flagAnchorChannel) ? [0, 2] : [0]
}
