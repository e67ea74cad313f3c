/**
 * The endpoints about channels.
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { ChannelClosed, ChannelMismatch, ChannelNotRegistered } from "../BackupError.js"
import { Channel, ChannelId } from "../Channel.js"
import { Ineligible } from "../Ineligible.js"
import { ChannelSummary } from "../StoredBackup.js"
import { WaitingStates } from "../TowerClientStatus.js"
import { databaseErrors } from "./databaseErrors.js"
import { Authorization } from "./middleware.js"
import { pageParams } from "./page.js"
import { withStatus } from "./refusals.js"

/** A page of the channels; `next` is the `after` of the page behind it, if there may be one. @since 0.1.0 @category models */
export const ChannelPage = Schema.Struct({
  channels: Schema.Array(ChannelSummary),
  next: Schema.optional(ChannelId)
}).annotations({ identifier: "ChannelPage" })
/** @since 0.1.0 @category models */
export type ChannelPage = typeof ChannelPage.Type

const named = Schema.Struct({ id: ChannelId })
const notRegistered = withStatus(ChannelNotRegistered, 404)

/** Channels are listed by ascending id. @since 0.1.0 @category endpoints */
export class ChannelsApi extends HttpApiGroup.make("channels")
  .add(
    HttpApiEndpoint.get("list", "/v1/channels")
      .setUrlParams(Schema.Struct({ after: Schema.optional(ChannelId), ...pageParams }))
      .addSuccess(ChannelPage)
      .annotate(OpenApi.Summary, "A page of the channels, and how far the backups of each are")
  )
  .add(
    HttpApiEndpoint.post("register", "/v1/channels")
      .setPayload(Channel)
      .addSuccess(ChannelSummary, { status: 201 })
      .addError(withStatus(ChannelMismatch, 409))
      .addError(withStatus(ChannelClosed, 409))
      .addError(withStatus(Ineligible, 422))
      .annotate(OpenApi.Summary, "Registers a channel; the same again does nothing")
  )
  .add(
    HttpApiEndpoint.get("one", "/v1/channels/:id")
      .setPath(named)
      .addSuccess(ChannelSummary)
      .addError(notRegistered)
      .annotate(OpenApi.Summary, "One channel")
  )
  .add(
    HttpApiEndpoint.get("waiting", "/v1/channels/:id/waiting")
      .setPath(named)
      .addSuccess(Schema.Array(WaitingStates))
      .addError(notRegistered)
      .annotate(OpenApi.Summary, "Why states of the channel have not all their copies yet, and until when")
  )
  .add(
    HttpApiEndpoint.post("close", "/v1/channels/:id/close")
      .setPath(named)
      .addSuccess(ChannelSummary)
      .addError(notRegistered)
      .annotate(OpenApi.Summary, "The channel takes no more states; those that are kept are sent as before")
  )
  .addError(databaseErrors)
  .middleware(Authorization) {}
