/**
 * A typed client of `wtclient run` (docs/service.md).
 *
 * ```ts
 * import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
 * import { Console, Effect, Redacted } from "effect"
 * import { WatchtowerClient } from "effect-watchtower/api"
 *
 * const program = Effect.gen(function* () {
 *   const service = yield* WatchtowerClient.WatchtowerClient
 *   const { client } = yield* service.status.get()
 *   yield* Console.log(`The service is ${client.role}`)
 * })
 *
 * // The token is in the file that `wtclient run` names when it starts.
 * const layer = WatchtowerClient.layer({ at: "http://127.0.0.1:9912", token: Redacted.make("5e...") })
 *
 * export const main = () => NodeRuntime.runMain(Effect.provide(program, layer))
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { ParseError } from "effect/ParseResult"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { ServiceEvent, WatchtowerApi } from "../../schema/http/WatchtowerApi.js"
import type { PackageMissing } from "../../schema/PackageMissing.js"
import { load } from "../support/optionalPackage.js"

/** How a service is talked to. @since 0.1.0 @category models */
export interface Options {
  /** The token of the service's token file. */
  readonly token: Redacted.Redacted
  /** The beginning of its address. Default: `http://localhost`, for clients over a unix socket. */
  readonly url?: string | undefined
}

const ofGroups = ({ token, url = "http://localhost" }: Options, client: HttpClient.HttpClient) =>
  HttpApiClient.makeWith(WatchtowerApi, {
    httpClient: HttpClient.mapRequest(client, HttpClientRequest.bearerToken(token)),
    baseUrl: url
  })

type Groups = Effect.Effect.Success<ReturnType<typeof ofGroups>>

/** The endpoints of each group as functions, with their typed errors; and the events as a stream. @since 0.1.0 @category services */
export class WatchtowerClient extends Context.Tag("effect-watchtower/WatchtowerClient")<
  WatchtowerClient,
  WatchtowerClient.Service
>() {}

/** @since 0.1.0 */
export declare namespace WatchtowerClient {
  /** What a service can be asked. */
  interface Service extends Omit<Groups, "events"> {
    /** The status, and then what happens; ends when the service stops. */
    readonly events: Stream.Stream<ServiceEvent, HttpClientError | ParseError>
  }
}

const parse = Schema.decode(Schema.parseJson(ServiceEvent))

const dataOf = (line: string): Option.Option<string> =>
  line.startsWith("data: ") ? Option.some(line.slice("data: ".length)) : Option.none()

/** A client over the HTTP client that is there. @since 0.1.0 @category constructors */
export const make = (options: Options): Effect.Effect<WatchtowerClient.Service, never, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const groups = yield* ofGroups(options, client)
    const request = HttpClientRequest.get(`${options.url ?? "http://localhost"}/v1/events`).pipe(
      HttpClientRequest.bearerToken(options.token)
    )
    const response = Effect.flatMap(client.execute(request), HttpClientResponse.filterStatusOk)
    const events = HttpClientResponse.stream(response).pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.filterMap(dataOf),
      Stream.mapEffect((data) => parse(data))
    )
    return { ...groups, events }
  })

/** Where a service listens: a URL, or the path of its unix socket. @since 0.1.0 @category models */
export type At = string | { readonly socketPath: string }

/** The agent of Node takes the path of a socket, which its type does not say. */
const agentOptions = (at: At): object => (typeof at === "string" ? {} : at)

/**
 * A client on Node, over TCP or a unix socket. `PackageMissing`: `@effect/platform-node` is not installed.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = ({
  at,
  token
}: {
  readonly at: At
  readonly token: Redacted.Redacted
}): Layer.Layer<WatchtowerClient, PackageMissing> =>
  Layer.unwrapEffect(
    Effect.map(
      load("a client on Node", () => import("@effect/platform-node/NodeHttpClient")),
      (NodeHttpClient) =>
        Layer.effect(WatchtowerClient, make({ token, url: typeof at === "string" ? at : undefined })).pipe(
          Layer.provide(NodeHttpClient.layerWithoutAgent),
          Layer.provide(NodeHttpClient.makeAgentLayer(agentOptions(at)))
        )
    )
  )
