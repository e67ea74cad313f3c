/**
 * The tower client's options from configuration.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Struct from "effect/Struct"
import * as Table from "../../internal/optionTable.js"
import * as Chain from "../../schema/Chain.js"
import * as Policy from "../../schema/Policy.js"
import * as Negotiator from "../negotiator/Options.js"
import * as Options from "./Options.js"

/** What the sessions of all blob types have. */
const policy = Table.table(
  "Policy",
  Policy.options.path,
  Struct.pick(Policy.options.entries, "maxUpdates", "sweepFeeRate")
)

/**
 * All options, nested under `watchtower`: `chain` and `network`, `maxUpdates` and `sweepFeeRate` of the sessions of every blob type,
 * those of the tower client under `backup`, and those of its negotiators (`minBackoff`, ...). With `ConfigProvider.fromEnv` and
 * `constantCase`: `WATCHTOWER_CHAIN`, `WATCHTOWER_BACKUP_COPIES`, ... docs/options.md has them all.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options.Options> = Config.map(
  Config.all({
    chain: Chain.config,
    policy: Table.config(policy),
    negotiator: Table.config(Negotiator.options),
    others: Table.config(Options.options)
  }),
  ({ chain, negotiator, others, policy }): Options.Options =>
    chain.name === "bitcoin"
      ? { ...others, chain, negotiator, policies: Options.policiesOf(chain, policy) }
      : { ...others, chain, negotiator, policies: Options.policiesOf(chain, policy) }
)
