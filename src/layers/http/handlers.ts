/**
 * The endpoints over the tower client and its database.
 *
 * @since 0.1.0
 */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Struct from "effect/Struct"
import { fromHex } from "../../internal/bytes.js"
import { CopiesLost, StateNotHandedIn } from "../../schema/BackupError.js"
import { usualPage } from "../../schema/http/page.js"
import { NotReady, type TowerReport, WatchtowerApi } from "../../schema/http/WatchtowerApi.js"
import * as Policy from "../../schema/Policy.js"
import { RevokedState, type Sign, SignError } from "../../schema/RevokedState.js"
import * as Standing from "../../schema/Standing.js"
import type { Tower } from "../../schema/Tower.js"
import * as TowerAddress from "../../schema/TowerAddress.js"
import * as TowerUri from "../../schema/TowerUri.js"
import { BackupDb } from "../../services/BackupDb.js"
import { ClientDb } from "../../services/ClientDb.js"
import { TowerCandidates } from "../../services/TowerCandidates.js"
import { TowerClient } from "../../services/TowerClient.js"
import { within } from "../concurrency/firstOf.js"
import { metricsText } from "./metricsText.js"
import { ServiceReport } from "./ServiceReport.js"

const ok = { status: "ok" } as const

/** Is the process alive, and does the database answer? @since 0.1.0 @category layers */
export const health = HttpApiBuilder.group(WatchtowerApi, "health", (handlers) =>
  Effect.gen(function* () {
    const client = yield* TowerClient
    const db = yield* ClientDb
    const alive = Effect.flatMap(client.status, ({ role }) =>
      role === "stopped" ? Effect.fail(new NotReady({ reason: "Stopped" })) : Effect.succeed(ok)
    )
    const answers = Effect.mapError(db.listTowers, () => new NotReady({ reason: "Database" }))
    return handlers
      .handle("alive", () => alive)
      .handle("ready", () => Effect.zipLeft(alive, answers))
      .handle("metrics", () => Effect.sync(metricsText))
  })
)

/** @since 0.1.0 @category layers */
export const status = HttpApiBuilder.group(WatchtowerApi, "status", (handlers) =>
  Effect.map(ServiceReport, ({ status }) => handlers.handle("get", () => status))
)

/** How towers stand for each policy of the client. */
const reporter = Effect.gen(function* () {
  const { negotiators } = yield* TowerClient
  const db = yield* ClientDb
  return Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const policies = yield* Effect.forEach(negotiators, ({ policy, readinessOf }) => {
      const policyKey = Policy.keyOf(policy)
      return Effect.map(db.loadStandings(policy.blobType, policyKey), (standings) => (tower: Tower) => {
        const standing = standings.get(tower.id) ?? Standing.initial
        return { blobType: policy.blobType, policyKey, readiness: readinessOf(tower, standing, now), standing }
      })
    })
    return (tower: Tower): TowerReport => ({ tower, standings: policies.map((standingOf) => standingOf(tower)) })
  })
})

/** @since 0.1.0 @category layers */
export const towers = HttpApiBuilder.group(WatchtowerApi, "towers", (handlers) =>
  Effect.gen(function* () {
    const client = yield* TowerClient
    const candidates = yield* TowerCandidates
    const db = yield* ClientDb
    const reports = yield* reporter
    const find = (publicKey: string) => Effect.flatMap(TowerUri.parsePublicKey(publicKey), db.loadTower)
    return handlers
      .handle("list", () => Effect.zipWith(db.listTowers, reports, (all, report) => all.map(report)))
      .handle("one", ({ path }) => Effect.zipWith(find(path.publicKey), reports, (tower, report) => report(tower)))
      .handle("add", ({ payload }) =>
        Effect.flatMap(TowerUri.parse(payload.tower), ({ address, publicKey }) => candidates.add(publicKey, address))
      )
      .handle("remove", ({ path, urlParams }) =>
        Effect.gen(function* () {
          const { publicKey } = yield* find(path.publicKey)
          const given = urlParams.address
          const address = given === undefined ? undefined : yield* TowerAddress.parse(given)
          yield* candidates.remove(publicKey, address)
        })
      )
      .handle("deactivate", ({ path }) =>
        Effect.gen(function* () {
          const { publicKey } = yield* find(path.publicKey)
          yield* client.deactivateTower(publicKey)
          return yield* db.loadTower(publicKey)
        })
      )
  })
)

