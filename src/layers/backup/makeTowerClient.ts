/**
 * A tower client from its parts, with settings that were checked.
 *
 * Owners: the scope of the layer owns the negotiators and the sender; the sender owns its contacts. Closing the scope interrupts
 * all of them; a write in progress is finished.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Struct from "effect/Struct"
import * as JusticeCurve from "../../internal/justice/justiceCurve.js"
import { ChannelClosed, CopiesLost, StateNotHandedIn } from "../../schema/BackupError.js"
import { blobTypeOf, type Channel, type ChannelId } from "../../schema/Channel.js"
import type { DbError } from "../../schema/DbError.js"
import { HexBytes } from "../../schema/Ids.js"
import { Ineligible, IneligibleReason } from "../../schema/Ineligible.js"
import * as Policy from "../../schema/Policy.js"
import { CommitHeight, type RevokedState, type Sign, SignError } from "../../schema/RevokedState.js"
import { type LoadedState, NewBackup } from "../../schema/StoredBackup.js"
import { Happening } from "../../schema/TowerClientEvent.js"
import { BackupDb } from "../../services/BackupDb.js"
import { Curve } from "../../services/Curve.js"
import { KeyRing } from "../../services/KeyRing.js"
import { TowerCandidates } from "../../services/TowerCandidates.js"
import { TowerClient } from "../../services/TowerClient.js"
import { TowerTransport } from "../../services/TowerTransport.js"
import * as Alarm from "../concurrency/alarm.js"
import { within } from "../concurrency/firstOf.js"
import * as GiveWay from "../concurrency/giveWay.js"
import * as Inbox from "../concurrency/inbox.js"
import { scoped } from "../concurrency/scoped.js"
import { makeWithRules } from "../negotiator/makeWithRules.js"
import * as Rules from "../negotiator/Rules.js"
import { readinessOf } from "../negotiator/readiness.js"
import * as EventLog from "../support/eventLog.js"
import type { Environment } from "./environment.js"
import * as MakeBackup from "./makeBackup.js"
import type { Settings } from "./Options.js"
import type * as PolicyLook from "./policyLook.js"
import * as Sender from "./sender.js"
import * as Status from "./status.js"
import { waiting } from "./waitReasons.js"
import * as WantedTowers from "./wantedTowers.js"

/** A tower client, and how a finished backup is handed to it: for tests, in which signatures would take all the time. @since 0.1.0 @category constructors */
export const makeTowerClient = (settings: Settings) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const events = EventLog.make(() => clock.unsafeCurrentTimeMillis(), Status.initial, Status.after)
    yield* Effect.addFinalizer(() => Effect.sync(events.close))
    const alarm = yield* Alarm.shared
    const env: Environment = {
      settings,
      clock,
      alarm,
      db: yield* BackupDb,
      keyRing: yield* KeyRing,
      towers: yield* TowerCandidates,
      transport: yield* TowerTransport,
      events,
      giveWay: GiveWay.make()
    }
    const curve = JusticeCurve.make(yield* Curve)
    const sources = new Map<Policy.PolicyKey, PolicyLook.Source>()
    const negotiators: Array<TowerClient.Negotiator> = []
    for (const negotiator of settings.negotiators) {
      const wanted = yield* WantedTowers.make(env.towers)
      const made = yield* Effect.provideService(
        makeWithRules(Rules.defaults, negotiator, { name: `${TowerClient.key}/${negotiator.policy.blobType}` }),
        TowerCandidates,
        wanted.candidates
      )
      const { policy, policyKey } = negotiator
      const spare = settings.spareBlobTypes.includes(policy.blobType) ? settings.spare : 0
      sources.set(policyKey, { negotiator: made, wanted, spare })
      negotiators.push({
        policy,
        spare,
        readinessOf: (tower, standing, now) => readinessOf(tower, standing, negotiator, now),
        ...Struct.pick(made, "status", "statusChanges", "events")
      })
    }
    const fibers = yield* FiberSet.make<unknown>()
    const sender = yield* FiberSet.run(fibers, Sender.run(env, sources))
    sender.addObserver((exit) => {
      if (Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)) {
        events.emit(Happening.Stopped({ cause: Cause.squash(exit.cause) }))
      }
    })
    const { db } = env
    const client: TowerClient.Service = {
      registerChannel: (channel) =>
        channel.type === "scriptEnforcedLease" ? leaseChannel(channel) : db.registerChannel(channel),
      backupState: (state, sign) => backupState(env, curve, state, sign),
      signRequests: (state) => signRequests(env, curve, state),
      awaitBackup: (channelId, commitHeight) => awaitBackup(env, channelId, commitHeight),
      closeChannel: db.closeChannel,
      channels: db.listChannels,
      channel: db.summarize,
      waiting: (channelId) => waiting(env, sources, channelId),
      deactivateTower: env.towers.deactivate,
      terminateSession: db.terminateSession,
      status: Effect.sync(events.status),
      statusChanges: events.statusChanges,
      events: events.events,
      negotiators
    }
    return { client, keep: (backup: NewBackup) => keep(env, backup), listen: events.listen }
  })

