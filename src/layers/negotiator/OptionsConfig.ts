/**
 * The negotiator's options from configuration.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Table from "../../internal/optionTable.js"
import * as Chain from "../../schema/Chain.js"
import * as Policy from "../../schema/Policy.js"
import * as Options from "./Options.js"

/**
 * All options, nested under `watchtower`: `chain` and `network`, the fields of the policy (`blobType`, ...), and those of
 * the negotiator itself (`minBackoff`, ...). With `ConfigProvider.fromEnv` and `constantCase`: `WATCHTOWER_CHAIN`,
 * `WATCHTOWER_BLOB_TYPE`, ... docs/options.md has them all.
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Options.Options> = Config.map(
  Config.all({ chain: Chain.config, policy: Table.config(Policy.options), others: Table.config(Options.options) }),
  ({ chain, others, policy }): Options.Options =>
    chain.name === "bitcoin"
      ? { ...others, chain, policy: Policy.make(chain, policy) }
      : { ...others, chain, policy: Policy.make(chain, policy) }
)
