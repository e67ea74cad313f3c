/**
 * The HTTP interface of `wtclient run` as a value, and a typed client of it. Other languages read `/openapi.json`.
 *
 * @since 0.1.0
 * @module
 */

export * as WatchtowerClient from "./layers/http/WatchtowerClient.js"
export * as WatchtowerApi from "./schema/http/WatchtowerApi.js"
