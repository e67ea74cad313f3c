/**
 * A union of tagged structs that is a Schema and has the constructors and matchers of `Data.taggedEnum` too.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"
import { encoded } from "./json.js"

/** The fields of each variant, under its tag. @since 0.1.0 @category models */
export interface Variants {
  readonly [tag: string]: {
    readonly [field: string]: Schema.Schema.AnyNoContext | Schema.optional<Schema.Schema.AnyNoContext>
  }
}

type Member<V extends Variants> = { [Tag in keyof V & string]: Schema.TaggedStruct<Tag, V[Tag]> }[keyof V & string]

type Constructors<A> = A extends { readonly _tag: string } ? A : never

/** @since 0.1.0 @category models */
export type TaggedUnion<V extends Variants> = Schema.Union<ReadonlyArray<Member<V>>> &
  Data.TaggedEnum.Constructor<Constructors<Schema.Schema.Type<Member<V>>>>

/**
 * The Schema, with a constructor under each tag, `$is` and `$match`. Constructors check nothing: events are made in the
 * negotiator's hot path. What they make is equal by value, and shows its encoded side to `JSON.stringify` and loggers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const taggedUnion = <const V extends Variants>(variants: V): TaggedUnion<V> => {
  const { $is, $match } = Data.taggedEnum<{ readonly _tag: string }>()
  const members = Object.entries(variants).map(([tag, fields]) => ({ tag, schema: Schema.TaggedStruct(tag, fields) }))
  const constructors = members.map(({ tag, schema }) => {
    const prototype = Object.create(Data.Structural.prototype, {
      toJSON: {
        value() {
          return encoded(schema, this)
        }
      }
    })
    return [tag, (fields: object) => Object.assign(Object.create(prototype), fields, { _tag: tag })]
  })
  const union = Schema.Union(...members.map(({ schema }) => schema))
  // The loops above lose which fields belong to which tag; the type says it again.
  return Object.assign(union, Object.fromEntries(constructors), { $is, $match }) as unknown as TaggedUnion<V>
}
