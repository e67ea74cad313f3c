/**
 * What a tower client is told: plain data, decoded and checked once.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Table from "../../internal/optionTable.js"
import * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import type { AtomsPerKb, FeeRate, SatPerKw } from "../../schema/FeeRate.js"
import { InvalidOptions } from "../../schema/InvalidOptions.js"
import * as Policy from "../../schema/Policy.js"
import { senderLeaseMs } from "../../schema/StoredBackup.js"
import * as Negotiator from "../negotiator/Options.js"
import { decodeOptions } from "../support/decodeOptions.js"

/** The sender renews its lease well before it runs out. */
const longestRenewal: Duration.DurationInput = senderLeaseMs / 2

/** How many copies, and how patient with towers. @since 0.1.0 @category config */
export const options = Table.table("TowerClient", ["backup"], {
  copies: Table.withDefault(
    Table.wholeNumber({ least: 1, most: 0xff, unit: "copies" }),
    1,
    "How many towers shall have each state"
  ),
  window: Table.withDefault(
    Table.wholeNumber({ least: 1, most: 1024, unit: "updates" }),
    32,
    "The most updates that are sent to a tower before it has confirmed the first"
  ),
  windowTimeout: Table.withDefault(
    Table.time(),
    "60 seconds",
    "The longest time that a tower takes for all updates of a window"
  ),
  silence: Table.withDefault(
    Table.time(),
    "3 seconds",
    "When a tower has not answered an update for this long, others are asked to take what it has not been given"
  ),
  hedgeDelay: Table.withDefault(
    Table.time(),
    "1 second",
    "While states wait, one more session is tried each time that this has passed"
  ),
  maxHedged: Table.withDefault(
    Table.wholeNumber({ least: 1, unit: "sessions" }),
    8,
    "The most sessions that are tried at the same time"
  ),
  moveAfter: Table.withDefault(
    Table.time(),
    "1 minute",
    "When a tower that has been given states has failed for this long, others take them too"
  ),
  linger: Table.withDefault(
    Table.time({ atMost: "15 seconds" }),
    "10 seconds",
    "How long a connection that has nothing to send stays open; towers close it after 15 seconds"
  ),
  signTimeout: Table.withDefault(Table.time(), "30 seconds", "The longest time that a signer takes for a state"),
  renewInterval: Table.withDefault(
    Table.time({ atMost: longestRenewal }),
    "10 seconds",
    "How often the sender renews its lease of 30 seconds, and how often others look whether it has run out"
  ),
  spare: Table.withDefault(
    Table.wholeNumber({ least: 0, most: 100, unit: "sessions" }),
    0,
    "How many unused sessions are kept of each blob type, so that a state need not wait for a new one"
  ),
  pollInterval: Table.withDefault(
    Table.time({ forever: true }),
    "1 second",
    "How often the sender looks for states that another process was handed; Infinity: never"
  )
})

/**
 * The chain, and what holds for its sessions. `policies` has one policy for each blob type that channels use (default: the
 * default policy of each blob type that the chain's towers take without a reward). `spareBlobTypes` are those of which unused
 * sessions are kept (default: all of them). docs/options.md has the defaults and ranges.
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionsOf<Fee extends FeeRate> extends Table.Input<typeof options> {
  readonly chain: Chain.Chain<Fee>
  readonly policies?: ReadonlyArray<Policy.Policy<Fee>> | undefined
  readonly spareBlobTypes?: ReadonlyArray<BlobType.BlobType> | undefined
  /** How patient the negotiators are that get the sessions. */
  readonly negotiator?: Table.Input<typeof Negotiator.options> | undefined
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
  /** For each policy, how its sessions are negotiated. */
  readonly negotiators: ReadonlyArray<Negotiator.Settings>
  readonly spareBlobTypes: ReadonlyArray<BlobType.BlobType>
}

/** Checks times and counts, and that no two policies have the same blob type. @since 0.1.0 @category combinators */
export const validate = (given: Options): Either.Either<Settings, InvalidOptions | Policy.InvalidPolicy> =>
  Either.gen(function* () {
    // Both members of the union go the same way; a spread needs to see one of them.
    const { chain, negotiator, policies, spareBlobTypes } = given as OptionsOf<SatPerKw>
    const settings = yield* decodeOptions(options, given)
    const used = policies ?? policiesOf(chain)
    const twice = used.find((one, at) => used.findIndex(({ blobType }) => blobType === one.blobType) !== at)
    if (twice !== undefined) {
      const detail = `policies takes one policy for each blob type, and has two for ${twice.blobType}.`
      return yield* Either.left(new InvalidOptions({ layer: options.layer, detail }))
    }
    const spareTypes = spareBlobTypes ?? used.map(({ blobType }) => blobType)
    const other = spareTypes.find((blobType) => !used.some((one) => one.blobType === blobType))
    if (other !== undefined) {
      const detail = `spareBlobTypes takes blob types of policies, and no policy is of type ${BlobType.nameOf(other)}.`
      return yield* Either.left(new InvalidOptions({ layer: options.layer, detail }))
    }
    const negotiators = yield* Either.all(used.map((policy) => Negotiator.validate({ ...negotiator, chain, policy })))
    return { ...settings, chain, negotiators, spareBlobTypes: spareTypes }
  })

/** A policy with these fields for each blob type that the chain's towers take without a reward. @since 0.1.0 @category constructors */
export const policiesOf = <Fee extends FeeRate>(
  chain: Chain.Chain<Fee>,
  fields: Omit<Policy.Fields, "blobType"> = {}
): ReadonlyArray<Policy.Policy<Fee>> =>
  chain.blobTypes
    .filter((blobType) => !BlobType.has(blobType, BlobType.flagReward))
    .map((blobType) => Policy.make(chain, { ...fields, blobType }))
