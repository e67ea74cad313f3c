/**
 * The negotiator's options from configuration.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as BlobType from "../../schema/BlobType.js"
import * as Chain from "../../schema/Chain.js"
import type { FeeRate } from "../../schema/FeeRate.js"
import * as Policy from "../../schema/Policy.js"
import type { Options } from "./Options.js"

const chain = Config.string("chain").pipe(Config.withDescription("bitcoin or decred"))
const network = Config.string("network").pipe(
  Config.withDefault("mainnet"),
  Config.withDescription("mainnet, testnet3, testnet4, signet, regtest, simnet or regnet")
)
const blobType = Config.literal(
  "legacy",
  "anchor",
  "taproot",
  "taproot-final",
  "reward"
)("blobType").pipe(Config.withDefault("anchor"), Config.withDescription("the channel type to back up"))
const sweepFeeRate = Config.option(Config.integer("sweepFeeRate")).pipe(
  Config.withDescription("fee rate of the justice transaction: sat/kw on Bitcoin, atoms/kB on Decred")
)
const maxUpdates = Config.integer("maxUpdates").pipe(Config.withDefault(1024))
const minBackoff = Config.duration("minBackoff").pipe(
  Config.withDefault("10 seconds"),
  Config.withDescription("the first wait after a round without a session")
)
const maxBackoff = Config.duration("maxBackoff").pipe(
  Config.withDefault("5 minutes"),
  Config.withDescription("the longest wait")
)

/**
 * `chain`, `network` (mainnet), `blobType` (anchor), `sweepFeeRate` and `maxUpdates` (the chain's defaults), `minBackoff`
 * (10 seconds), `maxBackoff` (5 minutes), nested under `watchtower`. With `ConfigProvider.fromEnv` and `constantCase`:
 * `WATCHTOWER_CHAIN`, `WATCHTOWER_BLOB_TYPE`, ...
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options> = Config.all({
  chain,
  network,
  blobType,
  sweepFeeRate,
  maxUpdates,
  minBackoff,
  maxBackoff
}).pipe(
  Config.mapOrFail((given): Either.Either<Options, ConfigError.ConfigError> => {
    const found = Option.getOrUndefined(Chain.find(given.chain, given.network))
    if (found === undefined) {
      const known = Chain.all.map(({ name, network }) => `${name} ${network}`).join(", ")
      return Either.left(
        ConfigError.InvalidData(["chain"], `no chain ${given.chain} ${given.network}; known: ${known}`)
      )
    }
    if (Option.isSome(given.sweepFeeRate) && given.sweepFeeRate.value < 0) {
      return Either.left(ConfigError.InvalidData(["sweepFeeRate"], "a fee rate is not negative"))
    }
    const { maxBackoff, maxUpdates, minBackoff } = given
    const policyOf = <Fee extends FeeRate>(chain: Chain.Chain<Fee>): Policy.Policy<Fee> => ({
      ...Policy.defaults(chain, BlobType.byName[given.blobType]),
      maxUpdates,
      sweepFeeRate: Option.match(given.sweepFeeRate, {
        onNone: () => chain.defaultFeeRate,
        onSome: (amount) => chain.feeRate(BigInt(amount))
      })
    })
    return Either.right(
      found.name === "bitcoin"
        ? { chain: found, policy: policyOf(found), minBackoff, maxBackoff }
        : { chain: found, policy: policyOf(found), minBackoff, maxBackoff }
    )
  }),
  Config.nested("watchtower")
)
