import Dns from "node:dns"
import { Resolver } from "node:dns/promises"
import * as Net from "node:net"
import { vi } from "@effect/vitest"
import { Effect } from "effect"

/** The names that this process asks for, in every way. */
export const namesResolved = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => [
      vi.spyOn(Dns, "lookup"),
      vi.spyOn(Resolver.prototype, "resolve4"),
      vi.spyOn(Resolver.prototype, "resolve6")
    ]),
    (spies) =>
      Effect.sync(() => {
        for (const spy of spies) spy.mockRestore()
      })
  ),
  (spies) => () => spies.flatMap(({ mock }) => mock.calls.map(([name]) => name)).filter((name) => Net.isIP(name) === 0)
)
