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
import { CheckFailed } from "./support/CliError.js"
import { clientFlags } from "./support/clientPaths.js"
import { type Diagnosis, diagnose, faultOf, verdictOf } from "./support/diagnosis.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { policyFlags, policyOf } from "./support/policyFlags.js"
import { summaries } from "./support/summaries.js"
import { towerUri } from "./support/towerArguments.js"
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

const linesOf = ({ init, steps, uri }: Diagnosis): ReadonlyArray<string> => [
  `${uri.address} is ${kinds[TowerAddress.kind(uri.address)]}`,
  ...steps.map(({ millis, step }) => `after ${millis} ms: ${done[step]}`),
  ...(init === undefined
    ? []
    : [
        `it watches ${Chain.nameOf(init.chainHash)}, and announces these feature bits: ${Excerpt.printFeatures(init.features.slice(0, Excerpt.maxFeatures), init.features.length)}`
      ])
]

/** The command. @since 0.1.0 @category constructors */
export const doctor = Command.make(
  "doctor",
  {
    ...clientFlags,
    blobType: policyFlags.blobType,
    proxy: flags.values.proxy,
    json: flags.switches.json,
    tower: towerUri
  },
  (given) =>
    withClient(given, (client) =>
      Effect.gen(function* () {
        const uri = yield* TowerUri.parse(given.tower)
        const none = { maxUpdates: Option.none(), sweepFeeRate: Option.none() }
        const { blobType } = yield* policyOf<FeeRate>({ ...none, blobType: given.blobType }, client.chain)
        const dialer = Option.match(given.proxy, {
          onNone: () => NodeSocketDialer.layer,
          onSome: (proxy) => SocksSocketDialer.layer(proxy)
        })
        const diagnosis = yield* diagnose(uri, client.chain, blobType).pipe(
          Effect.provide(Layer.provide(BrontideTowerTransport.layer(), dialer))
        )
        const fault = faultOf(diagnosis)
        const verdict = verdictOf(diagnosis, BlobType.nameOf(blobType))
        yield* Console.log(
          given.json
            ? json({
                fault,
                verdict,
                tower: { publicKey: uri.publicKey, address: uri.address },
                steps: diagnosis.steps,
                chain: diagnosis.init && Chain.nameOf(diagnosis.init.chainHash),
                features: diagnosis.init?.features
              })
            : [...linesOf(diagnosis), ...(fault === "none" ? [verdict] : [])].join("\n")
        )
        if (fault !== "none") return yield* new CheckFailed({ message: verdict })
      })
    )
).pipe(Command.withDescription(summaries.doctor))
