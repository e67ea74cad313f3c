/**
 * The one fiber that decides what each session does next, from what the contacts and the negotiators report
 * (docs/backups.md, The sender). It alone changes what is known.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import type * as Scope from "effect/Scope"
import type { ClientSession } from "../../schema/ClientSession.js"
import type { DbError } from "../../schema/DbError.js"
import { KeyIndex, type TowerId } from "../../schema/Ids.js"
import type * as Policy from "../../schema/Policy.js"
import type { SendingSession } from "../../schema/StoredBackup.js"
import { Happening } from "../../schema/TowerClientEvent.js"
import * as Inbox from "../concurrency/inbox.js"
import * as Monotonic from "../negotiator/monotonic.js"
import { writeOutTrace } from "../support/writeOutTrace.js"
import * as Audits from "./audits.js"
import type * as Choice from "./choice.js"
import { contact } from "./contact.js"
import { type ContactEnd, type Progress, refOf } from "./contactContext.js"
import * as ContactEnds from "./contactEnd.js"
import * as Entry from "./entry.js"
import { type Environment, tellDatabaseFailed } from "./environment.js"
import type { Lease } from "./lease.js"
import * as Penalties from "./penalties.js"
import * as PolicyLook from "./policyLook.js"
import { doubled, firstRestMs } from "./rests.js"
import * as SenderState from "./senderState.js"

/** What is reported to the one fiber that decides. @since 0.1.0 @category models */
export type Report = Data.TaggedEnum<{
  /** States of this policy may be open. */
  Work: { readonly policyKey: Policy.PolicyKey }
  /** States of any policy may be open: another process may have been handed some. */
  Look: object
  TowersChanged: object
  Told: { readonly keyIndex: KeyIndex; readonly progress: Progress }
  HungUp: { readonly keyIndex: KeyIndex; readonly sawEnd: boolean }
  Ended: { readonly keyIndex: KeyIndex; readonly end: ContactEnd }
  /** A tower has lost what a session had: told before that is stored. */
  Forgot: { readonly towerId: TowerId }
  SessionMade: { readonly policyKey: Policy.PolicyKey; readonly session: ClientSession }
  /** The lease was renewed. */
  Renewed: object
  Died: { readonly cause: Cause.Cause<never> }
}>
/** @since 0.1.0 @category constructors */
export const Report = Data.taggedEnum<Report>()

/** One of many for each state: what it changes is only when to look, so that not all that is known is gone through. */
const isOfStream = ({ _tag }: Report): boolean => _tag === "Work" || _tag === "Told"

/** A database that fails is asked again after this time at the latest. */
const longestRetryMs = 30_000

