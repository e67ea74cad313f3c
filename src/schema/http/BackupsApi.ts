/**
 * The endpoints that revoked states are handed in by. Private keys do not travel: the first request gets the digests, the second
 * brings the signatures. Nothing is kept in between.
 *
 * @since 0.1.0
 * @module
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { ChannelClosed, ChannelNotRegistered, CopiesLost, OtherTransaction, StateNotHandedIn } from "../BackupError.js"
import { ChannelId } from "../Channel.js"
import { Ineligible } from "../Ineligible.js"
import { CommitHeight, InvalidRevokedState, RevokedState, SignError, SignRequest } from "../RevokedState.js"
import { databaseErrors } from "./databaseErrors.js"
import { Authorization } from "./middleware.js"
import { withStatus } from "./refusals.js"

/** What has to be signed for a state. @since 0.1.0 @category models */
export const Digests = Schema.Struct({ digests: Schema.Array(SignRequest) }).annotations({ identifier: "Digests" })
/** @since 0.1.0 @category models */
export type Digests = typeof Digests.Type

/** 64 bytes as hex: for ECDSA r and s with a low s, for Schnorr as in BIP-340. @since 0.1.0 @category models */
export const Signature = Schema.String.pipe(
  Schema.pattern(/^[0-9a-f]{128}$/, { message: () => "a signature is 128 lowercase hex digits: r and s, not DER" })
)

/** The signatures for the digests of a state, under the names of their outputs. @since 0.1.0 @category models */
export const Signatures = Schema.Struct({ toLocal: Signature, toRemote: Schema.optional(Signature) })
/** @since 0.1.0 @category models */
export type Signatures = typeof Signatures.Type

/** A revoked state with its signatures. @since 0.1.0 @category models */
export const SignedState = Schema.Struct({ ...RevokedState.fields, signatures: Signatures }).annotations({
  identifier: "SignedState"
})
/** @since 0.1.0 @category models */
export type SignedState = typeof SignedState.Type

/** A state that was taken in. @since 0.1.0 @category models */
export const TakenState = Schema.Struct({ channelId: ChannelId, commitHeight: CommitHeight }).annotations({
  identifier: "TakenState"
})

/** How many of the states up to this one miss copies: 0 when each has its copies, or cannot be punished. @since 0.1.0 @category models */
export const BackupProgress = Schema.Struct({
  ...TakenState.fields,
  missing: Schema.NonNegativeInt
}).annotations({ identifier: "BackupProgress" })

/** The longest time that an answer is waited for, in seconds: shorter than what proxies and clients wait. @since 0.1.0 @category models */
export const longestWait = 25

const ofState = Schema.Union(
  withStatus(ChannelNotRegistered, 404),
  withStatus(ChannelClosed, 409),
  withStatus(Ineligible, 422),
  withStatus(InvalidRevokedState, 422)
)

/** Digests first, then the state with its signatures. @since 0.1.0 @category endpoints */
export class BackupsApi extends HttpApiGroup.make("backups")
  .add(
    HttpApiEndpoint.post("digests", "/v1/backups/digests")
      .setPayload(RevokedState)
      .addSuccess(Digests)
      .addError(ofState)
      .annotate(OpenApi.Summary, "What has to be signed for a revoked state, for each of its outputs")
  )
  .add(
    HttpApiEndpoint.post("add", "/v1/backups")
      .setPayload(SignedState)
      .addSuccess(TakenState, { status: 201 })
      .addError(ofState)
      .addError(withStatus(OtherTransaction, 409))
      .addError(withStatus(SignError, 422))
      .annotate(OpenApi.Summary, "Takes a state in: when this answers, it is durable and gets its copies")
  )
  .add(
    HttpApiEndpoint.get("progress", "/v1/backups/:channelId/:commitHeight")
      .setPath(
        Schema.Struct({ channelId: ChannelId, commitHeight: Schema.compose(Schema.NumberFromString, CommitHeight) })
      )
      .setUrlParams(
        Schema.Struct({
          wait: Schema.optional(
            Schema.compose(Schema.NumberFromString, Schema.Number.pipe(Schema.between(0, longestWait)))
          )
        })
      )
      .addSuccess(BackupProgress)
      .addError(withStatus(StateNotHandedIn, 404))
      .addError(withStatus(CopiesLost, 409))
      .annotate(OpenApi.Summary, "Have all states up to this one their copies? Waits for them up to `wait` seconds")
  )
  .addError(databaseErrors)
  .middleware(Authorization) {}
