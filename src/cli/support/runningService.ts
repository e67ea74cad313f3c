/**
 * What the service of a client says of itself, if it runs.
 *
 * @since 0.1.0
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { within } from "../../layers/concurrency/firstOf.js"
import type { ServiceStatus } from "../../schema/http/ServiceStatus.js"
import * as AddressFile from "./addressFile.js"
import type { ClientPaths } from "./clientPaths.js"
import * as TokenFile from "./tokenFile.js"

/** A service on this machine answers at once, or it hangs. */
const patience = "2 seconds"

/**
 * The status of the service; none where it does not run, does not answer, or belongs to another account. The database tells all
 * else, so none of these is a failure.
 *
 * @since 0.1.0
 * @category constructors
 */
export const status = (
  client: ClientPaths
): Effect.Effect<Option.Option<ServiceStatus>, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const at = yield* Effect.flatten(AddressFile.find(client))
    const token = yield* TokenFile.read(client)
    // A client of HTTP takes long to load, and mostly there is no service.
    const { layer, WatchtowerClient } = yield* Effect.promise(() => import("../../layers/http/WatchtowerClient.js"))
    const asked = Effect.flatMap(WatchtowerClient, ({ status }) => status.get())
    const answer = Effect.provide(asked, layer({ at: "url" in at ? at.url : at, token }))
    return yield* within(answer, patience, () => "late" as const)
  }).pipe(Effect.option)
