/** `wtclient doctor`: what is the matter with a tower. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as BrontideTowerTransport from "../layers/BrontideTowerTransport.js"
import { examine } from "../layers/doctor/examine.js"
import * as NodeSocketDialer from "../layers/NodeSocketDialer.js"
import * as SocksSocketDialer from "../layers/SocksSocketDialer.js"
import type * as Chain from "../schema/Chain.js"
import type { FeeRate } from "../schema/FeeRate.js"
import * as TowerUri from "../schema/TowerUri.js"
import { CheckFailed } from "./support/CliError.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { blobTypesOf, type PolicyFlags, policyFlags, policyOf, policyWords } from "./support/policyFlags.js"
import { during } from "./support/progress.js"
import { summaries } from "./support/summaries.js"
import { towerUri } from "./support/towerArguments.js"
import { json } from "./support/views.js"

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
        const dialer = Option.match(given.proxy, {
          onNone: () => NodeSocketDialer.layer,
          onSome: (proxy) => SocksSocketDialer.layer(proxy)
        })
        const report = yield* examine({ uri, chain, policies, create: given.create }, during).pipe(
          Effect.provide(Layer.provide(BrontideTowerTransport.layer(), dialer))
        )
        const { fault, lines, verdict } = report
        yield* Console.log(given.json ? json(report) : [...lines, ...(fault === "none" ? [verdict] : [])].join("\n"))
        const next =
          fault === "OnionWithoutProxy"
            ? [command("doctor", given.tower, "--proxy", "127.0.0.1:9050", ...policyWords(given))]
            : []
        if (fault !== "none") return yield* new CheckFailed({ message: verdict, next })
      })
    )
).pipe(Command.withDescription(summaries.doctor))
