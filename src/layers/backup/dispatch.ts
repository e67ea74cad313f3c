/**
 * Decides, in one fiber, what each session does next, from what the contacts and the negotiators report. It alone changes what is
 * known of the sessions (docs/backups.md, The sender).
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { NotSender } from "../../schema/BackupError.js"
import type { ClientSession } from "../../schema/ClientSession.js"
import { DbError } from "../../schema/DbError.js"
import type { KeyIndex, TowerId } from "../../schema/Ids.js"
import * as Policy from "../../schema/Policy.js"
import { BackupId, type SendingSession } from "../../schema/StoredBackup.js"
import type { Tower } from "../../schema/Tower.js"
import { type ContactFailure, Happening } from "../../schema/TowerClientEvent.js"
import type { SessionNegotiator } from "../../services/SessionNegotiator.js"
import * as Inbox from "../concurrency/inbox.js"
import * as Monotonic from "../negotiator/monotonic.js"
import * as Rules from "../negotiator/Rules.js"
import * as Choice from "./choice.js"
import { contact } from "./contact.js"
import { ContactEnd, type Progress, Question, refOf } from "./contactContext.js"
import * as Entry from "./entry.js"
import { type Environment, tellDatabaseFailed } from "./environment.js"
import type * as Lease from "./lease.js"
import type { WantedTowers } from "./wantedTowers.js"

/** How sessions of a policy are got. @since 0.1.0 @category models */
export interface Source {
  readonly negotiator: SessionNegotiator.Service
  readonly wanted: WantedTowers
}

/** @since 0.1.0 @category models */
export type Sources = ReadonlyMap<Policy.PolicyKey, Source>

/** What is reported to the one fiber that decides. @since 0.1.0 @category models */
export type Report = Data.TaggedEnum<{
  /** States of this policy may be open. */
  Work: { readonly policyKey: Policy.PolicyKey }
  /** States of any policy may be open: another process was handed some. */
  Look: object
  TowersChanged: object
  Told: { readonly keyIndex: KeyIndex; readonly progress: Progress }
  HungUp: { readonly keyIndex: KeyIndex; readonly sawEnd: boolean }
  Ended: { readonly keyIndex: KeyIndex; readonly end: ContactEnd }
  SessionMade: { readonly policyKey: Policy.PolicyKey; readonly session: ClientSession }
  /** The lease was renewed. */
  Renewed: object
  Died: { readonly cause: Cause.Cause<never> }
}>
/** @since 0.1.0 @category constructors */
export const Report = Data.taggedEnum<Report>()

/** A tower with which a contact failed, or that has cost a session: it is not asked for another one for a while. */
interface Punished {
  readonly until: number
  readonly times: number
}

const firstRestMs = 1000
const longestRestMs = 5 * 60_000
const firstPunishmentMs = 10_000
/** An end before Init this long after an end that the tower may not have seen says that it still has that connection. */
const busyFor = 20_000
const auditInterval = 60_000

const doubled = (first: number, times: number, most: number) => Math.min(most, first * 2 ** Math.min(times, 30))

