/**
 * What the service of a client says of itself, if it runs.
 *
 * @since 0.1.0
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { within } from "../../layers/concurrency/firstOf.js"
import type { WatchtowerClient } from "../../layers/http/WatchtowerClient.js"
import type { ServiceStatus } from "../../schema/http/ServiceStatus.js"
import * as AddressFile from "./addressFile.js"
import { CommandError } from "./CliError.js"
import type { ClientPaths } from "./clientPaths.js"
import * as TokenFile from "./tokenFile.js"

/** A service on this machine answers at once, or it hangs. */
const patience = "2 seconds"

type Asked<A, E> = (service: WatchtowerClient.Service) => Effect.Effect<A, E>

/** What the service at this address answers. */
const ask = <A, E>(client: ClientPaths, at: AddressFile.At, asked: Asked<A, E>) =>
  Effect.gen(function* () {
    const token = yield* TokenFile.read(client)
    // A client of HTTP takes long to load, and mostly there is no service.
    const { layer, WatchtowerClient } = yield* Effect.promise(() => import("../../layers/http/WatchtowerClient.js"))
    const answer = Effect.provide(
      Effect.flatMap(WatchtowerClient, asked),
      layer({ at: "url" in at ? at.url : at, token })
    )
    return yield* within(answer, patience, () => "late" as const)
  })

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
  Effect.flatten(AddressFile.find(client)).pipe(
    Effect.flatMap((at) => ask(client, at, (service) => service.status.get())),
    Effect.option
  )

/**
 * The address of the page, with which a browser signs in once, until that instant.
 *
 * @since 0.1.0
 * @category constructors
 */
export const pageAddress = (
  client: ClientPaths
): Effect.Effect<{ readonly url: string; readonly until: number }, CommandError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const next = [client.command("run")]
    const at = Option.getOrUndefined(yield* AddressFile.find(client))
    if (at === undefined) return yield* new CommandError({ message: "The service does not run. Start it.", next })
    if (!("url" in at)) {
      return yield* new CommandError({
        message: `The service listens on the socket ${at.socketPath}, which no browser can open. Start it without --socket.`,
        next
      })
    }
    const notThere = new CommandError({ message: `The service does not answer at ${at.url}. Start it again.`, next })
    const notBuilt = new CommandError({
      message:
        "The service was started without its page. Make the page with npm run build, and start the service again.",
      next
    })
    const { path, until } = yield* Effect.mapError(
      ask(client, at, ({ page }) => page.login()),
      (error) => {
        if (error === "late") return notThere
        if (error._tag === "CommandError") return error
        return error._tag === "EndpointNotFound" ? notBuilt : notThere
      }
    )
    return { url: `${at.url}${path}`, until }
  })