/** Decides until its scope closes. @since 0.1.0 @category constructors */
export const run = (
  env: Environment,
  sources: PolicyLook.Sources,
  lease: Lease,
  inbox: Inbox.Inbox<Report>
): Effect.Effect<never, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { clock, db, events, settings } = env
    const instant = () => Monotonic.nowBy(clock)
    const state = SenderState.make(sources.keys())
    const penalties = Penalties.make()
    const contacts = yield* FiberMap.make<KeyIndex, void>()
    /** Sessions of which a write failed: it may have been stored all the same. */
    const unsure = new Set<KeyIndex>()
    /** Sessions that a negotiator has given, of which the database is to be asked. */
    const given = new Map<KeyIndex, Policy.PolicyKey>()
    /** Are the towers and the sessions as they were read last? */
    let isLoaded = false
    /** How many sessions had ended when that was read last, and was the lease renewed since? */
    let endedSessions: number | undefined
    let isRenewed = true

    /** Reads the towers and the sessions. */
    const load: Effect.Effect<void, DbError> = Effect.gen(function* () {
      const now = instant()
      state.setTowers(yield* env.towers.list)
      const found = new Set<KeyIndex>()
      for (let after: KeyIndex | undefined; ; ) {
        const page: ReadonlyArray<SendingSession> = yield* db.listSending(env.transport.route, { after, limit: 500 })
        for (const one of page) {
          after = one.session.keyIndex
          found.add(after)
          const known = state.entries.get(after)
          if (known === undefined) state.put(Entry.stored(one, now, clock.unsafeCurrentTimeMillis()))
          else if (unsure.delete(after)) state.put(Entry.readAgain(known, one))
        }
        if (page.length === 0) break
      }
      for (const [keyIndex, entry] of state.entries) {
        if ((found.has(keyIndex) || entry.asksOnly) && state.towers.has(entry.session.towerId)) continue
        state.drop(entry)
        // One whose last contact failed is shown as resting, and no contact comes that would end that.
        const isShown = entry.contact !== undefined || entry.last === "bad" || entry.busy > 0
        if (entry.contact !== undefined) yield* FiberMap.remove(contacts, keyIndex)
        if (isShown) events.emit(Happening.ContactEnded(refOf(entry.session)))
      }
      state.reopen()
      isLoaded = true
    })

    const start = (entry: Entry.Entry, now: number, isHedge: boolean): Effect.Effect<unknown> => {
      const { asksOnly, policyKey, position, question, session } = entry
      const { keyIndex, towerId } = session
      const tower = state.towers.get(towerId)
      if (tower === undefined) return Effect.void
      const work = Inbox.make<"work">({ alarm: env.alarm })
      state.put({ ...entry, contact: { phase: "connecting", since: now, isHedge, work, newsWhenTold: undefined } })
      events.emit(Happening.ContactStarted({ ...refOf(session), policyKey }))
      const sender = {
        env,
        lease,
        work,
        tell: (progress: Progress) => inbox.offer(Report.Told({ keyIndex, progress })),
        cursor: () => state.cursor(policyKey, towerId),
        reopened: state.reopened,
        kept: () => state.kept(policyKey),
        hungUp: (sawEnd: boolean) => inbox.offer(Report.HungUp({ keyIndex, sawEnd }))
      }
      const target = { session, tower, addresses: tower.addresses, position, question, asksOnly }
      const talking = Effect.flatMap(contact(sender, target), (end) => {
        // Not with its end: while that is stored the sessions can be read again, and it is not known any more when the answer comes; or the
        // answer is lost. The tower's other sessions are to be asked all the same.
        if (end._tag === "Lost") inbox.offer(Report.Forgot({ towerId }))
        return ContactEnds.store(env, lease, session, end)
      })
      return FiberMap.run(
        contacts,
        keyIndex,
        Effect.map(Effect.exit(talking), (exit) => {
          if (Exit.isSuccess(exit)) inbox.offer(Report.Ended({ keyIndex, end: exit.value }))
          else if (!Cause.isInterruptedOnly(exit.cause)) inbox.offer(Report.Died({ cause: exit.cause }))
        })
      )
    }

    const audits = Audits.make(env, state, (entry, now) => start(entry, now, false))
    const looking: PolicyLook.Looking = {
      env,
      sources,
      state,
      penalties,
      requests: yield* FiberMap.make<Policy.PolicyKey, void>(),
      hunts: new Map<Policy.PolicyKey, Choice.Hunt>(),
      contact: (entry, now) => start(entry, now, true),
      onSession: (policyKey, session) => inbox.offer(Report.SessionMade({ policyKey, session }))
    }

    const ended = (before: Entry.Entry, end: ContactEnd, now: number, wall: number) => {
      const { keyIndex, towerId } = before.session
      const { entry, happening, next, penalty } = ContactEnds.aftermath(before, end, now, wall)
      if (entry === undefined) state.drop(before)
      else state.put(entry)
      // The status shows it while the session rests.
      if (happening?._tag === "ContactFailed") writeOutTrace(happening.failure)
      if (happening !== undefined) events.emit(happening)
      if (penalty === "add") {
        events.emit(Happening.TowerRests({ towerId, until: wall + penalties.add(towerId, now) - now }))
      }
      if (penalty === "remove") penalties.remove(towerId)
      if (next === "readAgain") unsure.add(keyIndex)
      if (next === "reload" || next === "readAgain") isLoaded = false
      if (next === "reopen") state.reopen()
    }

    const apply = (report: Exclude<Report, { readonly _tag: "Died" }>): void => {
      const now = instant()
      switch (report._tag) {
        case "Work":
          state.keep(report.policyKey, now)
          return
        case "Look":
          state.lookAtAll()
          return
        case "Renewed":
          isRenewed = true
          return
        case "TowersChanged":
          isLoaded = false
          return
        case "Told": {
          const { keyIndex, progress } = report
          const entry = state.entries.get(keyIndex)
          if (entry === undefined) return
          const next = Entry.told(entry, progress, now)
          // States were kept or opened after an empty window was asked for. A look that came before its answer has left them to this session,
          // which does not know of them.
          const isNews =
            progress._tag === "Idle" &&
            (progress.reopened !== state.reopened() || progress.kept !== state.kept(entry.policyKey))
          if (Entry.goesOn(entry, next, now, settings.silence) && !isNews) state.note(next)
          else state.put(next)
          // It can have been bound by the write that was taken for failed, which is longer ago than the window that was asked for now.
          if (entry.isUnsure) return
          // A window that was asked for before states were opened has passed over them: its cursor would hide them for good.
          if (progress._tag === "Sending" && progress.upTo !== undefined && progress.reopened === state.reopened()) {
            state.setCursor(entry.policyKey, entry.session.towerId, progress.upTo)
          }
          return
        }
        case "HungUp": {
          const entry = state.entries.get(report.keyIndex)
          if (entry !== undefined) state.put({ ...entry, unseenEnd: report.sawEnd ? undefined : now })
          return
        }
        case "Ended": {
          const entry = state.entries.get(report.keyIndex)
          if (entry !== undefined) ended(entry, report.end, now, clock.unsafeCurrentTimeMillis())
          return
        }
        case "Forgot":
          audits.begin(report.towerId, now)
          return
        case "SessionMade": {
          const { policyKey, session } = report
          events.emit(Happening.SessionTaken({ ...refOf(session), policyKey }))
          // The sessions may have been read between its storing and its delivery: then it may be in use already.
          if (!state.entries.has(session.keyIndex)) given.set(session.keyIndex, policyKey)
          return
        }
      }
    }

    /** The sessions to contact since they have bound something; sees when one has failed for so long that others may take that. */
    const boundNow = (): { readonly due: ReadonlyArray<Entry.Entry>; readonly next: number } => {
      const now = instant()
      const wall = clock.unsafeCurrentTimeMillis()
      const due: Array<Entry.Entry> = []
      let next = Number.POSITIVE_INFINITY
      for (const known of state.entries.values()) {
        let entry = known
        if (entry.failingSince !== undefined) {
          const stalls = now + entry.failingSince + settings.moveAfter - wall
          const isStalled = stalls <= now
          if (!isStalled) next = Math.min(next, stalls)
          // Where the clock was set back, the database does not let others take its states any more: they are opened once more when it does.
          if (isStalled !== entry.isStalled) {
            entry = { ...entry, isStalled }
            state.put(entry)
            if (isStalled) state.reopen()
          }
        }
        if (entry.contact !== undefined || !(Entry.hasBound(entry) || entry.isUnsure || entry.asksOnly)) continue
        if (entry.restsUntil > now) next = Math.min(next, entry.restsUntil)
        else due.push(entry)
      }
      return { due, next }
    }

    /** Another process may have ended a session: what it had bound is open again. */
    const seeEnded: Effect.Effect<void, DbError> = Effect.gen(function* () {
      const found = yield* db.endedSessions
      if (found !== endedSessions) state.reopen()
      endedSessions = found
      isRenewed = false
    })

    /**
     * Notes the sessions that were given, as the database has them: one that came while another process was the sender has waited
     * for this one, and may be used in part, used up, or ended. Of one that is unused, another process may still have a connection: its
     * key is busy then, and it is tried again.
     */
    const noteGiven: Effect.Effect<void, DbError> = Effect.gen(function* () {
      for (const [keyIndex, policyKey] of given) {
        const after = keyIndex > 1 ? KeyIndex.make(keyIndex - 1) : undefined
        const [one] = yield* db.listSending(env.transport.route, { after, limit: 1 })
        const now = instant()
        given.delete(keyIndex)
        if (state.entries.has(keyIndex)) continue
        if (one?.session.keyIndex !== keyIndex) state.lookAt(policyKey)
        else
          state.put(
            one.session.seqNum === 0
              ? Entry.made(one.session, now)
              : Entry.stored(one, now, clock.unsafeCurrentTimeMillis())
          )
      }
    })

    /** Does all that it is time for. Answers when it is time again. */
    const act: Effect.Effect<number, DbError> = Effect.gen(function* () {
      if (!isLoaded) yield* load
      if (given.size > 0) yield* noteGiven
      if (isRenewed) yield* seeEnded
      const bound = boundNow()
      for (const entry of bound.due) yield* start(entry, instant(), false)
      const audited = audits.isEmpty() ? Number.POSITIVE_INFINITY : yield* audits.next
      for (const policyKey of state.due(instant())) {
        state.lookAt(policyKey, yield* PolicyLook.look(looking, policyKey))
      }
      return Math.min(bound.next, audited, state.nextLook())
    })

    // What this process wanted when it sent the last time: the same towers would not be told to anybody again.
    for (const { wanted } of sources.values()) yield* wanted.want([])
    let failures = 0
    let retryAt = 0
    for (;;) {
      const acted = instant() < retryAt ? Either.right(retryAt) : yield* Effect.either(act)
      const now = instant()
      if (Either.isLeft(acted)) {
        const wait = doubled(firstRestMs, failures, longestRetryMs)
        failures += 1
        retryAt = now + wait
        yield* tellDatabaseFailed(env, acted.left, wait)
      } else if (now >= retryAt) failures = 0
      let next = Either.getOrElse(acted, () => retryAt)
      do {
        const reports = yield* inbox.takeWithin(Math.max(0, next - instant()))
        for (const report of reports) {
          if (report._tag === "Died") return yield* Effect.failCause(report.cause)
          apply(report)
        }
        next = reports.every(isOfStream) ? Math.max(retryAt, Math.min(next, state.nextLook())) : 0
      } while (instant() < next)
    }
  })
