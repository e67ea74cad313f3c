/**
 * The HTTP interface of `wtclient run` as a value: the service is made of it, the typed client, and `/openapi.json`
 * (docs/service.md).
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as OpenApi from "@effect/platform/OpenApi"
import { BackupsApi } from "./BackupsApi.js"
import { ChannelsApi } from "./ChannelsApi.js"
import { DoctorApi } from "./DoctorApi.js"
import { EventsApi } from "./EventsApi.js"
import { JsonBody, LocalOnly } from "./middleware.js"
import { PageApi } from "./PageApi.js"
import { EndpointNotFound, ServiceDefect, withStatus } from "./refusals.js"
import { SessionsApi } from "./SessionsApi.js"
import { HealthApi, StatusApi } from "./StatusApi.js"
import { TowersApi } from "./TowersApi.js"

export { DoctorReport } from "../DoctorReport.js"
export { BackupProgress, Digests, longestWait, Signature, Signatures, SignedState, TakenState } from "./BackupsApi.js"
export { ChannelPage } from "./ChannelsApi.js"
export { DoctorBusy, DoctorTimeout } from "./DoctorApi.js"
export { ServiceEvent } from "./EventsApi.js"
export { Authorization, JsonBody, LocalOnly, loginCookie } from "./middleware.js"
export { History, LastFailure, Login, Minute } from "./PageApi.js"
export {
  BodyNotJson,
  BodyTooLarge,
  EndpointNotFound,
  ForeignRequest,
  NotReady,
  ServiceDefect,
  Unauthorized
} from "./refusals.js"
export { NegotiatorReport, ServiceStatus } from "./ServiceStatus.js"
export { SessionPage } from "./SessionsApi.js"
export { Healthy } from "./StatusApi.js"
export { TowerReport, TowerStanding } from "./TowersApi.js"

/**
 * The endpoints in groups. All but those of health need the token; errors are tagged, with a `message` for people.
 *
 * @since 0.1.0
 * @category endpoints
 */
export class WatchtowerApi extends HttpApi.make("watchtower")
  .add(HealthApi)
  .add(StatusApi)
  .add(TowersApi)
  .add(DoctorApi)
  .add(SessionsApi)
  .add(ChannelsApi)
  .add(BackupsApi)
  .add(EventsApi)
  .add(PageApi)
  .addError(withStatus(EndpointNotFound, 404))
  .addError(withStatus(ServiceDefect, 500))
  .middleware(JsonBody)
  .middleware(LocalOnly)
  .annotate(OpenApi.Title, "effect-watchtower")
  .annotate(OpenApi.Description, "The tower client of a Lightning node, as a service beside it")
  .annotate(OpenApi.Version, "1") {}
