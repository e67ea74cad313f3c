/**
 * The port that all the others are for: sessions, one after another, from whichever tower gives one
 * (docs/negotiation.md, Requests and takers).
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { SessionNegotiator } from "effect-watchtower"
 *
 * // Logs what the negotiator is doing, whenever that changes.
 * export const watch = Effect.gen(function* () {
 *   const negotiator = yield* SessionNegotiator.SessionNegotiator
 *   const changes = yield* negotiator.statusChanges
 *   yield* Stream.runForEach(changes, (status) => Effect.log("watchtower", status))
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ClientSession } from "../schema/ClientSession.js"
import type { NegotiationError } from "../schema/NegotiationError.js"
import type { NegotiatorEvent } from "../schema/NegotiatorEvent.js"
import type { NegotiatorStatus } from "../schema/NegotiatorStatus.js"

/**
 * The session negotiator under its default tag; `SessionNegotiator.Tag` in `layers/negotiator` makes further ones.
 *
 * @since 0.1.0
 * @category services
 */
export class SessionNegotiator extends Context.Tag("effect-watchtower/SessionNegotiator")<
  SessionNegotiator,
  SessionNegotiator.Service
>() {}

/** @since 0.1.0 */
export declare namespace SessionNegotiator {
  /** How to ask a negotiator for sessions, and how to watch it. */
  interface Service {
    /** Asks for one more session; never waits, never fails. Up to `maxPending` requests are counted, more are merged. */
    readonly requestSession: Effect.Effect<void>
    /** Waits for the next session. Each session goes to exactly one taker, after it is durable. Interrupted when the layer closes. */
    readonly takeSession: Effect.Effect<ClientSession>
    /** `takeSession` again and again; ends when the layer closes. It has one owner: two subscribers compete. */
    readonly newSessions: Stream.Stream<ClientSession>
    /**
     * Request and take in one. While it waits it counts as a request of its own. Interrupted when the layer closes. When its
     * caller is interrupted its request is withdrawn, but a round in progress goes on, and its session waits for the next
     * taker; `negotiate` differs.
     */
    readonly nextSession: Effect.Effect<ClientSession>
    /**
     * One round now, for one session, with its typed failure (`NegotiationError.causes` has the failures inside). Its session
     * does not appear in `newSessions`. When its caller is interrupted its round is interrupted too, unless a tower has
     * accepted already: then the session is stored and waits for the next taker.
     */
    readonly negotiate: Effect.Effect<ClientSession, NegotiationError>
    /** What it is doing, and why there is no session yet. */
    readonly status: Effect.Effect<NegotiatorStatus>
    /**
     * The status now and after each change. Subscribed when the effect returns, until the scope closes; the stream ends with
     * the negotiator. Where one fiber is to subscribe and read: `Stream.unwrapScoped(negotiator.statusChanges)`.
     */
    readonly statusChanges: Effect.Effect<Stream.Stream<NegotiatorStatus>, never, Scope.Scope>
    /**
     * Everything that happens from now on, numbered. Subscribed when the effect returns, until the scope closes: what happens
     * between that and the first read is kept. A slow reader loses the oldest of 4,096, which the numbers show.
     */
    readonly events: Effect.Effect<Stream.Stream<NegotiatorEvent>, never, Scope.Scope>
  }
}
