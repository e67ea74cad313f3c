/**
 * The options of a negotiator: plain data, decoded and checked once.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Table from "../../internal/optionTable.js"
import type * as Chain from "../../schema/Chain.js"
import type { AtomsPerKb, FeeRate, SatPerKw } from "../../schema/FeeRate.js"
import { KeyIndex, maxKeyIndex } from "../../schema/Ids.js"
import { InvalidOptions } from "../../schema/InvalidOptions.js"
import * as Policy from "../../schema/Policy.js"
import { leaseMs, shownKeyRestMs } from "../../schema/Reservation.js"
import { decodeOptions } from "../support/decodeOptions.js"

export { InvalidOptions } from "../../schema/InvalidOptions.js"

/** A visit must end while its lease holds. */
const longestVisit: Duration.DurationInput = leaseMs - 10_000

/** How patient a negotiator is, and how many things it does at once. @since 0.1.0 @category config */
export const options = Table.table("SessionNegotiator", [], {
  minBackoff: Table.withDefault(
    Table.time(),
    "10 seconds",
    "The first wait after a round that gave no session, and a tower's first rest; at most maxBackoff"
  ),
  maxBackoff: Table.withDefault(Table.time(), "5 minutes", "The longest wait, and the longest rest"),
  jitter: Table.withDefault(
    Table.truth,
    false,
    "Waits are shortened at random, to between half and all of their length"
  ),
  hedgeDelay: Table.withDefault(
    Table.time(),
    "1 second",
    "When the last visit began this long ago and still runs, the next candidate is visited too"
  ),
  maxHedged: Table.withDefault(Table.wholeNumber({ least: 1, unit: "visits" }), 8, "The most visits at the same time"),
  visitTimeout: Table.withDefault(
    Table.time({ atMost: longestVisit }),
    "90 seconds",
    "The longest time that a visit takes"
  ),
  maxKeyAttempts: Table.withDefault(
    Table.wholeNumber({ least: 1, unit: "keys" }),
    3,
    "The most keys tried in one visit when the tower answers AlreadyExists"
  ),
  quarantineProbe: Table.withDefault(
    Table.time(),
    "24 hours",
    "A tower that refused the policy for good is asked again after this time"
  ),
  hangUpWait: Table.withDefault(
    Table.time({ atMost: shownKeyRestMs }),
    "2 seconds",
    "How long to wait for the tower to hang up before a session is delivered or its key is used again"
  ),
  maxPending: Table.withDefault(
    Table.wholeNumber({ least: 1, unit: "requests" }),
    1,
    "The most requests that are counted; more are merged"
  ),
  firstKeyIndex: Table.optional(
    Table.branded(Table.wholeNumber({ least: 1, most: maxKeyIndex }), Schema.is(KeyIndex)),
    "random, from 1 to 2^30 - 1",
    "The first key index of a new database"
  )
})

/**
 * The chain, the policy to propose, and how patient to be. docs/options.md has the defaults and ranges.
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionsOf<Fee extends FeeRate> extends Table.Input<typeof options> {
  readonly chain: Chain.Chain<Fee>
  readonly policy: Policy.Policy<Fee>
}

/**
 * Options for a Bitcoin or a Decred chain; a policy in the other chain's unit does not type-check.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = OptionsOf<SatPerKw> | OptionsOf<AtomsPerKb>

/** The options with all defaults filled in; times in milliseconds. @since 0.1.0 @category models */
export interface Settings extends Table.Settings<typeof options> {
  readonly chain: Chain.Chain
  readonly policy: Policy.Policy
  readonly policyKey: Policy.PolicyKey
}

const settingsOf = ({ chain, policy }: Options, settings: Table.Settings<typeof options>): Settings => ({
  ...settings,
  chain,
  policy,
  policyKey: Policy.keyOf(policy)
})

/** Fills in the defaults. @since 0.1.0 @category combinators */
export const decode = (given: Options): Settings => settingsOf(given, Table.settings(options, given))

/** Checks times and counts, and the policy against its chain. @since 0.1.0 @category combinators */
export const validate = (given: Options): Either.Either<Settings, InvalidOptions | Policy.InvalidPolicy> =>
  Either.gen(function* () {
    const settings = yield* decodeOptions(options, given)
    const { maxBackoff, minBackoff } = options.entries
    if (settings.minBackoff > settings.maxBackoff) {
      const [min, max] = [minBackoff.kind.show(settings.minBackoff), maxBackoff.kind.show(settings.maxBackoff)]
      const detail = `minBackoff takes a time of at most maxBackoff, which is ${max}, not ${min}.`
      return yield* Either.left(new InvalidOptions({ layer: options.layer, detail }))
    }
    yield* Policy.validate<FeeRate>(given.policy, given.chain)
    return settingsOf(given, settings)
  })