/** Where the next page begins: nowhere where this one is not full. */
const nextOf = <A, Key>(page: ReadonlyArray<A>, limit: number, keyOf: (one: A) => Key): { readonly next?: Key } => {
  const last = page.at(-1)
  return last === undefined || page.length < limit ? {} : { next: keyOf(last) }
}

/** @since 0.1.0 @category layers */
export const sessions = HttpApiBuilder.group(WatchtowerApi, "sessions", (handlers) =>
  Effect.gen(function* () {
    const client = yield* TowerClient
    const db = yield* ClientDb
    return handlers
      .handle("list", ({ urlParams }) => {
        const { limit = usualPage } = urlParams
        return Effect.map(db.listClientSessions({ ...urlParams, limit }), (sessions) => ({
          sessions,
          ...nextOf(sessions, limit, ({ keyIndex }) => keyIndex)
        }))
      })
      .handle("terminate", ({ path }) => client.terminateSession(path.id))
  })
)

/** @since 0.1.0 @category layers */
export const channels = HttpApiBuilder.group(WatchtowerApi, "channels", (handlers) =>
  Effect.map(TowerClient, (client) =>
    handlers
      .handle("list", ({ urlParams }) => {
        const { limit = usualPage } = urlParams
        return Effect.map(client.channels({ ...urlParams, limit }), (channels) => ({
          channels,
          ...nextOf(channels, limit, ({ channel }) => channel.id)
        }))
      })
      .handle("register", ({ payload }) =>
        Effect.zipRight(
          client.registerChannel(payload),
          // It was registered just now, and rows of channels are never deleted.
          Effect.catchTag(client.channel(payload.id), "ChannelNotRegistered", Effect.die)
        )
      )
      .handle("one", ({ path }) => client.channel(path.id))
      .handle("waiting", ({ path }) => client.waiting(path.id))
      .handle("close", ({ path }) => Effect.zipRight(client.closeChannel(path.id), client.channel(path.id)))
  )
)

/** A signer that has its signatures already. */
const signerOf =
  (signatures: { readonly toLocal: string; readonly toRemote?: string | undefined }): Sign =>
  ({ role }) => {
    const signature = signatures[role]
    return signature === undefined
      ? new SignError({ role, detail: `the request has no signatures.${role}` })
      : Effect.succeed(fromHex(signature))
  }

const late = { _tag: "Late" } as const
const isLate = (error: { readonly _tag: string }): error is typeof late => error === late

/** @since 0.1.0 @category layers */
export const backups = HttpApiBuilder.group(WatchtowerApi, "backups", (handlers) =>
  Effect.gen(function* () {
    const client = yield* TowerClient
    const db = yield* BackupDb
    return handlers
      .handle("digests", ({ payload }) => Effect.map(client.signRequests(payload), (digests) => ({ digests })))
      .handle("add", ({ payload: { signatures, ...fields } }) => {
        const state = new RevokedState(fields)
        return Effect.as(
          client.backupState(state, signerOf(signatures)),
          Struct.pick(state, "channelId", "commitHeight")
        )
      })
      .handle("progress", ({ path, urlParams: { wait = 0 } }) => {
        const { channelId, commitHeight } = path
        const copies = client.awaitBackup(channelId, commitHeight)
        return Effect.gen(function* () {
          if (wait > 0)
            yield* Effect.catchIf(
              within(copies, wait * 1000, () => late),
              isLate,
              () => Effect.void
            )
          const { isHandedIn, lost, missing } = yield* db.progress(channelId, commitHeight)
          if (!isHandedIn) return yield* new StateNotHandedIn({ channelId, commitHeight })
          if (lost > 0) return yield* new CopiesLost({ channelId, commitHeight, states: lost })
          return { channelId, commitHeight, missing }
        })
      })
  })
)
