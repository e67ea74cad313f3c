/**
 * A conversation with a tower under a key that is thrown away, so that no key of the client is shown.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as BlobType from "../../schema/BlobType.js"
import type * as Chain from "../../schema/Chain.js"
import type { DoctorStep } from "../../schema/DoctorReport.js"
import * as Excerpt from "../../schema/Excerpt.js"
import type { PublicKey } from "../../schema/Ids.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import type { KeyRingError } from "../../schema/KeyRingError.js"
import {
  OnionWithoutProxy,
  type PermanentTowerFailure,
  TowerErrorMessage,
  UnexpectedMessage
} from "../../schema/NegotiationError.js"
import * as TowerAddress from "../../schema/TowerAddress.js"
import type { TowerUri } from "../../schema/TowerUri.js"
import type { TransportError } from "../../schema/TransportError.js"
import { checkInit } from "../../schema/wire/CheckInit.js"
import { Init } from "../../schema/wire/Init.js"
import type { Message } from "../../schema/wire/Message.js"
import { familyTowerSession } from "../../services/KeyRing.js"
import { TowerTransport } from "../../services/TowerTransport.js"
import * as HdKeyRing from "../HdKeyRing.js"
import * as KeyFile from "../KeyFile.js"
import { defaults } from "../negotiator/Rules.js"

/** A key that nothing else is done with. @since 0.1.0 @category models */
export interface ThrowAwayKey {
  readonly publicKey: PublicKey
  readonly ecdh: (point: PublicKey) => Effect.Effect<Redacted.Redacted<Uint8Array>, KeyRingError>
}

/** A new key; it is gone with the scope. @since 0.1.0 @category constructors */
export const throwAwayKey = (
  chain: Chain.AnyChain
): Effect.Effect<ThrowAwayKey, InvalidOptions | KeyRingError, Scope.Scope> =>
  Effect.gen(function* () {
    const keyRing = yield* HdKeyRing.make({ ...(yield* KeyFile.generate), chain })
    const locator = { family: familyTowerSession, index: 0 } as const
    return { publicKey: yield* keyRing.deriveKey(locator), ecdh: (point) => keyRing.ecdh(locator, point) }
  })

/** What an introduction can fail with. @since 0.1.0 @category errors */
export type IntroductionFailure =
  | TransportError
  | UnexpectedMessage
  | TowerErrorMessage
  | PermanentTowerFailure
  | OnionWithoutProxy
  | KeyRingError

/** Connects, and exchanges Init; `onInit` is told of the tower's, also where that is not one to go on with. @since 0.1.0 @category constructors */
export const introduce = (
  { address, publicKey }: TowerUri,
  key: ThrowAwayKey,
  chain: Chain.AnyChain,
  blobType: BlobType.BlobType,
  {
    onInit,
    reached
  }: {
    readonly reached: (step: DoctorStep) => Effect.Effect<void>
    readonly onInit: (init: Init) => void
  }
): Effect.Effect<TowerTransport.Connection, IntroductionFailure, TowerTransport | Scope.Scope> =>
  Effect.gen(function* () {
    const { connect, route } = yield* TowerTransport
    if (TowerAddress.kind(address) === "onion" && route === "clear") return yield* new OnionWithoutProxy()
    const connection = yield* connect({ tower: publicKey, address, ...key, onProgress: reached })
    yield* connection.send(new Init({ features: defaults.features(chain, blobType), chainHash: chain.chainHash }))
    const init = yield* expect(connection, "Init")
    yield* reached("init")
    onInit(init)
    yield* checkInit(chain, init)
    return connection
  })

type MessageOf<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

/** The next message, which must be of that kind. @since 0.1.0 @category combinators */
export const expect = <Tag extends Message["_tag"]>(
  connection: TowerTransport.Connection,
  tag: Tag
): Effect.Effect<MessageOf<Tag>, TransportError | UnexpectedMessage | TowerErrorMessage> =>
  Effect.flatMap(connection.receive, (message) => {
    const isExpected = (candidate: Message): candidate is MessageOf<Tag> => candidate._tag === tag
    if (isExpected(message)) return Effect.succeed(message)
    return Effect.fail(
      message._tag === "ErrorMessage"
        ? new TowerErrorMessage({ code: message.code, ...Excerpt.ofData(message.data) })
        : new UnexpectedMessage({ expected: tag, received: message._tag })
    )
  })
