/**
 * The HTTP interface of `wtclient run` as a value, and a typed client of it. Other languages read `/openapi.json`.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { WatchtowerClient } from "effect-watchtower/api"
 *
 * // Adds a tower to the service. `WatchtowerClient.layer` says where it is, and has its token.
 * export const add = (tower: string) =>
 *   Effect.flatMap(WatchtowerClient.WatchtowerClient, ({ towers }) => towers.add({ payload: { tower } }))
 * ```
 *
 * @since 0.1.0
 * @module
 */

export * as WatchtowerClient from "./layers/http/WatchtowerClient.js"
export * as WatchtowerApi from "./schema/http/WatchtowerApi.js"
