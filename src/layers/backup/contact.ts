/**
 * One contact with the tower of a session, from the dial to the last confirmed update: first the question where the session
 * stands, where that is not known, then windows of updates while there are states for it (docs/backups.md, A contact).
 *
 * It may be interrupted at any step. What it knows is in the database, or is asked of the tower again.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import { PublicKey } from "../../schema/Ids.js"
import { type AttemptFailure, NoTowerAddrs, OnionWithoutProxy } from "../../schema/NegotiationError.js"
import { kind, type TowerAddress } from "../../schema/TowerAddress.js"
import { Happening } from "../../schema/TowerClientEvent.js"
import { checkInit } from "../../schema/wire/CheckInit.js"
import { Init } from "../../schema/wire/Init.js"
import { familyTowerSession } from "../../services/KeyRing.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import { scoped } from "../concurrency/scoped.js"
import * as Rules from "../negotiator/Rules.js"
import { expect } from "../support/expectMessage.js"
import { type Broken, ContactEnd, failed, Progress, refOf, type Sender, type Target } from "./contactContext.js"
import { ask, readAnswer } from "./question.js"
import { sendAll } from "./windows.js"

/** One contact. @since 0.1.0 @category constructors */
export const contact = (sender: Sender, target: Target): Effect.Effect<ContactEnd> =>
  Effect.gen(function* () {
    let position = target.position
    if (target.question._tag !== "None") {
      const reply = yield* connected(sender, target, (connection) => ask(connection, target))
      position = yield* readAnswer(sender, target, reply)
      sender.tell(Progress.Answered({ position }))
    }
    if (target.asksOnly) return ContactEnd.Done()
    return yield* connected(sender, target, (connection) => sendAll(sender, { ...target, position }, connection))
  }).pipe(Effect.catchAll((broken: Broken) => Effect.succeed<ContactEnd>(broken)))

/** What is done with a connection. */
type Use<A> = (connection: TowerTransport.Connection) => Effect.Effect<A, Broken>

/** An address that has failed before the tower said a right Init: the next one may do better. */
class NextAddress extends Data.TaggedError("NextAddress")<{ readonly broken: Broken }> {}

/** A connection to the first address whose tower says a right Init, and what is done with it. */
const connected = <A>(sender: Sender, target: Target, use: Use<A>): Effect.Effect<A, Broken> =>
  Effect.gen(function* () {
    const isReachable = (address: TowerAddress) => sender.env.transport.route === "tor" || kind(address) !== "onion"
    let broken: Broken | undefined
    for (const address of target.addresses.filter(isReachable)) {
      const used = yield* Effect.either(
        Effect.catchTag(scoped(overConnection(sender, target, address, use)), "NextAddress", Effect.succeed)
      )
      if (Either.isLeft(used)) return yield* Effect.fail(used.left)
      if (!(used.right instanceof NextAddress)) return used.right
      broken = used.right.broken
    }
    const nowhere = () => failed(target.addresses.length === 0 ? new NoTowerAddrs() : new OnionWithoutProxy())
    return yield* Effect.fail(broken ?? nowhere())
  })

const overConnection = <A>(
  { env, hungUp, lease, tell }: Sender,
  { session, tower }: Target,
  address: TowerAddress,
  use: Use<A>
): Effect.Effect<A, Broken | NextAddress, Scope.Scope> =>
  Effect.gen(function* () {
    const { chain } = env.settings
    let isShown = false
    let connection: TowerTransport.Connection | undefined
    // A tower keeps a key for as long as it has not seen the end of its connection.
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(connection?.isClosed ?? Effect.succeed(false), (sawEnd) =>
        Effect.sync(() => (isShown ? hungUp(sawEnd) : undefined))
      )
    )
    const opening = Effect.gen(function* () {
      connection = yield* env.transport.connect<AttemptFailure>({
        tower: tower.publicKey,
        address,
        publicKey: PublicKey.make(session.id),
        onProgress: () => Effect.void,
        ecdh: (point) =>
          Effect.tap(env.keyRing.ecdh({ family: familyTowerSession, index: session.keyIndex }, point), () =>
            Effect.sync(() => {
              isShown = true
            })
          )
      })
      const { policy } = session
      const features = [...Rules.defaults.features(chain, policy.blobType)]
      // Unchecked: its parts are the chain's and the rules' own.
      yield* connection.send(new Init({ features, chainHash: chain.chainHash }, { disableValidation: true }))
      yield* checkInit(chain, yield* expect(connection, "Init"))
      return connection
    })
    const open = yield* Effect.mapError(opening, (failure) => {
      const isEnd =
        failure._tag === "ConnectionEnded" || (failure._tag === "HandshakeFailed" && failure.reason === "Ended")
      // The tower has ended it, and that says nothing of an earlier connection whose end it may not have seen.
      if (isEnd) isShown = false
      return new NextAddress({ broken: isEnd ? ContactEnd.EndedEarly({ failure }) : failed(failure) })
    })
    yield* Effect.mapError(lease.holds, (reason) => ContactEnd.Gone({ reason }))
    env.events.emit(Happening.Connected({ ...refOf(session), address }))
    tell(Progress.Connected({ address }))
    return yield* use(open)
  })
