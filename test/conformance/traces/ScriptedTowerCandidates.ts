/**
 * The reference's candidate list, subtleties included (docs/negotiation.md, The reference's candidate list): a tower
 * that is removed and added again before a walk has passed its old element is in the list twice; several new
 * addresses end up newest first; the last address can go. In memory alone, and operated by a script as well as through
 * the port.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import { LastTowerAddr, TowerNotFound } from "../../../src/schema/DbError.js"
import { type PublicKey, TowerId } from "../../../src/schema/Ids.js"
import { Tower } from "../../../src/schema/Tower.js"
import type { TowerAddress } from "../../../src/schema/TowerAddress.js"
import { CandidateChange, type TowerCandidates } from "../../../src/services/TowerCandidates.js"

/** What a walk over the list gave. */
export type WalkEvent =
  | { readonly _tag: "next"; readonly tower: Tower }
  | { readonly _tag: "exhausted" }
  | { readonly _tag: "reset" }

export interface Options {
  /** The candidates at the start. */
  readonly towers?: ReadonlyArray<Tower> | undefined
  /** Called for each event of a walk. */
  readonly onWalk?: ((event: WalkEvent) => Effect.Effect<void>) | undefined
}

/** The reference's walk over the list, private to one negotiator. @since 0.1.0 @category models */
export interface Cursor {
  /** The next tower, or none at the end of the list. */
  readonly next: Effect.Effect<Option.Option<Tower>>
  /** Starts over. */
  readonly reset: Effect.Effect<void>
}

/** The list and what a script does to it. */
export interface ScriptedTowerCandidates {
  readonly service: TowerCandidates.Service
  /** A walk of its own. */
  readonly cursor: Effect.Effect<Cursor>
  /** Adds a tower at the end; of a known one each new address, in front of those it has. */
  readonly addCandidate: (tower: Tower) => Effect.Effect<void>
  /** Takes a tower out; its element stays until a walk passes it. */
  readonly removeCandidate: (id: TowerId) => Effect.Effect<void>
  /** Takes an address out first, and then complains when none is left. */
  readonly removeAddress: (id: TowerId, address: TowerAddress) => Effect.Effect<void, LastTowerAddr>
}

/** A list of its own. */
export const make = (options: Options = {}): Effect.Effect<ScriptedTowerCandidates> =>
  Effect.gen(function* () {
    const changes = yield* PubSub.unbounded<CandidateChange>()
    const onWalk = options.onWalk ?? (() => Effect.void)
    const queue: Array<TowerId> = []
    const candidates = new Map<TowerId, Tower>()
    /** A walk stands before the element of its index; at the end, a new last element is its next one. */
    const walks = new Set<{ at: number }>()

    for (const tower of options.towers ?? []) {
      queue.push(tower.id)
      candidates.set(tower.id, tower)
    }

    const unlink = (index: number) => {
      queue.splice(index, 1)
      for (const walk of walks) if (walk.at > index) walk.at -= 1
    }

    const advance = (walk: { at: number }): Tower | undefined => {
      for (let id = queue[walk.at]; id !== undefined; id = queue[walk.at]) {
        const tower = candidates.get(id)
        if (tower !== undefined) {
          walk.at += 1
          return tower
        }
        unlink(walk.at)
      }
      return undefined
    }

    const addCandidate = (tower: Tower) =>
      Effect.suspend(() => {
        const known = candidates.get(tower.id)
        if (known === undefined) {
          queue.push(tower.id)
          candidates.set(tower.id, tower)
          return PubSub.publish(changes, CandidateChange.TowerAdded({ tower }))
        }
        const added = tower.addresses.filter((address) => !known.addresses.includes(address))
        const merged = new Tower({ ...known, addresses: [...added.toReversed(), ...known.addresses] })
        candidates.set(tower.id, merged)
        return PubSub.publishAll(
          changes,
          added.length === 0
            ? [CandidateChange.TowerAdded({ tower: merged })]
            : added.map((address) => CandidateChange.AddressAdded({ tower: merged, address }))
        )
      })

    const removeCandidate = (id: TowerId) =>
      Effect.suspend(() =>
        candidates.delete(id) ? PubSub.publish(changes, CandidateChange.TowerRemoved({ towerId: id })) : Effect.void
      )

    const removeAddress = (id: TowerId, address: TowerAddress) =>
      Effect.suspend((): Effect.Effect<unknown, LastTowerAddr> => {
        const known = candidates.get(id)
        if (known === undefined) return Effect.void
        const addresses = known.addresses.filter((other) => other !== address)
        candidates.set(id, new Tower({ ...known, addresses }))
        const told =
          addresses.length < known.addresses.length
            ? PubSub.publish(changes, CandidateChange.AddressRemoved({ towerId: id, address }))
            : Effect.void
        return addresses.length > 0
          ? told
          : Effect.andThen(told, Effect.fail(new LastTowerAddr({ tower: known.publicKey, address })))
      })

    const find = (publicKey: PublicKey) => [...candidates.values()].find((tower) => tower.publicKey === publicKey)

    const service: TowerCandidates.Service = {
      add: (publicKey, address) =>
        Effect.gen(function* () {
          const id = find(publicKey)?.id ?? TowerId.make(Math.max(0, ...queue) + 1)
          const tower = new Tower({ id, publicKey, addresses: [address] })
          yield* addCandidate(tower)
          return candidates.get(id) ?? tower
        }),
      remove: (publicKey, address) =>
        Effect.suspend((): Effect.Effect<unknown, LastTowerAddr> => {
          const known = find(publicKey)
          if (known === undefined) return Effect.void
          return address === undefined ? removeCandidate(known.id) : removeAddress(known.id, address)
        }),
      // The reference's candidates know no such step: its client removes the tower from them.
      deactivate: (publicKey) =>
        Effect.suspend(() => {
          const known = find(publicKey)
          return known === undefined ? new TowerNotFound({ tower: publicKey }) : removeCandidate(known.id)
        }),
      list: Effect.sync(() => [...candidates.values()].toSorted((one, other) => one.id - other.id)),
      changes: PubSub.subscribe(changes)
    }
    const cursor: Effect.Effect<Cursor> = Effect.sync(() => {
      const walk = { at: 0 }
      walks.add(walk)
      return {
        next: Effect.suspend(() => {
          const tower = advance(walk)
          return Effect.as(
            onWalk(tower === undefined ? { _tag: "exhausted" } : { _tag: "next", tower }),
            Option.fromNullable(tower)
          )
        }),
        reset: Effect.suspend(() => {
          walk.at = 0
          return onWalk({ _tag: "reset" })
        })
      }
    })
    return { service, cursor, addCandidate, removeCandidate, removeAddress }
  })
