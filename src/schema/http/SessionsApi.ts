/**
 * The endpoints about sessions.
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { SessionNotFound } from "../BackupError.js"
import { BlobType } from "../BlobType.js"
import { ClientSession } from "../ClientSession.js"
import { KeyIndex, SessionId, TowerId } from "../Ids.js"
import { Ended } from "../StoredBackup.js"
import { databaseErrors } from "./databaseErrors.js"
import { Authorization } from "./middleware.js"
import { pageParams } from "./page.js"
import { withStatus } from "./refusals.js"

/** A page of the sessions; `next` is the `after` of the page behind it, if there may be one. @since 0.1.0 @category models */
export const SessionPage = Schema.Struct({
  sessions: Schema.Array(ClientSession),
  next: Schema.optional(KeyIndex)
}).annotations({ identifier: "SessionPage" })
/** @since 0.1.0 @category models */
export type SessionPage = typeof SessionPage.Type

const numberOf = <A, R>(schema: Schema.Schema<A, number, R>) => Schema.compose(Schema.NumberFromString, schema)

/** Sessions are listed by ascending key index. @since 0.1.0 @category endpoints */
export class SessionsApi extends HttpApiGroup.make("sessions")
  .add(
    HttpApiEndpoint.get("list", "/v1/sessions")
      .setUrlParams(
        Schema.Struct({
          towerId: Schema.optional(numberOf(TowerId)),
          status: Schema.optional(ClientSession.fields.status),
          blobType: Schema.optional(numberOf(BlobType)),
          after: Schema.optional(numberOf(KeyIndex)),
          ...pageParams
        })
      )
      .addSuccess(SessionPage)
      .annotate(OpenApi.Summary, "A page of the sessions, of these towers, statuses and blob types")
  )
  .add(
    HttpApiEndpoint.post("terminate", "/v1/sessions/:id/terminate")
      .setPath(Schema.Struct({ id: SessionId }))
      .addSuccess(Ended)
      .addError(withStatus(SessionNotFound, 404))
      .annotate(OpenApi.Summary, "Gives a session up: what it has not confirmed goes elsewhere")
  )
  .addError(databaseErrors)
  .middleware(Authorization) {}
