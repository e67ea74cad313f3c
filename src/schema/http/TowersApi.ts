/**
 * The endpoints about towers.
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { BlobType } from "../BlobType.js"
import { LastTowerAddr, TowerNotFound } from "../DbError.js"
import { PolicyKey } from "../Policy.js"
import { Readiness } from "../Readiness.js"
import { Standing } from "../Standing.js"
import { Tower } from "../Tower.js"
import { InvalidTowerAddress } from "../TowerAddress.js"
import { InvalidPublicKey, InvalidTowerUri } from "../TowerUri.js"
import { databaseErrors } from "./databaseErrors.js"
import { Authorization } from "./middleware.js"
import { withStatus } from "./refusals.js"

/** How a tower stands for one policy of the service. @since 0.1.0 @category models */
export const TowerStanding = Schema.Struct({
  blobType: BlobType,
  policyKey: PolicyKey,
  readiness: Readiness,
  standing: Standing
})
/** @since 0.1.0 @category models */
export type TowerStanding = typeof TowerStanding.Type

/** A tower, and how it stands for each policy of the service. @since 0.1.0 @category models */
export const TowerReport = Schema.Struct({
  tower: Tower,
  standings: Schema.Array(TowerStanding)
}).annotations({ identifier: "TowerReport" })
/** @since 0.1.0 @category models */
export type TowerReport = typeof TowerReport.Type

const named = Schema.Struct({ publicKey: Schema.String })
const badKey = withStatus(InvalidPublicKey, 400)
const notFound = withStatus(TowerNotFound, 404)

/** Towers are named by their public keys, 66 hex digits. @since 0.1.0 @category endpoints */
export class TowersApi extends HttpApiGroup.make("towers")
  .add(
    HttpApiEndpoint.get("list", "/v1/towers")
      .addSuccess(Schema.Array(TowerReport))
      .annotate(OpenApi.Summary, "All towers, and whether each can be asked for a session")
  )
  .add(
    HttpApiEndpoint.post("add", "/v1/towers")
      .setPayload(Schema.Struct({ tower: Schema.String }))
      .addSuccess(Tower, { status: 201 })
      .addError(withStatus(InvalidTowerUri, 400))
      .addError(withStatus(InvalidTowerAddress, 400))
      .annotate(OpenApi.Summary, "Adds a tower, or an address of it: publickey@host:port")
  )
  .add(
    HttpApiEndpoint.get("one", "/v1/towers/:publicKey")
      .setPath(named)
      .addSuccess(TowerReport)
      .addError(badKey)
      .addError(notFound)
      .annotate(OpenApi.Summary, "One tower")
  )
  .add(
    HttpApiEndpoint.del("remove", "/v1/towers/:publicKey")
      .setPath(named)
      .setUrlParams(Schema.Struct({ address: Schema.optional(Schema.String) }))
      .addSuccess(HttpApiSchema.NoContent)
      .addError(badKey)
      .addError(notFound)
      .addError(withStatus(InvalidTowerAddress, 400))
      .addError(withStatus(LastTowerAddr, 409))
      .annotate(OpenApi.Summary, "Removes a tower, or one of its addresses; its sessions are kept")
  )
  .add(
    HttpApiEndpoint.post("deactivate", "/v1/towers/:publicKey/deactivate")
      .setPath(named)
      .addSuccess(Tower)
      .addError(badKey)
      .addError(notFound)
      .annotate(OpenApi.Summary, "Asks a tower for nothing more until it is added again")
  )
  .addError(databaseErrors)
  .middleware(Authorization) {}