const leaseChannel = ({ id: channelId }: Channel) =>
  new Ineligible({
    channelId,
    commitHeight: CommitHeight.make(0),
    reason: IneligibleReason.ScriptEnforcedLease()
  })

/** The policy of the sessions that take backups of this channel. */
const policyFor = ({ negotiators }: Settings, { type }: Channel): Policy.Policy | undefined =>
  type === "scriptEnforcedLease"
    ? undefined
    : negotiators.find(({ policy }) => policy.blobType === blobTypeOf(type))?.policy

/** A state with its channel, while that takes states. */
const load = ({ db }: Environment, { channelId, commitHeight }: RevokedState) =>
  Effect.flatMap(
    db.loadState(channelId, commitHeight),
    (loaded): Effect.Effect<LoadedState, ChannelClosed> =>
      loaded.isClosed ? new ChannelClosed({ channelId }) : Effect.succeed(loaded)
  )

/** What the sessions that take states of a channel are agreed upon. */
const sessionFor = (env: Environment, state: RevokedState, channel: Channel) => {
  const policy = policyFor(env.settings, channel)
  return policy === undefined
    ? ineligible(env, state, IneligibleReason.OtherBlobType())
    : Effect.succeed({ chain: env.settings.chain, policy, rewardPkScript: HexBytes.make("") })
}

const signRequests = (env: Environment, curve: JusticeCurve.JusticeCurve, state: RevokedState) =>
  Effect.gen(function* () {
    const { channel } = yield* load(env, state)
    const session = yield* sessionFor(env, state, channel)
    return yield* Effect.catchTag(MakeBackup.signRequests(curve, session, channel, state), "Ineligible", ({ reason }) =>
      ineligible(env, state, reason)
    )
  })

const backupState = (env: Environment, curve: JusticeCurve.JusticeCurve, state: RevokedState, sign: Sign) =>
  Effect.gen(function* () {
    const { copies, signTimeout } = env.settings
    const { channelId, commitHeight } = state
    const { channel, record } = yield* load(env, state)
    // A node that starts again may hand in thousands of them.
    if (record._tag === "Complete") return yield* env.giveWay
    const session = yield* sessionFor(env, state, channel)
    const { encryptedBlob, hint } = yield* Effect.catchTag(
      MakeBackup.makeBackup(curve, session, channel, state, inTime(sign, signTimeout)),
      "Ineligible",
      ({ reason }) => ineligible(env, state, reason)
    )
    const policyKey = Policy.keyOf(session.policy)
    // Of what was checked with the state, or made here.
    const backup = new NewBackup(
      { channelId, commitHeight, policyKey, hint, encryptedBlob, copies },
      { disableValidation: true }
    )
    yield* keep(env, backup)
  })

/** Stores a finished backup, and tells the sender. */
const keep = ({ db, events }: Environment, backup: NewBackup) => {
  const { channelId, commitHeight, policyKey } = backup
  return Effect.tap(db.addBackup(backup), () =>
    events.emit(Happening.StateKept({ channelId, commitHeight, policyKey }))
  )
}

/** Records that no tower can punish the state, and says so. */
const ineligible = ({ db, events }: Environment, { channelId, commitHeight }: RevokedState, reason: IneligibleReason) =>
  Effect.zipRight(
    Effect.tap(db.addIneligible(channelId, commitHeight), () =>
      events.emit(Happening.StateIneligible({ channelId, commitHeight }))
    ),
    new Ineligible({ channelId, commitHeight, reason })
  )

/** A signer that does not answer is a signer that fails: the state can be handed in again. */
const inTime =
  (sign: Sign, millis: number): Sign =>
  (request) =>
    within(
      sign(request),
      millis,
      () => new SignError({ role: request.role, detail: `it did not answer within ${millis / 1000} seconds` })
    )

const awaitBackup = (
  { db, events, settings }: Environment,
  channelId: ChannelId,
  commitHeight: CommitHeight
): Effect.Effect<void, DbError | StateNotHandedIn | CopiesLost> =>
  Effect.gen(function* () {
    const changed = Inbox.make<"changed">()
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        events.listen(({ happening }) => {
          const isOfChannel = happening._tag === "CopyMade" && happening.channelId === channelId
          if (isOfChannel || happening._tag === "SessionLost") changed.offer("changed")
        })
      ),
      (unlisten) => Effect.sync(unlisten)
    )
    for (;;) {
      const { isHandedIn, lost, missing } = yield* db.progress(channelId, commitHeight)
      if (!isHandedIn) return yield* new StateNotHandedIn({ channelId, commitHeight })
      if (lost > 0) return yield* new CopiesLost({ channelId, commitHeight, states: lost })
      if (missing === 0) return
      // Another process may send; and of copies whose storing was not answered nobody is told, also where no other process is looked for.
      yield* changed.takeWithin(Math.min(settings.pollInterval, settings.renewInterval))
    }
  }).pipe(scoped)
