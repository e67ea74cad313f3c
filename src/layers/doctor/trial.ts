/**
 * Whether a tower gives a session: one is asked for with a key that is thrown away, and is deleted again.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import type { FeeRate } from "../../schema/FeeRate.js"
import { KeyIndex } from "../../schema/Ids.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import type { TowerFailure } from "../../schema/NegotiationError.js"
import type { Policy } from "../../schema/Policy.js"
import type { TowerUri } from "../../schema/TowerUri.js"
import * as Code from "../../schema/wire/Code.js"
import { CreateSession } from "../../schema/wire/CreateSession.js"
import { DeleteSession } from "../../schema/wire/DeleteSession.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import { firstOf } from "../concurrency/firstOf.js"
import { defaults } from "../negotiator/Rules.js"
import { expect, type IntroductionFailure, introduce, type ThrowAwayKey, throwAwayKey } from "./introduction.js"

/** The tower gave the session, and refused to delete it. @since 0.1.0 @category errors */
export class DeleteRefused extends Data.TaggedError("DeleteRefused")<{ readonly code: number }> {
  override get message() {
    return `The tower refused to delete the session (code ${this.code}).`
  }
}

/** Why a tower gave no session. @since 0.1.0 @category errors */
export type TrialFailure = IntroductionFailure | TowerFailure

/** What came of it. `millis`: from the beginning to the reply. @since 0.1.0 @category models */
export type Trial = { readonly blobType: BlobType.BlobType } & (
  | { readonly _tag: "Refused"; readonly failure: TrialFailure }
  | { readonly _tag: "Given"; readonly millis: number }
  | { readonly _tag: "Kept"; readonly millis: number; readonly failure: IntroductionFailure | DeleteRefused }
)

const silently = { reached: () => Effect.void, onInit: () => {} }

const create = (uri: TowerUri, key: ThrowAwayKey, chain: Chain.AnyChain, policy: Policy<FeeRate>) =>
  Effect.gen(function* () {
    const connection = yield* introduce(uri, key, chain, policy.blobType, silently)
    yield* connection.send(new CreateSession(policy))
    const reply = yield* expect(connection, "CreateSessionReply")
    yield* defaults.readReply(reply, policy, KeyIndex.make(1))
    // A tower that has not hung up yet takes no second connection of the same key (docs/protocol.md, A connection).
    yield* firstOf(connection.closed, Effect.sleep("2 seconds"))
  }).pipe(Effect.scoped)

const remove = (uri: TowerUri, key: ThrowAwayKey, chain: Chain.AnyChain, { blobType }: Policy<FeeRate>) =>
  Effect.gen(function* () {
    const connection = yield* introduce(uri, key, chain, blobType, silently)
    yield* connection.send(new DeleteSession())
    const { code } = yield* expect(connection, "DeleteSessionReply")
    if (code !== Code.ok) return yield* new DeleteRefused({ code })
  }).pipe(Effect.scoped)

/** Asks for a session of this policy, and deletes it again. @since 0.1.0 @category constructors */
export const trial = (
  uri: TowerUri,
  chain: Chain.AnyChain,
  policy: Policy<FeeRate>
): Effect.Effect<Trial, InvalidOptions, TowerTransport> =>
  Effect.gen(function* () {
    const { blobType } = policy
    const key = yield* throwAwayKey(chain)
    const began = yield* Clock.currentTimeMillis
    const created = yield* Effect.either(create(uri, key, chain, policy))
    const millis = (yield* Clock.currentTimeMillis) - began
    if (created._tag === "Left") return { _tag: "Refused", blobType, failure: created.left } as const
    const removed = yield* Effect.either(remove(uri, key, chain, policy))
    return removed._tag === "Left"
      ? ({ _tag: "Kept", blobType, millis, failure: removed.left } as const)
      : ({ _tag: "Given", blobType, millis } as const)
  }).pipe(
    Effect.scoped,
    Effect.catchTag("KeyRingError", (failure) =>
      Effect.succeed({ _tag: "Refused", blobType: policy.blobType, failure } as const)
    )
  )
