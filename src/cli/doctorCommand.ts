/** `wtclient doctor`: what is the matter with a tower. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as BrontideTowerTransport from "../layers/BrontideTowerTransport.js"
import * as NodeSocketDialer from "../layers/NodeSocketDialer.js"
import * as SocksSocketDialer from "../layers/SocksSocketDialer.js"
import * as BlobType from "../schema/BlobType.js"
import * as Chain from "../schema/Chain.js"
import * as Excerpt from "../schema/Excerpt.js"
import type { FeeRate } from "../schema/FeeRate.js"
import * as TowerAddress from "../schema/TowerAddress.js"
import * as TowerUri from "../schema/TowerUri.js"
import { dialFailures } from "../schema/TransportError.js"
import { type AddressTime, addressTimes } from "./support/addressTimes.js"
import { CheckFailed } from "./support/CliError.js"
import { clientFlags } from "./support/clientPaths.js"
import { type Diagnosis, diagnose, faultOf, verdictOf } from "./support/diagnosis.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { blobTypesOf, type PolicyFlags, policyFlags, policyOf, policyWords } from "./support/policyFlags.js"
import { during } from "./support/progress.js"
import { summaries } from "./support/summaries.js"
import { towerUri } from "./support/towerArguments.js"
import { type Trial, trial } from "./support/trial.js"
import { json } from "./support/views.js"

const kinds: Record<TowerAddress.Kind, string> = {
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  name: "a host name",
  onion: "an onion name"
}

const done: Record<Diagnosis["steps"][number]["step"], string> = {
  connected: "connected",
  actTwo: "the tower has the secret key of its public key",
  init: "the tower sent its Init"
}

const timeLine = ({ ip, millis, reason }: AddressTime): string =>
  reason === undefined ? `${ip}: connected after ${millis} ms` : `${ip}: ${dialFailures[reason]}, after ${millis} ms`

const trialLine = (trial: Trial): string => {
  const name = BlobType.nameOf(trial.blobType)
  switch (trial._tag) {
    case "Refused":
      return `${name}: gave no session. ${trial.failure.message}`
    case "Given":
      return `${name}: gave a session after ${trial.millis} ms, and deleted it again`
    case "Kept":
      return `${name}: gave a session after ${trial.millis} ms, and did not delete it again. ${trial.failure.message}`
  }
}

const linesOf = ({ init, steps, uri }: Diagnosis, times: ReadonlyArray<AddressTime>): ReadonlyArray<string> => [
  `${uri.address} is ${kinds[TowerAddress.kind(uri.address)]}`,
  ...times.map(timeLine),
  ...steps.map(({ millis, step }) => `after ${millis} ms: ${done[step]}`),
  ...(init === undefined
    ? []
    : [
        `it watches ${Chain.nameOf(init.chainHash)}, and announces these feature bits: ${Excerpt.printFeatures(init.features.slice(0, Excerpt.maxFeatures), init.features.length)}`
      ])
]

/** The policies to ask for, that of the flags first. */
const policiesOf = (given: PolicyFlags, chain: Chain.AnyChain) =>
  Effect.gen(function* () {
    const first = yield* policyOf<FeeRate>(given, chain)
    const others = blobTypesOf(given, chain).filter((one) => one !== first.blobType)
    return [
      first,
      ...(yield* Effect.forEach(others, (one) => policyOf<FeeRate>({ ...given, blobType: Option.some(one) }, chain)))
    ] as const
  })

/** The command. @since 0.1.0 @category constructors */
export const doctor = Command.make(
  "doctor",
  {
    ...clientFlags,
    ...policyFlags,
    create: flags.switches.create,
    proxy: flags.values.proxy,
    json: flags.switches.json,
    tower: towerUri
  },
  (given) =>
    withClient(given, ({ chain, command }) =>
      Effect.gen(function* () {
        const uri = yield* TowerUri.parse(given.tower)
        const policies = yield* policiesOf(given, chain)
        const [{ blobType }] = policies
        const dialer = Option.match(given.proxy, {
          onNone: () => NodeSocketDialer.layer,
          onSome: (proxy) => SocksSocketDialer.layer(proxy)
        })
        // A proxy looks names up itself.
        const timing = Option.isSome(given.proxy) ? Effect.succeed([]) : addressTimes(uri.address)
        const { diagnosis, times, trials } = yield* Effect.gen(function* () {
          const [times, diagnosis] = yield* during(
            `connects to ${uri.address}`,
            Effect.all([timing, diagnose(uri, chain, blobType)], { concurrency: 2 })
          )
          const isTried = given.create && diagnosis.failure === undefined
          const trials = yield* Effect.forEach(isTried ? policies : [], (policy, at) =>
            during(
              `asks for a session of type ${BlobType.nameOf(policy.blobType)}, ${at + 1} of ${policies.length}`,
              trial(uri, chain, policy)
            )
          )
          return { diagnosis, times, trials }
        }).pipe(Effect.provide(Layer.provide(BrontideTowerTransport.layer(), dialer)))
        const findings = { ...diagnosis, trials }
        const fault = faultOf(findings)
        const verdict = verdictOf(findings, BlobType.nameOf(blobType))
        yield* Console.log(
          given.json
            ? json({
                fault,
                verdict,
                tower: { publicKey: uri.publicKey, address: uri.address },
                addresses: times,
                steps: diagnosis.steps,
                chain: diagnosis.init && Chain.nameOf(diagnosis.init.chainHash),
                features: diagnosis.init?.features,
                sessions: trials.map(({ blobType, ...found }) => ({
                  blobType,
                  blobTypeName: BlobType.nameOf(blobType),
                  given: found._tag !== "Refused",
                  deleted: found._tag === "Given",
                  millis: found._tag === "Refused" ? undefined : found.millis,
                  message: found._tag === "Given" ? undefined : found.failure.message
                }))
              })
            : [...linesOf(diagnosis, times), ...trials.map(trialLine), ...(fault === "none" ? [verdict] : [])].join(
                "\n"
              )
        )
        const next =
          fault === "OnionWithoutProxy"
            ? [command("doctor", given.tower, "--proxy", "127.0.0.1:9050", ...policyWords(given))]
            : []
        if (fault !== "none") return yield* new CheckFailed({ message: verdict, next })
      })
    )
).pipe(Command.withDescription(summaries.doctor))
