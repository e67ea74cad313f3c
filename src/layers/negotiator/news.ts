/**
 * The changes of the candidate list, as counts that conditions can look at.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { TowerId } from "../../schema/Ids.js"
import type { TowerAddress } from "../../schema/TowerAddress.js"
import type { CandidateChange, TowerCandidates } from "../../services/TowerCandidates.js"
import { firstOf } from "../firstOf.js"
import type { Book } from "./book.js"
import type { Condition } from "./condition.js"
import type { News } from "./environment.js"
import * as Standings from "./standing.js"

/** The counts, and what keeps them: it runs for ever. @since 0.1.0 @category models */
export interface Following {
  readonly news: News
  readonly follow: Effect.Effect<never>
}

/** Subscribed when the effect returns. What is added is released from quarantine. @since 0.1.0 @category constructors */
export const make = (
  candidates: TowerCandidates.Service,
  book: Book,
  pulse: Condition
): Effect.Effect<Following, never, Scope.Scope> =>
  Effect.gen(function* () {
    const removals = new Map<string, number>()
    const additionsOf = new Map<TowerId, number>()
    const meetings = yield* FiberSet.make<void, never>()
    let additions = 0
    const keyOf = (tower: TowerId, address: TowerAddress | undefined) =>
      address === undefined ? `${tower}` : `${tower} ${address}`
    const removed = (tower: TowerId, address?: TowerAddress) => {
      const key = keyOf(tower, address)
      removals.set(key, (removals.get(key) ?? 0) + 1)
    }
    const hear = (change: CandidateChange): Effect.Effect<void> => {
      switch (change._tag) {
        case "TowerAdded":
        case "AddressAdded":
          return Effect.suspend(() => {
            const { id } = change.tower
            additions += 1
            additionsOf.set(id, (additionsOf.get(id) ?? 0) + 1)
            if (book.standings.has(id)) book.set(id, Standings.released(book.get(id)))
            // What the database knows of a tower that is new here may come later; nobody waits for it.
            return Effect.asVoid(FiberSet.run(meetings, book.meet(id)))
          })
        case "TowerRemoved":
          return Effect.sync(() => removed(change.towerId))
        case "AddressRemoved":
          return Effect.sync(() => removed(change.towerId, change.address))
      }
    }
    const changes = yield* candidates.changes
    const hearNext = Effect.flatMap(Queue.take(changes), (change) => Effect.tap(hear(change), () => pulse.signal()))
    const news: News = {
      additions: () => additions,
      watch: (tower) => {
        const count = (address?: TowerAddress) => removals.get(keyOf(tower.id, address)) ?? 0
        const before = new Map([undefined, ...tower.addresses].map((address) => [address, count(address)]))
        const added = additionsOf.get(tower.id)
        return {
          isRemoved: (address) => count() !== before.get(undefined) || count(address) !== before.get(address),
          isAdded: () => additionsOf.get(tower.id) !== added
        }
      }
    }
    return { news, follow: firstOf(Effect.forever(hearNext), Effect.andThen(FiberSet.join(meetings), Effect.never)) }
  })
