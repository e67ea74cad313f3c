/**
 * The database of backups in memory, beside `MemoryClientDb`, over the same tables. Every operation is one synchronous step;
 * nothing survives the value.
 *
 * @since 0.1.0
 * @module
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ranges from "../../internal/ranges.js"
import {
  ChannelClosed,
  ChannelMismatch,
  ChannelNotRegistered,
  NotSender,
  OtherTransaction,
  SessionEnded,
  SessionNotFound
} from "../../schema/BackupError.js"
import type { ChannelId } from "../../schema/Channel.js"
import { ClientSession, type SessionEnd } from "../../schema/ClientSession.js"
import type { Instant, KeyIndex, TowerId } from "../../schema/Ids.js"
import * as Policy from "../../schema/Policy.js"
import {
  BackupId,
  BoundUpdate,
  type Ended,
  type SenderToken,
  type SendingSession,
  senderLeaseMs
} from "../../schema/StoredBackup.js"
import { BackupDb } from "../../services/BackupDb.js"
import { ClientDb } from "../../services/ClientDb.js"
import * as MemoryClientDb from "./MemoryClientDb.js"
import {
  type ChannelRow,
  isComplete,
  type Kept,
  lostRanges,
  missingRanges,
  only,
  recordOf,
  summaryOf
} from "./memoryChannels.js"
import { hasEnded, isTowerInUse, newTables, placeAfter, type SessionRow, type Tables } from "./memoryTables.js"

/** Which sessions are stalled. */
type Stalling = Pick<BackupDb.NeedQuery, "route" | "stalledSince">

/** Made of values that were checked. */
const unchecked = { disableValidation: true }

