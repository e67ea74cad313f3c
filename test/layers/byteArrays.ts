/**
 * The byte arrays of this process, looked at one by one: which of them hold a secret?
 */
import { Effect } from "effect"

const names = ["Uint8Array", "Uint32Array", "BigUint64Array"] as const

/** The buffers behind all byte arrays that are made by a constructor, a static method, `slice` or `map` from now on. */
export interface Watch {
  /** In how many buffers these bytes stand now. */
  readonly holding: (secret: Uint8Array) => number
}

/** Watches until the scope closes. The arrays are kept, so that what is forgotten but not overwritten is found too. */
export const watch = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const buffers = new Set<ArrayBufferLike>()
      const restore = names.map((name) => {
        const original = globalThis[name]
        // A species that is taken from this constructor is this constructor: `slice` and `subarray` come here too.
        const watched = new Proxy(original, {
          construct(target, args, newTarget) {
            const made: ArrayBufferView = Reflect.construct(target, args, newTarget === watched ? target : newTarget)
            buffers.add(made.buffer)
            return made
          },
          // The one that calls no constructor; Node has it from version 25 on.
          get(target, key, receiver) {
            const value: unknown = Reflect.get(target, key, receiver)
            if (key !== "fromHex" || typeof value !== "function") return value
            return (hex: string) => {
              const made: Uint8Array = Reflect.apply(value, target, [hex])
              buffers.add(made.buffer)
              return made
            }
          }
        })
        const set = (constructor: unknown) => {
          Object.defineProperty(globalThis, name, { value: constructor, configurable: true, writable: true })
          Object.defineProperty(original.prototype, "constructor", {
            value: constructor,
            configurable: true,
            writable: true
          })
        }
        set(watched)
        return () => set(original)
      })
      return { buffers, restore }
    }),
    ({ restore }) =>
      Effect.sync(() => {
        for (const one of restore) one()
      })
  ),
  ({ buffers }): Watch => ({
    holding: (secret) => [...buffers].filter((buffer) => Buffer.from(buffer).includes(Buffer.from(secret))).length
  })
)
