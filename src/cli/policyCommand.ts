/** `wtclient policy`: what the client proposes to towers. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as BlobType from "../schema/BlobType.js"
import type * as Chain from "../schema/Chain.js"
import type { FeeRate } from "../schema/FeeRate.js"
import type { Policy } from "../schema/Policy.js"
import { clientFlags } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { blobTypesOf, policyFlags, policyOf } from "./support/policyFlags.js"
import { summaries } from "./support/summaries.js"
import { type Column, table, terminalWidth } from "./support/table.js"
import { json } from "./support/views.js"

/** The rate as lncli has it: a transaction of 1,000 weight units has 250 virtual bytes. */
const satPerVbyte = ({ sweepFeeRate }: Policy<FeeRate>): number => Math.floor(Number(sweepFeeRate * 4n) / 1000)

const columnsOf = (chain: Chain.AnyChain): ReadonlyArray<Column<Policy<FeeRate>>> => [
  [["BLOB TYPE", ({ blobType }) => BlobType.nameOf(blobType)]],
  [["MAX UPDATES", ({ maxUpdates }) => String(maxUpdates)]],
  [[`SWEEP FEE RATE (${chain.feeUnit})`, ({ sweepFeeRate }) => String(sweepFeeRate)]],
  ...(chain.name === "bitcoin"
    ? [[["(sat/vbyte)", (policy: Policy<FeeRate>) => String(satPerVbyte(policy))]] as const]
    : [])
]

/** The command. @since 0.1.0 @category constructors */
export const policy = Command.make("policy", { ...clientFlags, ...policyFlags, json: flags.switches.json }, (given) =>
  withClient(given, (client) =>
    Effect.gen(function* () {
      const { chain } = client
      const policies = yield* Effect.forEach(blobTypesOf(given, chain), (blobType) =>
        policyOf<FeeRate>({ ...given, blobType: Option.some(blobType) }, chain)
      )
      yield* Console.log(
        given.json
          ? json(
              policies.map((one) => ({
                ...one,
                blobTypeName: BlobType.nameOf(one.blobType),
                ...(chain.name === "bitcoin" ? { sweepSatPerVbyte: satPerVbyte(one) } : {})
              }))
            )
          : table(columnsOf(chain), policies, yield* terminalWidth)
      )
    })
  )
).pipe(Command.withDescription(summaries.policy))
