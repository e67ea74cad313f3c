/** The typed client against a service, over TCP and over a unix socket. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Option, Redacted, Stream } from "effect"
import { WatchtowerClient } from "../../../src/api.js"
import { toHex } from "../../../src/internal/bytes.js"
import type { At } from "../../../src/layers/http/WatchtowerClient.js"
import * as RevokedStates from "../../../src/layers/testing/RevokedStates.js"
import { SessionId } from "../../../src/schema/Ids.js"
import * as TowerUri from "../../../src/schema/TowerUri.js"
import { chain, start, token } from "./service.js"

const clientOf = (at: At, given = token) =>
  Effect.map(Layer.build(WatchtowerClient.layer({ at, token: Redacted.make(given) })), (context) =>
    Context.get(context, WatchtowerClient.WatchtowerClient)
  )

const overTcp = Effect.map(start(), ({ port, uri }) => ({ at: `http://127.0.0.1:${port}` as At, uri }))

const overSocket = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "service-"))),
    (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
  )
  const socketPath = path.join(folder, "service.sock")
  const { uri } = yield* start({ listen: { path: socketPath } })
  const at: At = { socketPath }
  return { at, uri }
})

for (const [name, service] of [
  ["TCP", overTcp],
  ["a unix socket", overSocket]
] as const) {
  describe(`a client over ${name}`, () => {
    it.scopedLive("hands a state in, and hears of its copy", () =>
      Effect.gen(function* () {
        const { at, uri } = yield* service
        const { backups, channels, events, status, towers } = yield* clientOf(at)
        const begun = yield* Deferred.make<void>()
        const copy = yield* events.pipe(
          Stream.tap(({ _tag }) => (_tag === "Status" ? Deferred.succeed(begun, undefined) : Effect.void)),
          Stream.filter((one) => one._tag === "Client" && one.event.happening._tag === "CopyMade"),
          Stream.runHead,
          Effect.fork
        )
        yield* Deferred.await(begun)
        assert.strictEqual((yield* status.get()).network, "regtest")
        const tower = yield* towers.add({ payload: { tower: uri } })
        assert.strictEqual(`${tower.publicKey}@${tower.addresses[0]}`, uri)
        const { at: stateAt, channel } = yield* RevokedStates.make({ chain, type: "anchors" })
        yield* channels.register({ payload: channel })
        const { sign, state } = stateAt(1)
        const { digests } = yield* backups.digests({ payload: state })
        const [toLocal, toRemote] = yield* Effect.forEach(digests, (digest) => Effect.map(sign(digest), toHex))
        assert.isDefined(toLocal)
        yield* backups.add({ payload: { ...state, signatures: { toLocal: toLocal ?? "", toRemote } } })
        const progress = yield* backups.progress({
          path: { channelId: channel.id, commitHeight: state.commitHeight },
          urlParams: { wait: 20 }
        })
        assert.strictEqual(progress.missing, 0)
        assert.isTrue(Option.isSome(yield* Fiber.join(copy)))
      })
    )

    it.scopedLive("is told what a state waits for", () =>
      Effect.gen(function* () {
        const { at } = yield* service
        const { backups, channels, status } = yield* clientOf(at)
        yield* Effect.repeat(status.get(), { until: ({ client }) => client.role === "sender" })
        const { at: stateAt, channel } = yield* RevokedStates.make({ chain, type: "anchors" })
        yield* channels.register({ payload: channel })
        const path = { id: channel.id }
        assert.deepStrictEqual(yield* channels.waiting({ path }), [])
        const { sign, state } = stateAt(1)
        const { digests } = yield* backups.digests({ payload: state })
        const [toLocal = "", toRemote] = yield* Effect.forEach(digests, (digest) => Effect.map(sign(digest), toHex))
        yield* backups.add({ payload: { ...state, signatures: { toLocal, toRemote } } })
        const waiting = yield* channels.waiting({ path })
        assert.deepStrictEqual(
          waiting.map(({ reasons, states }) => [states, reasons.map(({ _tag }) => _tag)]),
          [[1, ["NoTower"]]]
        )
      })
    )

    it.scopedLive("is told what the doctor finds", () =>
      Effect.gen(function* () {
        const { at, uri } = yield* service
        const { doctor } = yield* clientOf(at)
        const { fault, tower } = yield* doctor.ask({ payload: { tower: uri } })
        assert.deepStrictEqual([fault, TowerUri.print(tower)], ["none", uri])
        const notATower = yield* Effect.flip(doctor.ask({ payload: { tower: "zz" } }))
        assert.strictEqual(notATower._tag, "InvalidTowerUri")
      })
    )

    it.scopedLive("gets the typed errors", () =>
      Effect.gen(function* () {
        const { at, uri } = yield* service
        const stranger = yield* clientOf(at, "00")
        const unauthorized = yield* Effect.flip(stranger.status.get())
        assert.strictEqual(unauthorized._tag, "Unauthorized")
        const { sessions, towers } = yield* clientOf(at)
        const id = SessionId.make(uri.slice(0, 66))
        const notFound = yield* Effect.flip(sessions.terminate({ path: { id } }))
        assert.deepStrictEqual([notFound._tag, notFound.message], ["SessionNotFound", `No session ${id} is stored.`])
        const notATower = yield* Effect.flip(towers.add({ payload: { tower: "zz" } }))
        assert.strictEqual(notATower._tag, "InvalidTowerUri")
      })
    )
  })
}
