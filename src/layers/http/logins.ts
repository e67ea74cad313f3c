/**
 * The addresses that sign a browser in. A browser sends no header of our choice when an address is opened, and a token that stays
 * valid does not belong into an address: histories and logs keep addresses.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { toHex } from "../../internal/bytes.js"
import type { Login } from "../../schema/http/WatchtowerApi.js"
import { Entropy } from "../../services/Entropy.js"

/** How long an address can be opened, in milliseconds. @since 0.1.0 @category models */
export const lifetimeMs = 60_000

/** The path of the addresses. @since 0.1.0 @category models */
export const path = "/login"

/** @since 0.1.0 @category services */
export class Logins extends Context.Tag("effect-watchtower/http/Logins")<
  Logins,
  {
    /** A new address. */
    readonly issue: Effect.Effect<Login>
    /** Is this the token of an address that can be opened? From now on it is not. */
    readonly redeem: (token: string) => Effect.Effect<boolean>
  }
>() {}

/** @since 0.1.0 @category layers */
export const layer: Layer.Layer<Logins> = Layer.effect(
  Logins,
  Effect.gen(function* () {
    const issued = yield* Ref.make<ReadonlyMap<string, number>>(new Map())
    const open = (all: ReadonlyMap<string, number>, now: number) => [...all].filter(([, until]) => until > now)
    return {
      issue: Effect.gen(function* () {
        const { bytes } = yield* Entropy
        const token = toHex(yield* bytes(32))
        const now = yield* Clock.currentTimeMillis
        const until = now + lifetimeMs
        yield* Ref.update(issued, (all) => new Map([...open(all, now), [token, until]]))
        return { path: `${path}?token=${token}`, until }
      }),
      redeem: (token) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Ref.modify(issued, (all) => {
            const left = new Map(open(all, now))
            return [left.delete(token), left]
          })
        )
    }
  })
)
