/**
 * The walk over the candidates (docs/negotiation.md, The reference's candidate list, with one entry for each tower):
 * entries are numbered as they come, and a position is the number that the walk has reached. So an entry that comes
 * while a walk stands at the end is its next one.
 *
 * @since 0.1.0
 */

/** Entries in the order of their numbers. A value. @since 0.1.0 @category models */
export interface CandidateList<K, A> {
  readonly entries: ReadonlyMap<K, { readonly number: number; readonly value: A }>
  readonly nextNumber: number
}

/** How far a walk has come. @since 0.1.0 @category models */
export type Position = number

/** Before the first entry. @since 0.1.0 @category models */
export const start: Position = 0

/** A list of these entries, in this order; no key may come twice. @since 0.1.0 @category constructors */
export const make = <K, A>(entries: ReadonlyArray<readonly [K, A]>): CandidateList<K, A> => ({
  entries: new Map(entries.map(([key, value], number) => [key, { number, value }])),
  nextNumber: entries.length
})

/** Replaces the value of a known entry where it stands; a new one comes last. @since 0.1.0 @category combinators */
export const set = <K, A>(list: CandidateList<K, A>, key: K, value: A): CandidateList<K, A> => {
  const number = list.entries.get(key)?.number ?? list.nextNumber
  return {
    entries: new Map(list.entries).set(key, { number, value }),
    nextNumber: Math.max(list.nextNumber, number + 1)
  }
}

/** The list without this entry; should it come back, it comes last. @since 0.1.0 @category combinators */
export const remove = <K, A>(list: CandidateList<K, A>, key: K): CandidateList<K, A> => {
  const entries = new Map(list.entries)
  entries.delete(key)
  return { ...list, entries }
}

/** The value of an entry. @since 0.1.0 @category combinators */
export const get = <K, A>(list: CandidateList<K, A>, key: K): A | undefined => list.entries.get(key)?.value

/** All values. @since 0.1.0 @category combinators */
export const values = <K, A>(list: CandidateList<K, A>): Array<A> =>
  [...list.entries.values()].map(({ value }) => value)

/** The first entry from a position on, and the position behind it; at the end the position stays. @since 0.1.0 @category combinators */
export const next = <K, A>(list: CandidateList<K, A>, position: Position): readonly [Position, A | undefined] => {
  for (const { number, value } of list.entries.values()) {
    if (number >= position) return [number + 1, value]
  }
  return [position, undefined]
}
