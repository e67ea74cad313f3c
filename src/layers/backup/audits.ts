/**
 * The other sessions of towers that have lost what one of them had: they are asked where they stand too, one a minute (docs/backups.md,
 * What ends a session).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { DbError } from "../../schema/DbError.js"
import type { KeyIndex, TowerId } from "../../schema/Ids.js"
import * as Monotonic from "../negotiator/monotonic.js"
import { Question } from "./contactContext.js"
import * as Entry from "./entry.js"
import type { Environment } from "./environment.js"
import type { SenderState } from "./senderState.js"

/** @since 0.1.0 @category models */
export interface Audits {
  /** The sessions of this tower are to be asked, from the first one on. */
  readonly begin: (tower: TowerId, now: number) => void
  /** Is there none to ask? Known without an effect, since nearly always there is none. */
  readonly isEmpty: () => boolean
  /** Asks the next session of each tower for which it is time. Answers when it is time again. */
  readonly next: Effect.Effect<number, DbError>
}

const interval = 60_000

/** No tower has lost anything yet. `start` begins a contact with a session. @since 0.1.0 @category constructors */
export const make = (
  { clock, db, transport }: Environment,
  state: SenderState,
  start: (entry: Entry.Entry, now: number) => Effect.Effect<unknown>
): Audits => {
  const audits = new Map<TowerId, { readonly due: number; readonly after: KeyIndex | undefined }>()
  const next = Effect.gen(function* () {
    const now = Monotonic.nowBy(clock)
    for (const [towerId, { after, due }] of audits) {
      // One that is not there is asked when it is added again: its sessions must not pass for asked.
      if (due > now || !state.towers.has(towerId)) continue
      const [one] = yield* db.listAcked(towerId, transport.route, { after, limit: 1 })
      if (one === undefined) {
        audits.delete(towerId)
        continue
      }
      const { keyIndex } = one.session
      audits.set(towerId, { due: now + interval, after: keyIndex })
      const known = state.entries.get(keyIndex)
      if (known === undefined)
        yield* start({ ...Entry.stored(one, now, clock.unsafeCurrentTimeMillis()), asksOnly: true }, now)
      else if (known.contact === undefined) yield* start({ ...known, question: Question.Where() }, now)
    }
    return Math.min(...[...audits].flatMap(([towerId, { due }]) => (state.towers.has(towerId) ? due : [])))
  })
  return {
    begin: (tower, now) => void audits.set(tower, { due: now + interval, after: undefined }),
    isEmpty: () => audits.size === 0,
    next
  }
}
