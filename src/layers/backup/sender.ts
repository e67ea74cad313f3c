/**
 * The one process that sends: while it holds the lease, it sees to it that each state that is open for a tower is on its way to
 * one, or that a session for it is looked for (docs/backups.md, The sender).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { NotSender } from "../../schema/BackupError.js"
import { SenderToken } from "../../schema/StoredBackup.js"
import { Happening } from "../../schema/TowerClientEvent.js"
import { firstOf } from "../concurrency/firstOf.js"
import * as Inbox from "../concurrency/inbox.js"
import { scoped } from "../concurrency/scoped.js"
import * as Monotonic from "../negotiator/monotonic.js"
import { newToken } from "../sql/token.js"
import * as Dispatch from "./dispatch.js"
import { type Environment, tellDatabaseFailed } from "./environment.js"
import * as Lease from "./lease.js"
import type { Sources } from "./policyLook.js"

/** Sends for as long as this process has the lease, and waits for it otherwise; runs for ever. @since 0.1.0 @category constructors */
export const run = (env: Environment, sources: Sources): Effect.Effect<never> =>
  Effect.gen(function* () {
    const token = SenderToken.make(yield* newToken)
    // So that another process need not wait for the lease to run out.
    yield* Effect.addFinalizer(() => Effect.ignore(env.db.dropSenderLease(token)))
    for (;;) {
      const lease = yield* takeLease(env, token)
      env.events.emit(Happening.SendingStarted())
      yield* scoped(Effect.ignore(lead(env, sources, lease)))
      env.events.emit(Happening.SendingStopped())
    }
  }).pipe(scoped)

/** Waits until this process has the lease. */
const takeLease = (env: Environment, token: SenderToken): Effect.Effect<Lease.Lease> =>
  Effect.gen(function* () {
    for (;;) {
      const before = yield* Monotonic.instants
      const taken = yield* Effect.either(env.db.takeSenderLease(token))
      if (taken._tag === "Left") yield* tellDatabaseFailed(env, taken.left, env.settings.renewInterval)
      else if (taken.right) return Lease.make(env.clock, token, before)
      yield* Effect.sleep(env.settings.renewInterval)
    }
  })

/** Renews the lease until another process has it, or until it may have run out. */
const keepLease = (env: Environment, lease: Lease.Lease, onRenewed: () => void): Effect.Effect<never, NotSender> =>
  Effect.forever(
    Effect.gen(function* () {
      yield* Effect.sleep(env.settings.renewInterval)
      const before = yield* Monotonic.instants
      // Fails if another process has sent meanwhile, even if the lease is free again: then this one must read the sessions again.
      const renewed = yield* Effect.either(env.db.renewSenderLease(lease.token))
      if (renewed._tag === "Left") {
        yield* tellDatabaseFailed(env, renewed.left, env.settings.renewInterval)
        return yield* lease.holds
      }
      if (!renewed.right) return yield* new NotSender()
      lease.renewed(before)
      onRenewed()
    })
  )

/** Sends until the lease is lost. */
const lead = (env: Environment, sources: Sources, lease: Lease.Lease): Effect.Effect<never, NotSender, Scope.Scope> =>
  Effect.gen(function* () {
    const inbox = Inbox.make<Dispatch.Report>({ alarm: env.alarm })
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        env.events.listen(({ happening }) => {
          if (happening._tag === "StateKept") inbox.offer(Dispatch.Report.Work({ policyKey: happening.policyKey }))
        })
      ),
      (unlisten) => Effect.sync(unlisten)
    )
    const changes = yield* env.towers.changes
    const followTowers = Effect.forever(
      Effect.map(Queue.takeBetween(changes, 1, Number.POSITIVE_INFINITY), () =>
        inbox.offer(Dispatch.Report.TowersChanged())
      )
    )
    const { pollInterval } = env.settings
    const poll = Number.isFinite(pollInterval)
      ? Effect.forever(Effect.map(Effect.sleep(pollInterval), () => inbox.offer(Dispatch.Report.Look())))
      : Effect.never
    const keep = keepLease(env, lease, () => inbox.offer(Dispatch.Report.Renewed()))
    const decide = Effect.scoped(Dispatch.run(env, sources, lease, inbox))
    return yield* firstOf(keep, decide, followTowers, poll)
  })
