/** A service with something put around each of its calls. */
import type * as Effect from "effect/Effect"

type Call = Effect.Effect<unknown, unknown>

export const around = <Service extends object>(
  service: Service,
  wrap: (operation: string, call: Call) => Call
): Service => {
  const wrapped = Object.fromEntries(
    Object.entries(service).map(([name, member]) => [
      name,
      typeof member === "function"
        ? (...args: ReadonlyArray<never>) => wrap(name, (member as (...args: ReadonlyArray<never>) => Call)(...args))
        : wrap(name, member)
    ])
  )
  // The same members with the same types; `fromEntries` does not say so.
  return wrapped as unknown as Service
}
