/**
 * What a negotiator is told: plain data, decoded and checked once.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Chain from "../../schema/Chain.js"
import type { AtomsPerKb, FeeRate, SatPerKw } from "../../schema/FeeRate.js"
import type { KeyIndex } from "../../schema/Ids.js"
import * as Policy from "../../schema/Policy.js"
import { leaseMs, shownKeyRestMs } from "../../schema/Reservation.js"

/**
 * The chain, the policy to propose, and how patient to be (design 4; the defaults stand behind each field).
 *
 * @since 0.1.0
 * @category models
 */
export interface OptionsOf<Fee extends FeeRate> {
  readonly chain: Chain.Chain<Fee>
  readonly policy: Policy.Policy<Fee>
  /** The first wait after a round that gave no session, and a tower's first rest: 10 s. */
  readonly minBackoff?: Duration.DurationInput | undefined
  /** The longest wait and rest: 5 min. */
  readonly maxBackoff?: Duration.DurationInput | undefined
  /** Waits are shortened at random to between half and all of their length: false. */
  readonly jitter?: boolean | undefined
  /** The next candidate is visited too when the last one was started so long ago: 1 s. */
  readonly hedgeDelay?: Duration.DurationInput | undefined
  /** So many visits at once: 8. */
  readonly maxHedged?: number | undefined
  /** The time for a visit: 90 s. */
  readonly visitTimeout?: Duration.DurationInput | undefined
  /** So many keys are tried in one visit when the tower says AlreadyExists: 3. */
  readonly maxKeyAttempts?: number | undefined
  /** A quarantined tower is asked again after this time: 24 h. */
  readonly quarantineProbe?: Duration.DurationInput | undefined
  /** How long to wait for the tower to hang up before a session is delivered or its key used again: 2 s. */
  readonly hangUpWait?: Duration.DurationInput | undefined
  /** So many requests are counted, more are merged: 1. */
  readonly maxPending?: number | undefined
  /** The first key index of a new database: random from 1 to 2^30 - 1. */
  readonly firstKeyIndex?: KeyIndex | undefined
}

/**
 * Options for a Bitcoin or a Decred chain; a policy in the other chain's unit does not type-check.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = OptionsOf<SatPerKw> | OptionsOf<AtomsPerKb>

/** The options do not make sense; `detail` says which and why. @since 0.1.0 @category errors */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>()("InvalidOptions", { detail: Schema.String }) {
  override get message() {
    return `The negotiator's options are not valid: ${this.detail}`
  }
}

/** The options with all defaults filled in; times in milliseconds. @since 0.1.0 @category models */
export interface Settings {
  readonly chain: Chain.Chain
  readonly policy: Policy.Policy
  readonly policyKey: Policy.PolicyKey
  readonly minBackoff: number
  readonly maxBackoff: number
  readonly jitter: boolean
  readonly hedgeDelay: number
  readonly maxHedged: number
  readonly visitTimeout: number
  readonly maxKeyAttempts: number
  readonly quarantineProbe: number
  readonly hangUpWait: number
  readonly maxPending: number
  readonly firstKeyIndex: KeyIndex | undefined
}

/** Fills in the defaults. @since 0.1.0 @category combinators */
export const decode = (options: Options): Settings => {
  const millis = (input: Duration.DurationInput | undefined, fallback: Duration.DurationInput) =>
    Duration.toMillis(input ?? fallback)
  return {
    chain: options.chain,
    policy: options.policy,
    policyKey: Policy.keyOf(options.policy),
    minBackoff: millis(options.minBackoff, "10 seconds"),
    maxBackoff: millis(options.maxBackoff, "5 minutes"),
    jitter: options.jitter ?? false,
    hedgeDelay: millis(options.hedgeDelay, "1 second"),
    maxHedged: options.maxHedged ?? 8,
    visitTimeout: millis(options.visitTimeout, "90 seconds"),
    maxKeyAttempts: options.maxKeyAttempts ?? 3,
    quarantineProbe: millis(options.quarantineProbe, "24 hours"),
    hangUpWait: millis(options.hangUpWait, "2 seconds"),
    maxPending: options.maxPending ?? 1,
    firstKeyIndex: options.firstKeyIndex
  }
}

/** Checks times and counts (D20) and the policy against its chain (D12). @since 0.1.0 @category combinators */
export const validate = (options: Options): Either.Either<Settings, InvalidOptions | Policy.InvalidPolicy> => {
  const settings = decode(options)
  const problem = problemOf(settings)
  if (problem !== undefined) return Either.left(new InvalidOptions({ detail: problem }))
  return Either.map(validatePolicy(options), () => settings)
}

const validatePolicy = (options: Options): Either.Either<Policy.Policy, Policy.InvalidPolicy> =>
  Policy.validate<FeeRate>(options.policy, options.chain)

/** Timers of the platform hold 31 bits of milliseconds. */
const longestSleep = 24 * 24 * 60 * 60 * 1000

const problemOf = (settings: Settings): string | undefined => {
  const { minBackoff, maxBackoff } = settings
  if (!(minBackoff > 0 && minBackoff <= maxBackoff && Number.isFinite(maxBackoff))) {
    return `minBackoff (${minBackoff} ms) must be above 0 and at most maxBackoff (${maxBackoff} ms).`
  }
  const { hedgeDelay, quarantineProbe, visitTimeout } = settings
  for (const [name, time] of Object.entries({ hedgeDelay, quarantineProbe, visitTimeout })) {
    if (!(time > 0)) return `${name} must be above 0.`
  }
  for (const [name, time] of Object.entries({ maxBackoff, hedgeDelay, quarantineProbe })) {
    if (time > longestSleep) return `${name} must be at most 24 days, the longest that a timer can be set to.`
  }
  // A visit must end while its lease holds (design 4, Reservations).
  if (visitTimeout > leaseMs - 10_000) return "visitTimeout must be at most 110 s, since a key is held for 120 s."
  if (!(settings.hangUpWait > 0 && settings.hangUpWait <= shownKeyRestMs)) {
    return "hangUpWait must be above 0 and at most 2 s."
  }
  const counts = {
    maxHedged: settings.maxHedged,
    maxKeyAttempts: settings.maxKeyAttempts,
    maxPending: settings.maxPending
  }
  for (const [name, count] of Object.entries(counts)) {
    if (!(Number.isSafeInteger(count) && count >= 1)) return `${name} must be a whole number of at least 1.`
  }
  return undefined
}
