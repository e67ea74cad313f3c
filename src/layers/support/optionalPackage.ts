/**
 * Modules that need an optional package, loaded when they are used: it may be missing, and it costs start-up time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { missingPackage } from "../../internal/peers.js"
import { PackageMissing } from "../../schema/PackageMissing.js"

/** Imports a module for what needs it; anything but a missing package is a bug. @since 0.1.0 @category constructors */
export const load = <A>(neededBy: string, module: () => Promise<A>): Effect.Effect<A, PackageMissing> =>
  Effect.tryPromise({ try: module, catch: (error) => error }).pipe(
    Effect.catchAll((error) => {
      const missing = missingPackage(error)
      return missing === undefined ? Effect.die(error) : new PackageMissing({ package: missing, neededBy })
    })
  )
