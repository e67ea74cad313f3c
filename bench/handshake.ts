/**
 * Handshakes in one process and without a network, the work of the processor alone: ours with each curve, and those of others,
 * in turn. Static keys are at hand, ephemeral keys are new; each does what its own acts and constructors do with them.
 * lnd's brontide (Go) takes part where `interop/build` has built it.
 */
import * as fs from "node:fs"
import { Effect, Schema } from "effect"
import * as Program from "../test/interop/support/program.js"
import { bundled } from "./support/bundle.js"
import { inTurn, printRates, type Rates } from "./support/rates.js"

const runs = 5
const millisEach = 600

const goName = "lnd's brontide"

/** Nothing where it is not built. */
const ofGo = Effect.gen(function* () {
  if (!fs.existsSync("interop/bin/lnd")) return []
  const program = yield* Program.start("lnd", "handshakes", {})
  const rate = (Millis: number) => Effect.runPromise(program.ask(Schema.Number, "measure", { Millis }))
  return [{ name: goName, rate }]
})

const compare = Effect.gen(function* () {
  const go = yield* ofGo
  return yield* Effect.promise(async () => {
    const { bothRoles, initiators, nodeLightning } =
      await bundled<typeof import("./support/handshakes.js")>("bench/support/handshakes.ts")
    const both = await inTurn([...bothRoles(), ...go], runs, millisEach)
    const beside = [goName, nodeLightning, "noble"]
    printRates(`Handshakes a second, both roles in one process, median of ${runs} (least to most):`, both, beside)
    const initiator = await inTurn(initiators(), runs, millisEach)
    printRates("The initiator alone, as often a second:", initiator, [nodeLightning, "lnmessage", "noble"])
    return { both, initiator }
  })
})

/** Prints handshakes a second and the ratios to others; answers the figures of each run. @since 0.1.0 */
export const handshakes = (): Promise<Readonly<Record<string, Rates>>> => Effect.runPromise(Effect.scoped(compare))