/** Runs for ever. @since 0.1.0 @category constructors */
export const run = (
  env: Environment,
  sources: Sources,
  lease: Lease.Lease,
  inbox: Inbox.Inbox<Report>
): Effect.Effect<never, NotSender, Scope.Scope> =>
  Effect.gen(function* () {
    const { db, events, settings } = env
    const contacts = yield* FiberMap.make<KeyIndex, void>()
    const requests = yield* FiberMap.make<Policy.PolicyKey, void>()
    const entries = new Map<KeyIndex, Entry.Entry>()
    const punished = new Map<TowerId, Punished>()
    const hunts = new Map<Policy.PolicyKey, Choice.Hunt>()
    const wantedOf = new Map<Policy.PolicyKey, string>()
    /** Up to which state a tower needs none, by policy and tower. Forgotten when something may be open again. */
    const cursors = new Map<string, BackupId>()
    const audits = new Map<TowerId, { readonly due: number; readonly after: KeyIndex | undefined }>()
    let towers = new Map<TowerId, Tower>()
    const dirty = new Set<Policy.PolicyKey>()
    const stalled = new Set<KeyIndex>()
    /** Sessions of which a write failed: it may have been stored all the same, and what it has bound is to be read again. */
    const unsure = new Set<KeyIndex>()
    /** Are the towers and the sessions as they were read last? */
    let isLoaded = false
    /** After a failure of the database nothing is looked at until then. */
    let retryAt = 0
    let dbFailures = 0

    const policyOf = ({ session }: Entry.Entry) => Policy.keyOf(session.policy)
    const cursorKey = (policyKey: Policy.PolicyKey, towerId: TowerId) => `${policyKey}/${towerId}`
    const put = (entry: Entry.Entry) => {
      entries.set(entry.session.keyIndex, entry)
      dirty.add(policyOf(entry))
    }
    const reopen = () => {
      cursors.clear()
      lookAtAll()
    }
    const lookAtAll = () => {
      for (const policyKey of sources.keys()) dirty.add(policyKey)
      for (const entry of entries.values()) dirty.add(policyOf(entry))
    }

    /** Reads the towers and the sessions: at first, and when a tower was added or removed. */
    const reload = Effect.gen(function* () {
      const now = yield* Monotonic.now
      towers = new Map((yield* env.towers.list).map((tower) => [tower.id, tower]))
      const found = new Set<KeyIndex>()
      for (let after: KeyIndex | undefined; ; ) {
        const page: ReadonlyArray<SendingSession> = yield* db.listSending(env.transport.route, { after, limit: 500 })
        for (const one of page) {
          after = one.session.keyIndex
          found.add(after)
          const known = entries.get(after)
          if (known === undefined) put(Entry.stored(one, now))
          else if (unsure.delete(after)) put(Entry.readAgain(known, one))
        }
        if (page.length === 0) break
      }
      for (const [keyIndex, entry] of entries) {
        const isGone = !found.has(keyIndex) && !entry.asksOnly
        if (!isGone && towers.has(entry.session.towerId)) continue
        entries.delete(keyIndex)
        dirty.add(policyOf(entry))
        if (entry.contact !== undefined) {
          yield* FiberMap.remove(contacts, keyIndex)
          events.emit(Happening.ContactEnded(refOf(entry.session)))
        }
      }
      reopen()
    })

    const start = (entry: Entry.Entry, now: number, isHedge: boolean) => {
      const { position, question, session } = entry
      const { keyIndex } = session
      const tower = towers.get(session.towerId)
      if (tower === undefined) return Effect.void
      const work = Inbox.make<"work">()
      put({ ...entry, contact: { phase: "connecting", since: now, isHedge, work } })
      events.emit(Happening.ContactStarted(refOf(session)))
      const key = cursorKey(policyOf(entry), session.towerId)
      const sender = {
        env,
        lease,
        work,
        tell: (progress: Progress) => inbox.offer(Report.Told({ keyIndex, progress })),
        cursor: () => cursors.get(key),
        hungUp: (sawEnd: boolean) => inbox.offer(Report.HungUp({ keyIndex, sawEnd }))
      }
      const target = { session, tower, addresses: tower.addresses, position, question, asksOnly: entry.asksOnly }
      const talking = Effect.flatMap(contact(sender, target), (end) => writeEnd(env, lease, session, end))
      return FiberMap.run(
        contacts,
        keyIndex,
        Effect.map(Effect.exit(talking), (exit) => {
          if (Exit.isSuccess(exit)) inbox.offer(Report.Ended({ keyIndex, end: exit.value }))
          else if (!Cause.isInterruptedOnly(exit.cause)) inbox.offer(Report.Died({ cause: exit.cause }))
        })
      )
    }

    const punish = (towerId: TowerId, now: number) => {
      const times = punished.get(towerId)?.times ?? 0
      punished.set(towerId, { until: now + doubled(firstPunishmentMs, times, longestRestMs), times: times + 1 })
    }

    const ended = (entry: Entry.Entry, end: ContactEnd, now: number, wall: number) => {
      const { session } = entry
      const { keyIndex, towerId } = session
      const ref = refOf(session)
      const rest = (ms: number, change: Partial<Entry.Entry>) => {
        put({ ...entry, contact: undefined, restsUntil: now + ms, ...change })
        return wall + ms
      }
      const drop = () => {
        entries.delete(keyIndex)
        dirty.add(policyOf(entry))
      }
      switch (end._tag) {
        case "Done":
          events.emit(Happening.ContactEnded(ref))
          if (entry.asksOnly) drop()
          else put({ ...entry, contact: undefined, last: "good" })
          return
        case "Exhausted":
          punished.delete(towerId)
          events.emit(Happening.SessionExhausted(ref))
          return drop()
        case "EndedEarly":
          if (entry.unseenEnd !== undefined && now < entry.unseenEnd + busyFor) {
            const restsUntil = rest(doubled(firstRestMs, Math.min(entry.busy, 3), longestRestMs), {
              busy: entry.busy + 1
            })
            return events.emit(Happening.KeyBusy({ ...ref, restsUntil }))
          }
          return failed(end.failure)
        case "Failed":
          return failed(end.failure)
        case "Refused": {
          const { failure, seqNum } = end
          const restsUntil = rest(0, { question: Question.AfterRefusal({ seqNum }) })
          return events.emit(Happening.ContactFailed({ ...ref, failure, restsUntil }))
        }
        case "Terminal":
          punish(towerId, now)
          drop()
          return reopen()
        case "Lost":
          punish(towerId, now)
          drop()
          audits.set(towerId, { due: now + auditInterval, after: undefined })
          return reopen()
        case "Gone":
          events.emit(Happening.ContactEnded(ref))
          drop()
          // Its tower may have been added again since.
          isLoaded = false
          return
      }
      function failed(failure: Extract<ContactEnd, { readonly _tag: "Failed" }>["failure"]) {
        const restsUntil = rest(doubled(firstRestMs, entry.failures, longestRestMs), {
          failures: entry.failures + 1,
          last: isOwn(failure) ? entry.last : "bad",
          failingSince: Entry.hasBound(entry) ? (entry.failingSince ?? wall) : undefined
        })
        events.emit(Happening.ContactFailed({ ...ref, failure, restsUntil }))
        if (isDbError(failure)) {
          unsure.add(keyIndex)
          isLoaded = false
        }
        // Else a tower that gives sessions and breaks all connections would give one for each window of the backlog.
        if (!isOwn(failure)) punish(towerId, now)
        if (entry.asksOnly) drop()
      }
    }

    const apply = (report: Report) =>
      Effect.gen(function* () {
        const now = yield* Monotonic.now
        switch (report._tag) {
          case "Work":
            return void dirty.add(report.policyKey)
          case "Look":
            return lookAtAll()
          case "Renewed":
            // Another process may have ended a session: what it had bound is open again.
            return reopen()
          case "TowersChanged":
            isLoaded = false
            return
          case "Told": {
            const { keyIndex, progress } = report
            const entry = entries.get(keyIndex)
            if (entry === undefined) return
            put(Entry.told(entry, progress, now))
            if (progress._tag === "Sending") {
              cursors.set(cursorKey(policyOf(entry), entry.session.towerId), progress.last)
            }
            return
          }
          case "HungUp": {
            const entry = entries.get(report.keyIndex)
            if (entry !== undefined) put({ ...entry, unseenEnd: report.sawEnd ? undefined : now })
            return
          }
          case "Ended": {
            const entry = entries.get(report.keyIndex)
            if (entry !== undefined) ended(entry, report.end, now, yield* Clock.currentTimeMillis)
            return
          }
          case "SessionMade": {
            const { policyKey, session } = report
            events.emit(Happening.SessionTaken({ ...refOf(session), policyKey }))
            return put(Entry.made(session, now))
          }
          case "Died":
            return yield* Effect.failCause(report.cause)
        }
      })

    /** Sees to the states of a policy. Answers when to look again at the latest. */
    const look = (policyKey: Policy.PolicyKey): Effect.Effect<number, DbError> =>
      Effect.gen(function* () {
        const now = yield* Monotonic.now
        const stalledSince = (yield* Clock.currentTimeMillis) - settings.moveAfter
        const mine = [...entries.values()].filter((entry) => policyOf(entry) === policyKey && !entry.asksOnly)
        const withCursor = (towerId: TowerId) => ({ towerId, after: cursors.get(cursorKey(policyKey, towerId)) })
        const useful = (serving: ReadonlyArray<TowerId>, asked: ReadonlyArray<TowerId>) =>
          Effect.map(
            asked.length === 0
              ? Effect.succeed([])
              : db.usefulTowers({ policyKey, serving, towers: asked.map(withCursor), stalledSince }),
            (found) => {
              if (serving.length === 0) {
                for (const { first, towerId } of found) {
                  if (first > 1) cursors.set(cursorKey(policyKey, towerId), BackupId.make(first - 1))
                }
              }
              return new Set(found.map(({ towerId }) => towerId))
            }
          )

        // One after another: with the state that the first one takes, the second one may have nothing to do.
        const idle = mine.filter(({ contact }) => contact?.phase === "idle")
        if (idle.length > 0 && !mine.some(({ contact }) => contact?.phase === "binding")) {
          const able = yield* useful([], [...new Set(idle.map(({ session }) => session.towerId))])
          const first = idle.find(({ session }) => able.has(session.towerId))
          if (first?.contact !== undefined) {
            put({ ...first, contact: { ...first.contact, phase: "binding", since: now } })
            first.contact.work.offer("work")
          }
        }

        const sessions = [...entries.values()].filter((entry) => policyOf(entry) === policyKey && !entry.asksOnly)
        const serving = new Set(
          sessions
            .filter((entry) => Entry.isServing(entry, now, settings.silence))
            .map(({ session }) => session.towerId)
        )
        const able = yield* useful(
          [...serving],
          [...towers.keys()].filter((towerId) => !serving.has(towerId))
        )
        return yield* hunt(policyKey, sessions, able, now)
      })

    /** Tries one more session where it is time for that. */
    const hunt = (
      policyKey: Policy.PolicyKey,
      sessions: ReadonlyArray<Entry.Entry>,
      able: ReadonlySet<TowerId>,
      now: number
    ): Effect.Effect<number> =>
      Effect.gen(function* () {
        const source = sources.get(policyKey)
        const isRequested = FiberMap.unsafeHas(requests, policyKey)
        const atHand = new Set(
          sessions.flatMap((entry) => (Entry.hasFree(entry) && entry.last !== "bad" ? entry.session.towerId : []))
        )
        const askable = [...towers.values()].filter(
          ({ id }) => able.has(id) && !atHand.has(id) && (punished.get(id)?.until ?? 0) <= now
        )
        yield* want(policyKey, source, askable)
        if (able.size === 0) {
          hunts.delete(policyKey)
          if (isRequested) yield* FiberMap.remove(requests, policyKey)
          return Number.POSITIVE_INFINITY
        }
        if (isRequested && askable.length === 0) yield* FiberMap.remove(requests, policyKey)

        const before = hunts.get(policyKey) ?? Choice.noHunt
        const { again, next } = Choice.choose({
          sessions,
          able,
          askable: source === undefined ? [] : askable,
          isRequested: isRequested && askable.length > 0,
          hunt: before,
          now,
          settings
        })
        if (next !== undefined) {
          hunts.set(policyKey, { lastStart: now, started: before.started + 1 })
          if (next !== "request") yield* start(next, now, true)
          else if (source !== undefined) yield* requestSession(policyKey, source)
        }
        const released = [...punished.values()].map(({ until }) => until).filter((until) => until > now)
        return Math.min(again, ...released)
      })

    const want = (policyKey: Policy.PolicyKey, source: Source | undefined, askable: ReadonlyArray<Tower>) =>
      Effect.gen(function* () {
        if (source === undefined) return
        yield* source.wanted.want(askable)
        const names = askable.map(({ id }) => id)
        const now = names.join(",")
        if (wantedOf.get(policyKey) === now || (now === "" && !wantedOf.has(policyKey))) return
        if (now === "") {
          wantedOf.delete(policyKey)
          return events.emit(Happening.SessionUnwanted({ policyKey }))
        }
        wantedOf.set(policyKey, now)
        events.emit(Happening.SessionWanted({ policyKey, towers: names }))
      })

    const requestSession = (policyKey: Policy.PolicyKey, { negotiator }: Source) =>
      FiberMap.run(
        requests,
        policyKey,
        Effect.map(negotiator.nextSession, (session) => inbox.offer(Report.SessionMade({ policyKey, session })))
      )

    /** Sessions that have bound something are tried again and again; of a tower that lost a session, the others are asked. */
    const contactDue: Effect.Effect<number, DbError> = Effect.gen(function* () {
      const now = yield* Monotonic.now
      const wall = yield* Clock.currentTimeMillis
      let next = Number.POSITIVE_INFINITY
      for (const entry of entries.values()) {
        if (entry.failingSince !== undefined) {
          const stalls = now + entry.failingSince + settings.moveAfter - wall
          if (stalls > now) next = Math.min(next, stalls)
          else if (!stalled.has(entry.session.keyIndex)) {
            // What it has bound is open for others from now on.
            stalled.add(entry.session.keyIndex)
            reopen()
          }
        } else stalled.delete(entry.session.keyIndex)
        if (entry.contact?.phase === "sending" && entry.contact.since + settings.silence > now) {
          next = Math.min(next, entry.contact.since + settings.silence)
        }
        if (entry.contact !== undefined || !(Entry.hasBound(entry) || entry.asksOnly)) continue
        if (entry.restsUntil > now) next = Math.min(next, entry.restsUntil)
        else yield* start(entry, now, false)
      }
      for (const [towerId, { after, due }] of audits) {
        if (due > now) {
          next = Math.min(next, due)
          continue
        }
        const [one] = yield* db.listAcked(towerId, { after, limit: 1 })
        if (one === undefined) {
          audits.delete(towerId)
          continue
        }
        audits.set(towerId, { due: now + auditInterval, after: one.session.keyIndex })
        next = Math.min(next, now + auditInterval)
        const known = entries.get(one.session.keyIndex)
        if (known?.contact !== undefined) continue
        yield* start(
          known === undefined
            ? { ...Entry.stored(one, now), asksOnly: true }
            : { ...known, question: Question.Where() },
          now,
          false
        )
      }
      return next
    })

    /** Looks at what may have changed. Answers when to look again at the latest. */
    const lookAround: Effect.Effect<number, DbError> = Effect.gen(function* () {
      let next = yield* contactDue
      const now = yield* Monotonic.now
      for (const policyKey of dirty) {
        dirty.delete(policyKey)
        next = Math.min(next, yield* Effect.tapError(look(policyKey), () => Effect.sync(() => dirty.add(policyKey))))
      }
      return Math.max(next, now)
    })

    for (;;) {
      const now = yield* Monotonic.now
      let next = retryAt
      if (now >= retryAt) {
        const looked = yield* Effect.either(isLoaded ? lookAround : Effect.zipRight(reload, lookAround))
        if (looked._tag === "Right") {
          isLoaded = true
          dbFailures = 0
          next = looked.right
        } else {
          const wait = doubled(firstRestMs, dbFailures, longestRestMs)
          dbFailures += 1
          retryAt = now + wait
          next = retryAt
          yield* tellDatabaseFailed(env, looked.left, wait)
        }
      }
      const reports = yield* inbox.takeWithin(Math.max(0, next - (yield* Monotonic.now)))
      // Time has passed: what was served may not be any more, and what rested may be tried.
      if (reports.length === 0) lookAtAll()
      for (const report of reports) yield* apply(report)
    }
  })

