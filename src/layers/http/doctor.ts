/**
 * The doctor over HTTP: few looks at a time, each within a time.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AnyChain } from "../../schema/Chain.js"
import type { FeeRate } from "../../schema/FeeRate.js"
import { DoctorBusy, DoctorTimeout, WatchtowerApi } from "../../schema/http/WatchtowerApi.js"
import * as Policy from "../../schema/Policy.js"
import * as TowerUri from "../../schema/TowerUri.js"
import { TowerClient } from "../../services/TowerClient.js"
import { within } from "../concurrency/firstOf.js"
import { examine } from "../doctor/examine.js"

/** Each has a connection to a tower, and a request that waits for it. @since 0.1.0 @category models */
export const mostAtATime = 4

/** More than what a tower may take until its Init, also through Tor with the usual time limits, in seconds. @since 0.1.0 @category models */
export const longestSeconds = 120

/** Runs an effect where less than the most run, and not longer than it may. @since 0.1.0 @category combinators */
export const makeLimit = Effect.map(
  Effect.makeSemaphore(mostAtATime),
  (places) =>
    <A, E, R>(look: Effect.Effect<A, E, R>): Effect.Effect<A, E | DoctorBusy | DoctorTimeout, R> =>
      within(look, longestSeconds * 1000, () => new DoctorTimeout({ limit: longestSeconds })).pipe(
        places.withPermitsIfAvailable(1),
        Effect.flatMap(Option.match({ onNone: () => new DoctorBusy({ limit: mostAtATime }), onSome: Effect.succeed }))
      )
)

/** The endpoint, for towers of this chain. @since 0.1.0 @category layers */
export const layer = (chain: AnyChain) =>
  HttpApiBuilder.group(WatchtowerApi, "doctor", (handlers) =>
    Effect.gen(function* () {
      const { negotiators } = yield* TowerClient
      const limited = yield* makeLimit
      // The verdict is about the first: one whose sessions are kept at hand, where there is one.
      const wanted = negotiators.toSorted((one, other) => other.spare - one.spare)
      const [first = Policy.defaults<FeeRate>(chain), ...others] = wanted.map(({ policy }) => policy)
      const policies = [first, ...others] as const
      return handlers.handle("ask", ({ payload: { create = false, tower } }) =>
        Effect.gen(function* () {
          const uri = yield* TowerUri.parse(tower)
          // A new key and the chain of the service are options that fit.
          return yield* limited(
            examine({ uri, chain, policies, create }).pipe(Effect.catchTag("InvalidOptions", Effect.die))
          )
        })
      )
    })
  )