/** Over tables that a client's database shares. @since 0.1.0 @category constructors */
export const makeOver = ({ byKeyIndex, sessions, towers }: Tables): BackupDb.Service => {
  const channels = new Map<ChannelId, ChannelRow>()
  /** The kept backups of a policy, in the order of their ids. */
  const kept = new Map<Policy.PolicyKey, Array<Kept>>()
  /** What each session has bound, in the order of the numbers. */
  const bound = new Map<SessionRow, Array<Kept>>()
  let lastId = 0
  /** How many sessions were given up or lost. */
  let ended = 0
  let lease: { readonly token: SenderToken; readonly since: Instant } | undefined

  const keptOf = (policyKey: Policy.PolicyKey): Array<Kept> => {
    const found = kept.get(policyKey) ?? []
    kept.set(policyKey, found)
    return found
  }
  const boundTo = (row: SessionRow): Array<Kept> => {
    const found = bound.get(row) ?? []
    bound.set(row, found)
    return found
  }
  const isActive = ({ session }: SessionRow) => session.status === "active" && isTowerInUse(towers.get(session.towerId))
  const isStalled = (row: SessionRow, { route, stalledSince }: Stalling) =>
    !isActive(row) || row.route !== route || (row.failingSince ?? Number.POSITIVE_INFINITY) <= stalledSince

  /** Have fewer towers a copy, or are about to, than it needs copies? */
  const needsTower = ({ backup, updates }: Kept, stalling: Stalling): boolean => {
    if (updates.size < backup.copies) return true
    const holders: Array<TowerId> = []
    for (const [row, { isAcked }] of updates) {
      const { towerId } = row.session
      if ((isAcked || !isStalled(row, stalling)) && !holders.includes(towerId)) holders.push(towerId)
    }
    return holders.length < backup.copies
  }
  const isAt = ({ updates }: Kept, towerId: TowerId): boolean => {
    for (const [row, { isAcked }] of updates) {
      if (row.session.towerId === towerId && (isAcked || isActive(row))) return true
    }
    return false
  }

  const after = (list: ReadonlyArray<Kept>, id: number): number => placeAfter(list, (one) => one.id, id)
  /** The first `limit` states after that one of which this holds, oldest first. */
  const firstOf = (
    policyKey: Policy.PolicyKey,
    from: number,
    limit: number,
    holds: (one: Kept) => boolean
  ): ReadonlyArray<Kept> => {
    const list = kept.get(policyKey) ?? []
    const found: Array<Kept> = []
    for (let at = after(list, from); at < list.length && found.length < limit; at += 1) {
      const one = list[at]
      if (one !== undefined && holds(one)) found.push(one)
    }
    return found
  }

  /** A state that has its copies, and that nothing binds, is not kept any more. Answers whether it was such a one. */
  const settle = (one: Kept): boolean => {
    if (!isComplete(one)) return false
    const { channelId, commitHeight, policyKey } = one.backup
    const updates = [...one.updates]
    if (updates.some(([, { isAcked }]) => !isAcked)) return false
    const list = keptOf(policyKey)
    list.splice(after(list, one.id) - 1, 1)
    const channel = channels.get(channelId)
    channel?.kept.delete(commitHeight)
    for (const [row] of updates) {
      channel?.acked.set(row, Ranges.union([...(channel.acked.get(row) ?? []), only(commitHeight)]))
    }
    return true
  }

  const registered = (id: ChannelId): Effect.Effect<ChannelRow, ChannelNotRegistered> => {
    const channel = channels.get(id)
    return channel === undefined ? Effect.fail(new ChannelNotRegistered({ channelId: id })) : Effect.succeed(channel)
  }
  const openChannel = (id: ChannelId): Effect.Effect<ChannelRow, ChannelNotRegistered | ChannelClosed> =>
    Effect.filterOrFail(
      registered(id),
      ({ isClosed }) => !isClosed,
      () => new ChannelClosed({ channelId: id })
    )

  const asSender = <A, E>(token: SenderToken, run: () => Effect.Effect<A, E>): Effect.Effect<A, E | NotSender> =>
    Effect.suspend((): Effect.Effect<A, E | NotSender> => (lease?.token === token ? run() : new NotSender()))
  const rowOf = (keyIndex: KeyIndex): SessionRow | undefined => {
    const row = byKeyIndex[placeAfter(byKeyIndex, ({ session }) => session.keyIndex, keyIndex) - 1]
    return row?.session.keyIndex === keyIndex ? row : undefined
  }

  const pageOf = <A, Key extends string | number>(
    all: Iterable<A>,
    keyOf: (item: A) => Key,
    { after: from, limit = 100 }: BackupDb.Page<Key> = {}
  ): ReadonlyArray<A> => [...all].filter((item) => from === undefined || keyOf(item) > from).slice(0, limit)
  const asSending = ({ failingSince, refusals, route, session }: SessionRow): SendingSession => {
    return { session, route, failingSince, refusals }
  }

  const ack = (row: SessionRow, upTo: number): void => {
    const { seqNum, towerLastApplied } = row.session
    const confirmed = boundTo(row).splice(0, Math.max(0, Math.min(upTo, seqNum) - towerLastApplied))
    if (confirmed.length === 0) return
    const session = new ClientSession(
      { ...row.session, towerLastApplied: towerLastApplied + confirmed.length },
      unchecked
    )
    row.session = session
    if (session.seqNum === session.towerLastApplied) row.failingSince = undefined
    for (const one of confirmed) {
      one.updates.set(row, { isAcked: true })
      settle(one)
    }
  }

  const bind = (row: SessionRow, request: BackupDb.WindowRequest) => {
    const { after: from, limit } = request
    const { policy, seqNum, towerId } = row.session
    const most = Math.min(limit, policy.maxUpdates - seqNum)
    const isOpen = (one: Kept) => !isAt(one, towerId) && needsTower(one, request)
    const chosen = firstOf(Policy.keyOf(policy), from ?? 0, most, isOpen)
    if (chosen.length === 0) return
    for (const one of chosen) one.updates.set(row, { isAcked: false })
    boundTo(row).push(...chosen)
    row.session = new ClientSession({ ...row.session, seqNum: seqNum + chosen.length }, unchecked)
  }

  const end = (row: SessionRow, how: SessionEnd): Ended => {
    const { status } = row.session
    if (status === "lost" || status === how) return { reopened: 0, lost: 0 }
    if (!hasEnded(row)) ended += 1
    row.session = new ClientSession({ ...row.session, status: how }, unchecked)
    row.failingSince = undefined
    const touched = new Set(boundTo(row).splice(0))
    for (const one of touched) one.updates.delete(row)
    let lost = 0
    if (how === "lost") {
      for (const list of kept.values()) {
        for (const one of list) if (one.updates.delete(row)) touched.add(one)
      }
      for (const channel of channels.values()) lost += Ranges.count(channel.acked.get(row) ?? [])
    }
    const reopened = [...touched].filter((one) => !settle(one)).length
    return { reopened, lost }
  }

  return {
    registerChannel: (channel) =>
      Effect.suspend((): Effect.Effect<void, ChannelMismatch | ChannelClosed> => {
        const known = channels.get(channel.id)
        if (known === undefined) {
          channels.set(channel.id, { channel, isClosed: false, kept: new Map(), acked: new Map(), ineligible: [] })
          return Effect.void
        }
        for (const field of ["type", "sweepPkScript"] as const) {
          if (known.channel[field] !== channel[field]) return new ChannelMismatch({ channelId: channel.id, field })
        }
        return known.isClosed ? new ChannelClosed({ channelId: channel.id }) : Effect.void
      }),
    closeChannel: (id) =>
      Effect.map(
        Effect.suspend(() => registered(id)),
        (channel) => {
          channel.isClosed = true
        }
      ),
    loadChannel: (id) =>
      Effect.map(
        Effect.suspend(() => registered(id)),
        ({ channel, isClosed }) => ({ channel, isClosed })
      ),
    listChannels: (page) =>
      Effect.sync(() => {
        const sorted = [...channels.values()].sort((one, other) => (one.channel.id < other.channel.id ? -1 : 1))
        return pageOf(sorted, ({ channel }) => channel.id, page).map(summaryOf)
      }),
    summarize: (id) =>
      Effect.map(
        Effect.suspend(() => registered(id)),
        summaryOf
      ),
    findState: (id, height) => Effect.sync(() => recordOf(channels.get(id), height)),
    loadState: (id, height) =>
      Effect.map(
        Effect.suspend(() => registered(id)),
        (found) => ({ channel: found.channel, isClosed: found.isClosed, record: recordOf(found, height) })
      ),

    addBackup: (backup) =>
      Effect.suspend(() =>
        Effect.flatMap(openChannel(backup.channelId), (channel): Effect.Effect<void, OtherTransaction> => {
          const { channelId, commitHeight, hint } = backup
          const record = recordOf(channel, commitHeight)
          if (record._tag === "Complete") return Effect.void
          if (record._tag === "Kept") {
            return record.hint === hint ? Effect.void : new OtherTransaction({ channelId, commitHeight })
          }
          lastId += 1
          const one: Kept = { id: BackupId.make(lastId), backup, updates: new Map() }
          // Copies that it has count again; those that were lost are not mentioned any more.
          for (const [row, ranges] of channel.acked) {
            if (!Ranges.has(ranges, commitHeight)) continue
            channel.acked.set(row, Ranges.difference(ranges, [only(commitHeight)]))
            if (row.session.status !== "lost") one.updates.set(row, { isAcked: true })
          }
          channel.ineligible = Ranges.difference(channel.ineligible, [only(commitHeight)])
          channel.kept.set(commitHeight, one)
          keptOf(backup.policyKey).push(one)
          settle(one)
          return Effect.void
        })
      ),
    addIneligible: (id, height) =>
      Effect.map(
        Effect.suspend(() => openChannel(id)),
        (channel) => {
          if (recordOf(channel, height)._tag !== "Unknown") return
          channel.ineligible = Ranges.union([...channel.ineligible, only(height)])
        }
      ),
    progress: (id, height) =>
      Effect.sync(() => {
        const channel = channels.get(id)
        if (channel === undefined) return { isHandedIn: false, missing: 0, lost: 0 }
        return {
          isHandedIn: recordOf(channel, height)._tag !== "Unknown",
          missing: Ranges.count(Ranges.upTo(missingRanges(channel), height)),
          lost: Ranges.count(Ranges.upTo(lostRanges(channel), height))
        }
      }),

    takeSenderLease: (token) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        // One that begins in the future was taken before the clock was set back: it begins now.
        if (lease !== undefined && lease.since > now) lease = { ...lease, since: now }
        if (lease === undefined || lease.token === token || lease.since + senderLeaseMs <= now) {
          lease = { token, since: now }
        }
        return lease.token === token
      }),
    renewSenderLease: (token) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (lease?.token !== token) return false
        lease = { token, since: now }
        return true
      }),
    dropSenderLease: (token) =>
      Effect.sync(() => {
        if (lease?.token === token) lease = undefined
      }),

    backlog: Effect.sync(() =>
      [...kept].flatMap(([policyKey, { length }]) => (length === 0 ? [] : [{ policyKey, states: length }]))
    ),
    missing: (id) =>
      Effect.sync(() => {
        const counts = new Map<Policy.PolicyKey, number>()
        for (const one of channels.get(id)?.kept.values() ?? []) {
          const { policyKey } = one.backup
          if (!isComplete(one)) counts.set(policyKey, (counts.get(policyKey) ?? 0) + 1)
        }
        return [...counts]
          .map(([policyKey, states]) => ({ policyKey, states }))
          .sort((a, b) => (a.policyKey < b.policyKey ? -1 : 1))
      }),
    endedSessions: Effect.sync(() => ended),
    listSending: (route, page) =>
      Effect.sync(() =>
        pageOf(
          byKeyIndex.filter(
            (row) =>
              isActive(row) && row.route === route && row.session.towerLastApplied < row.session.policy.maxUpdates
          ),
          ({ session }) => session.keyIndex,
          page
        ).map(asSending)
      ),
    listAcked: (towerId, route, page) =>
      Effect.sync(() =>
        pageOf(
          byKeyIndex.filter(
            (row) =>
              row.route === route &&
              row.session.towerId === towerId &&
              row.session.status !== "lost" &&
              row.session.towerLastApplied > 0
          ),
          ({ session }) => session.keyIndex,
          page
        ).map(asSending)
      ),
    towerNeeds: (query) =>
      Effect.sync(() => {
        const { policyKey, serving, towers: asked } = query
        /** Which states no serving tower could take: the same for all towers that are asked. */
        const wanted = new Map<Kept, boolean>()
        const isWanted = (one: Kept): boolean => {
          const known = wanted.get(one)
          if (known !== undefined) return known
          const found = needsTower(one, query) && serving.every((other) => isAt(one, other))
          wanted.set(one, found)
          return found
        }
        return asked.map(({ after: from, towerId }) => {
          const [one] = firstOf(policyKey, from ?? 0, 1, (one) => isWanted(one) && !isAt(one, towerId))
          const upTo = one === undefined ? lastId : one.id - 1
          return {
            towerId,
            first: one?.id,
            after: serving.length > 0 ? from : upTo > 0 ? BackupId.make(upTo, unchecked) : undefined
          }
        })
      }),
    nextWindow: (token, keyIndex, request) =>
      asSender(token, (): Effect.Effect<ReadonlyArray<BoundUpdate>, SessionEnded> => {
        const row = rowOf(keyIndex)
        if (row === undefined) return Effect.dieMessage(`no session has key index ${keyIndex}`)
        if (!isActive(row)) return new SessionEnded({ id: row.session.id })
        ack(row, request.acked)
        if (boundTo(row).length === 0) bind(row, request)
        const { towerLastApplied } = row.session
        return Effect.succeed(
          boundTo(row).map(
            ({ backup: { channelId, commitHeight, encryptedBlob, hint }, id }, at) =>
              new BoundUpdate(
                { seqNum: towerLastApplied + at + 1, backupId: id, channelId, commitHeight, hint, encryptedBlob },
                unchecked
              )
          )
        )
      }),
    endSession: (token, keyIndex, how) =>
      asSender(token, () => {
        const row = rowOf(keyIndex)
        return Effect.succeed(row === undefined ? { reopened: 0, lost: 0 } : end(row, how))
      }),
    noteFailure: (token, keyIndex, now) =>
      asSender(token, () =>
        Effect.sync(() => {
          const row = rowOf(keyIndex)
          if (row !== undefined && boundTo(row).length > 0) row.failingSince = Math.min(row.failingSince ?? now, now)
        })
      ),
    noteRefusal: (token, keyIndex) =>
      asSender(token, () =>
        Effect.sync(() => {
          const row = rowOf(keyIndex)
          if (row === undefined) return 0
          row.refusals += 1
          return row.refusals
        })
      ),
    terminateSession: (id) =>
      Effect.suspend(() => {
        const row = sessions.get(id)
        return row === undefined ? new SessionNotFound({ id }) : Effect.succeed(end(row, "terminal"))
      })
  }
}

/** Both databases in memory, over the same tables, new for each build. @since 0.1.0 @category layers */
export const layer = (options?: MemoryClientDb.Options): Layer.Layer<BackupDb | ClientDb> =>
  Layer.effectContext(
    Effect.suspend(() => {
      const tables = newTables()
      return Effect.map(MemoryClientDb.makeOver(tables, options), (clientDb) =>
        Context.make(ClientDb, clientDb).pipe(Context.add(BackupDb, makeOver(tables)))
      )
    })
  )