const isDbError = Schema.is(DbError)

/** Is it this side that could not do its part? */
const isOwn = (failure: ContactFailure | DbError): boolean => {
  switch (failure._tag) {
    case "UpdateRefused":
    case "WrongLastApplied":
    case "WindowTimeout":
      return false
    default:
      return Rules.defaults.judge(failure).blames === "none"
  }
}

/**
 * Stores how a contact ended. A write that fails makes a failed contact of it: the tower is asked again then, and says the same.
 */
const writeEnd = (
  { db, events }: Environment,
  { token }: Lease.Lease,
  session: ClientSession,
  end: ContactEnd
): Effect.Effect<ContactEnd> =>
  Effect.gen(function* () {
    const ref = refOf(session)
    const { keyIndex } = session
    switch (end._tag) {
      case "Terminal": {
        const { reopened } = yield* db.endSession(token, keyIndex, "terminal")
        events.emit(Happening.SessionTerminal({ ...ref, reason: end.reason, reopened }))
        return end
      }
      case "Lost": {
        const { lastApplied } = end
        const { lost, reopened } = yield* db.endSession(token, keyIndex, "lost")
        events.emit(Happening.SessionLost({ ...ref, lastApplied, reopened, lost }))
        return end
      }
      case "Failed":
      case "EndedEarly":
        yield* db.noteFailure(token, keyIndex, yield* Clock.currentTimeMillis)
        return end
      case "Refused":
      case "Done":
      case "Exhausted":
      case "Gone":
        return end
    }
  }).pipe(
    Effect.catchAll((error) =>
      Effect.succeed<ContactEnd>(
        error._tag === "NotSender" ? ContactEnd.Gone({ reason: error }) : ContactEnd.Failed({ failure: error })
      )
    )
  )
