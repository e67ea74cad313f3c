/**
 * Connecting to a host by name or IP address. The addresses of a name are tried side by side, as RFC 8305 says: the next
 * one starts after 250 ms, or as soon as the one before has failed. None is given up before the caller's time is over, and
 * the first that connects wins. (Node's own version gives up each address but the last one after 250 ms.)
 *
 * @since 0.1.0
 */
import * as Net from "node:net"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { DialFailed } from "../../schema/TransportError.js"
import type { SocketDialer } from "../../services/SocketDialer.js"
import { firstOf } from "../concurrency/firstOf.js"
import { releaseOnFailure } from "../concurrency/releaseOnFailure.js"
import { scoped } from "../concurrency/scoped.js"
import * as Names from "./names.js"
import * as Tcp from "./tcp.js"
import * as Trouble from "./trouble.js"

/** Why there is no connection; for a name, how each of its addresses failed. @since 0.1.0 @category models */
export type Failure = Pick<DialFailed, "reason" | "tried" | "cause">

/** RFC 8305, Connection Attempt Delay. */
const attemptDelay = "250 millis"

/** The most addresses of one name that are tried: without a limit the name's owner decides how many sockets we open. */
const maxAddresses = 16

/** The failure of a name is the first of these that one of its addresses has; trouble of this machine says the least. */
const telling: ReadonlyArray<Trouble.Reason> = ["Refused", "Timeout", "Other", "Unreachable"]

const toAddress = (ip: string, port: number): Effect.Effect<SocketDialer.RawSocket, Failure, Scope.Scope> =>
  Effect.catchAll(Tcp.connect({ host: ip, port }), (cause) =>
    Effect.flatMap(Trouble.ofConnect(ip, cause), (reason) => Effect.fail({ reason, cause }))
  )

const summary = (failures: ReadonlyMap<string, Failure>): Failure => {
  const all = [...failures.values()]
  const reasons = all.map(({ reason }) => reason)
  const causes = all.flatMap(({ cause }) => (cause === undefined ? [] : [cause]))
  return {
    reason: telling.find((reason) => reasons.includes(reason)) ?? reasons[0] ?? "Other",
    tried: Array.from(failures, ([ip, { reason }]) => ({ ip, reason })),
    cause: causes.length > 1 ? new AggregateError(causes) : causes[0]
  }
}

const toName = (
  host: string,
  port: number,
  onProgress: (ifLate: Failure) => void
): Effect.Effect<SocketDialer.RawSocket, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const winner = yield* Deferred.make<SocketDialer.RawSocket>()
    /** By address, in the order of their start. An address that has not answered yet counts as `Timeout`. */
    const tried = new Map<string, Failure>()
    const now = (ip: string, failure: Failure) => {
      tried.set(ip, failure)
      onProgress({ ...summary(tried), reason: "Timeout" })
    }

    const attempt = (ip: string) =>
      Effect.uninterruptible(
        Effect.gen(function* () {
          now(ip, { reason: "Timeout" })
          const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
          const exit = yield* Effect.exit(Effect.interruptible(Scope.extend(toAddress(ip, port), own)))
          // Uninterruptible from the connection to here: an interruption between the two would close the winner.
          if (Exit.isSuccess(exit) && (yield* Deferred.succeed(winner, exit.value))) return
          yield* Scope.close(own, exit)
          if (Exit.isFailure(exit) && exit.cause._tag === "Fail") now(ip, exit.cause.error)
        })
      )

    const attempts = Effect.gen(function* () {
      onProgress({ reason: "NameTimeout" })
      const found = yield* Effect.mapError(Names.lookUp(host), (cause) => ({ reason: Trouble.ofLookUp(cause), cause }))
      const started: Array<Fiber.Fiber<void>> = []
      const start = (ips: ReadonlyArray<string>) =>
        Effect.forEach(
          ips.slice(0, maxAddresses - started.length),
          (ip) =>
            Effect.gen(function* () {
              const fiber = yield* Effect.fork(attempt(ip))
              started.push(fiber)
              yield* firstOf(Fiber.await(fiber), Effect.sleep(attemptDelay))
            }),
          { discard: true }
        )
      yield* start(found.known)
      yield* start(yield* found.late)
      yield* Fiber.awaitAll(started)
      return yield* Effect.fail(summary(tried))
    })

    // Interruptible even where the caller is not: otherwise the other attempts would go on after one has won.
    return yield* firstOf(Deferred.await(winner), Effect.interruptible(scoped(attempts)))
  })

/**
 * Connects, without a timeout of its own. `onProgress` is called whenever the failure changes that the caller is to report
 * if its time is over now.
 *
 * @since 0.1.0
 * @category constructors
 */
export const connect = (
  { host, port }: { readonly host: string; readonly port: number },
  onProgress: (ifLate: Failure) => void
): Effect.Effect<SocketDialer.RawSocket, Failure, Scope.Scope> =>
  Net.isIP(host) === 0 ? releaseOnFailure(toName(host, port, onProgress)) : toAddress(host, port)
