/**
 * The endpoint that looks at a tower.
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { DoctorReport } from "../DoctorReport.js"
import { InvalidTowerAddress } from "../TowerAddress.js"
import { InvalidTowerUri } from "../TowerUri.js"
import { Authorization } from "./middleware.js"
import { withStatus } from "./refusals.js"

/** The service looks at `limit` towers already, which is the most at a time. @since 0.1.0 @category errors */
export class DoctorBusy extends Schema.TaggedError<DoctorBusy>()("DoctorBusy", { limit: Schema.Int }) {
  override get message() {
    return `The doctor looks at ${this.limit} towers already, the most at a time. Ask again when one of them is done.`
  }
}

/** A look at a tower has taken the longest time that it may, `limit` in seconds. @since 0.1.0 @category errors */
export class DoctorTimeout extends Schema.TaggedError<DoctorTimeout>()("DoctorTimeout", { limit: Schema.Int }) {
  override get message() {
    return `The doctor was not done after ${this.limit} seconds. Ask again without create, or use wtclient doctor, which has no limit.`
  }
}

/** As `wtclient doctor`: a tower can be looked at before it is added. @since 0.1.0 @category endpoints */
export class DoctorApi extends HttpApiGroup.make("doctor")
  .add(
    HttpApiEndpoint.post("ask", "/v1/doctor")
      .setPayload(Schema.Struct({ tower: Schema.String, create: Schema.optional(Schema.Boolean) }))
      .addSuccess(DoctorReport)
      .addError(withStatus(InvalidTowerUri, 400))
      .addError(withStatus(InvalidTowerAddress, 400))
      .addError(withStatus(DoctorBusy, 429))
      .addError(withStatus(DoctorTimeout, 504))
      .annotate(
        OpenApi.Summary,
        "What is the matter with a tower, publickey@host:port; with create whether it gives sessions, which are deleted again"
      )
  )
  .middleware(Authorization) {}
