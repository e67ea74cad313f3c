/** The HTTP interface over real sockets: each endpoint, and each refusal. */
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Schema } from "effect"
import { toHex } from "../../../src/internal/bytes.js"
import * as RevokedStates from "../../../src/layers/testing/RevokedStates.js"
import {
  ChannelPage,
  Digests,
  ServiceStatus,
  SessionPage,
  TowerReport
} from "../../../src/schema/http/WatchtowerApi.js"
import { TowerId } from "../../../src/schema/Ids.js"
import { RevokedState } from "../../../src/schema/RevokedState.js"
import { Tower } from "../../../src/schema/Tower.js"
import { WaitingStates } from "../../../src/schema/TowerClientStatus.js"
import { chain, decoded, type Request, request, start, token } from "./service.js"

const service = Effect.map(start(), (one) => ({
  ...one,
  ask: (path: string, given?: Request) => request({ host: "127.0.0.1", port: one.port }, path, given)
}))

const unknownKey = `02${"11".repeat(32)}`
const otherKey = "02e3a49ca85475ef3c398274448996c452afd13010fd18142e8db008468ebc6a2e"

describe("a request", () => {
  it.scopedLive("without the token, or with another one, is answered 401 and a sentence", () =>
    Effect.gen(function* () {
      const { ask } = yield* service
      const wrong = [undefined, "", token.slice(1), `${token}0`, "00".repeat(32)]
      for (const one of wrong) {
        const { body, status } = yield* ask("/v1/status", { token: one })
        assert.strictEqual(status, 401, one)
        assert.strictEqual(body._tag, "Unauthorized")
        assert.match(String(body.message), /^The request has no valid token\. .*\.$/)
      }
      const basic = yield* ask("/v1/status", { token: undefined, headers: { authorization: `Basic ${token}` } })
      assert.strictEqual(basic.status, 401)
      const right = yield* ask("/v1/status", { token: undefined, headers: { authorization: `bearer ${token}` } })
      assert.strictEqual(right.status, 200)
    })
  )

  it.scopedLive("with another Host or Origin is answered 403, whatever it asks for", () =>
    Effect.gen(function* () {
      const { ask, port } = yield* service
      for (const path of ["/v1/status", "/healthz", "/openapi.json", "/nothing"]) {
        for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", "10.0.0.1"]) {
          const { body, status } = yield* ask(path, { headers: { host } })
          assert.deepStrictEqual([status, body._tag, body.header], [403, "ForeignRequest", "Host"], `${path} ${host}`)
        }
        for (const origin of ["http://evil.example", "null", `https://127.0.0.1:${port}`]) {
          const { body, status } = yield* ask(path, { headers: { origin } })
          assert.deepStrictEqual([status, body._tag, body.header], [403, "ForeignRequest", "Origin"], path)
        }
      }
      for (const host of ["localhost", `LOCALHOST:${port}`, "127.0.0.1", "[::1]:80"]) {
        assert.strictEqual((yield* ask("/v1/status", { headers: { host } })).status, 200)
      }
      const own = yield* ask("/v1/status", { headers: { origin: `http://127.0.0.1:${port}` } })
      assert.strictEqual(own.status, 200)
      assert.notProperty(own.headers, "access-control-allow-origin")
    })
  )

  it.scopedLive("with a body that is too large, or of no stated length, is answered 413", () =>
    Effect.gen(function* () {
      const { ask } = yield* service
      const large = yield* ask("/v1/towers", { text: JSON.stringify({ tower: "a".repeat(300_000) }) })
      assert.deepStrictEqual([large.status, large.body._tag, large.body.limit], [413, "BodyTooLarge", 262_144])
      const chunked = yield* ask("/v1/towers", {
        method: "POST",
        headers: { "transfer-encoding": "chunked", "content-type": "application/json" }
      })
      assert.deepStrictEqual([chunked.status, chunked.body._tag], [413, "BodyTooLarge"])
    })
  )

  it.scopedLive("that is not JSON, or has a wrong type in it, is answered 400 and which field is wrong", () =>
    Effect.gen(function* () {
      const { ask } = yield* service
      for (const text of ["{", "tower", '{"tower":']) {
        const { body, status } = yield* ask("/v1/towers", { text, method: "POST" })
        assert.deepStrictEqual([status, body._tag], [400, "HttpApiDecodeError"], text)
        assert.strictEqual(body.message, "The body cannot be read: it is not JSON, or it ends too early.")
      }
      const wrongType = yield* ask("/v1/towers", { json: { tower: 7 } })
      assert.deepStrictEqual([wrongType.status, wrongType.body._tag], [400, "HttpApiDecodeError"])
      assert.match(String(wrongType.body.message), /^The request is not valid\. tower: Expected string, actual 7$/)
      for (const type of ["application/x-www-form-urlencoded", "text/plain", "application/jsonp"]) {
        const form = yield* ask("/v1/towers", { text: "{}", headers: { "content-type": type } })
        assert.deepStrictEqual([form.status, form.body._tag], [415, "BodyNotJson"], type)
      }
      const utf8 = { "content-type": "Application/JSON; charset=utf-8" }
      assert.strictEqual((yield* ask("/v1/towers", { text: "{}", headers: utf8 })).status, 400)
      const limit = yield* ask("/v1/sessions?limit=0")
      assert.deepStrictEqual([limit.status, limit.body._tag], [400, "HttpApiDecodeError"])
    })
  )

  it.scopedLive("to a path or with a method that is not there is answered 404 and where the list is", () =>
    Effect.gen(function* () {
      const { ask } = yield* service
      const { body, status } = yield* ask("/v1/nothing?a=b")
      assert.deepStrictEqual([status, body._tag], [404, "EndpointNotFound"])
      assert.strictEqual(body.message, "There is no GET /v1/nothing. /openapi.json lists what there is.")
      assert.strictEqual((yield* ask("/v1/status", { method: "PATCH" })).body._tag, "EndpointNotFound")
    })
  )

  it.scopedLive("for health, the metrics and the description needs no token", () =>
    Effect.gen(function* () {
      const { ask } = yield* service
      for (const path of ["/healthz", "/readyz"]) {
        const { body, status } = yield* ask(path, { token: undefined })
        assert.deepStrictEqual([status, body], [200, { status: "ok" }])
      }
      assert.strictEqual((yield* ask("/metrics", { token: undefined })).status, 200)
      const { body, headers, status } = yield* ask("/openapi.json", { token: undefined })
      assert.strictEqual(status, 200)
      assert.strictEqual(body.openapi, "3.1.0")
      assert.property(body.paths, "/v1/backups/digests")
      assert.deepInclude(headers, { "cache-control": "no-store", "x-content-type-options": "nosniff" })
    })
  )
})

describe("towers", () => {
  it.scopedLive("are added, listed, deactivated, added again and removed", () =>
    Effect.gen(function* () {
      const { ask, tower, uri } = yield* service
      const { publicKey } = tower.uri
      const list = Effect.map(ask("/v1/towers"), (answer) => decoded(Schema.Array(TowerReport), answer))
      const one = Effect.map(ask(`/v1/towers/${publicKey}`), (answer) => decoded(TowerReport, answer))
      assert.deepStrictEqual(yield* list, [])
      const added = yield* ask("/v1/towers", { json: { tower: uri } })
      assert.strictEqual(added.status, 201)
      assert.deepInclude(added.body, { id: 1, publicKey, addresses: [tower.uri.address], status: "active" })
      const listed = yield* list
      assert.deepStrictEqual(
        listed.map(({ tower }) => tower),
        [decoded(Tower, added)]
      )
      assert.deepStrictEqual(
        listed.flatMap(({ standings }) => standings.map(({ blobType, readiness }) => `${blobType} ${readiness._tag}`)),
        ["2 CanBeAsked", "6 CanBeAsked", "10 CanBeAsked", "26 CanBeAsked"]
      )
      assert.deepStrictEqual([yield* one], listed)
      const off = yield* ask(`/v1/towers/${publicKey}/deactivate`, { method: "POST" })
      assert.deepInclude(off.body, { id: 1, status: "inactive" })
      assert.strictEqual((yield* one).standings[0]?.readiness._tag, "IsDeactivated")
      assert.strictEqual((yield* ask("/v1/towers", { json: { tower: uri } })).body.status, "active")
      const last = yield* ask(`/v1/towers/${publicKey}?address=${tower.uri.address}`, { method: "DELETE" })
      assert.deepStrictEqual([last.status, last.body._tag], [409, "LastTowerAddr"])
      const gone = yield* ask(`/v1/towers/${publicKey}`, { method: "DELETE" })
      assert.deepStrictEqual([gone.status, gone.text], [204, ""])
      assert.deepStrictEqual(yield* list, [])
    })
  )

  it.scopedLive("that are unknown, or no towers at all, are refused by name", () =>
    Effect.gen(function* () {
      const { ask } = yield* service
      const cases: ReadonlyArray<readonly [string, Request, number, string]> = [
        [`/v1/towers/${otherKey}`, {}, 404, "TowerNotFound"],
        [`/v1/towers/${otherKey}`, { method: "DELETE" }, 404, "TowerNotFound"],
        [`/v1/towers/${otherKey}/deactivate`, { method: "POST" }, 404, "TowerNotFound"],
        ["/v1/towers/zz", {}, 400, "InvalidPublicKey"],
        [`/v1/towers/${unknownKey}`, {}, 400, "InvalidPublicKey"],
        ["/v1/towers", { json: { tower: "zz" } }, 400, "InvalidTowerUri"],
        ["/v1/towers", { json: { tower: `${otherKey}@` } }, 400, "InvalidTowerAddress"]
      ]
      for (const [path, given, status, tag] of cases) {
        const answer = yield* ask(path, given)
        assert.deepStrictEqual([answer.status, answer.body._tag], [status, tag], path)
        assert.match(String(answer.body.message), /^.{10,}[.?]/)
      }
    })
  )
})

const encodeState = Schema.encodeSync(RevokedState)

describe("a revoked state", () => {
  it.scopedLive("is handed in with public data, signed elsewhere, backed up, and punished", () =>
    Effect.gen(function* () {
      const { ask, tower, uri } = yield* service
      const { at, channel } = yield* RevokedStates.make({ chain, type: "anchors" })
      const { sign, state } = at(3)
      const json = encodeState(state)
      const unknown = yield* ask("/v1/backups/digests", { json })
      assert.deepStrictEqual([unknown.status, unknown.body._tag], [404, "ChannelNotRegistered"])

      const registered = yield* ask("/v1/channels", { json: { ...channel } })
      assert.strictEqual(registered.status, 201)
      assert.deepInclude(registered.body, { channel: { ...channel }, handedIn: 0, isClosed: false })
      const other = yield* ask("/v1/channels", { json: { ...channel, type: "taproot" } })
      assert.deepStrictEqual([other.status, other.body._tag], [409, "ChannelMismatch"])

      const { digests } = decoded(Digests, yield* ask("/v1/backups/digests", { json }))
      assert.deepStrictEqual(
        digests.map(({ input, role, scheme }) => [role, scheme, input]),
        [
          ["toLocal", "ecdsa", 1],
          ["toRemote", "ecdsa", 0]
        ]
      )
      const [listed] = decoded(ChannelPage, yield* ask("/v1/channels")).channels
      assert.strictEqual(listed?.handedIn, 0)

      const signatures: Record<string, string> = {}
      for (const digest of digests) signatures[digest.role] = toHex(yield* sign(digest))
      const one = yield* ask("/v1/backups", { json: { ...json, signatures: { toLocal: signatures.toLocal } } })
      assert.deepStrictEqual([one.status, one.body._tag, one.body.role], [422, "SignError", "toRemote"])
      const swapped = { toLocal: signatures.toRemote, toRemote: signatures.toLocal }
      const wrong = yield* ask("/v1/backups", { json: { ...json, signatures: swapped } })
      assert.deepStrictEqual([wrong.status, wrong.body._tag], [422, "InvalidRevokedState"])
      const der = yield* ask("/v1/backups", { json: { ...json, signatures: { toLocal: "3045" } } })
      assert.strictEqual(der.status, 400)
      assert.include(
        String(der.body.message),
        "signatures.toLocal: a signature is 128 lowercase hex digits: r and s, not DER"
      )

      const missing = yield* ask(`/v1/backups/${channel.id}/3`)
      assert.deepStrictEqual([missing.status, missing.body._tag], [404, "StateNotHandedIn"])
      const taken = yield* ask("/v1/backups", { json: { ...json, signatures } })
      assert.deepStrictEqual([taken.status, taken.body], [201, { channelId: channel.id, commitHeight: 3 }])
      const again = yield* ask("/v1/backups", { json: { ...json, signatures } })
      assert.strictEqual(again.status, 201)
      assert.deepStrictEqual((yield* ask(`/v1/backups/${channel.id}/3?wait=0.2`)).body, {
        channelId: channel.id,
        commitHeight: 3,
        missing: 1
      })

      const waiting = Effect.map(ask(`/v1/channels/${channel.id}/waiting`), (answer) =>
        decoded(Schema.Array(WaitingStates), answer)
      )
      const [why] = yield* waiting
      assert.strictEqual(why?.states, 1)
      assert.isNotEmpty(why?.reasons)

      yield* ask("/v1/towers", { json: { tower: uri } })
      assert.strictEqual((yield* ask(`/v1/backups/${channel.id}/3?wait=25`)).body.missing, 0)
      assert.deepInclude((yield* ask(`/v1/channels/${channel.id}`)).body, { handedIn: 1, complete: 1, missing: 0 })
      assert.deepStrictEqual(yield* waiting, [])
      const [justice] = yield* tower.breach(state.commitmentTransaction)
      assert.include(justice.transaction, channel.sweepPkScript)

      const page = decoded(SessionPage, yield* ask("/v1/sessions?status=active&blobType=6&limit=1"))
      const [session] = page.sessions
      assert.deepStrictEqual([session?.towerId, session?.seqNum, session?.status], [TowerId.make(1), 1, "active"])
      assert.strictEqual(page.next, session?.keyIndex)
      assert.deepStrictEqual((yield* ask(`/v1/sessions?after=${page.next}`)).body, { sessions: [] })
      const ended = yield* ask(`/v1/sessions/${session?.id}/terminate`, { method: "POST" })
      assert.deepStrictEqual([ended.status, ended.body], [200, { reopened: 0, lost: 0 }])
      const none = yield* ask(`/v1/sessions/${otherKey}/terminate`, { method: "POST" })
      assert.deepStrictEqual([none.status, none.body._tag], [404, "SessionNotFound"])

      const closed = yield* ask(`/v1/channels/${channel.id}/close`, { method: "POST" })
      assert.deepInclude(closed.body, { isClosed: true })
      const late = yield* ask("/v1/backups/digests", { json: encodeState(at(4).state) })
      assert.deepStrictEqual([late.status, late.body._tag], [409, "ChannelClosed"])
    })
  )

  it.scopedLive("that no tower can punish is said to be so when the digests are asked for", () =>
    Effect.gen(function* () {
      const { ask } = yield* service
      const { at, channel } = yield* RevokedStates.make({ chain, type: "anchors" })
      yield* ask("/v1/channels", { json: { ...channel } })
      const json = { ...encodeState(at(1).state), csvDelay: 9 }
      const { body, status } = yield* ask("/v1/backups/digests", { json })
      assert.deepStrictEqual([status, body._tag, body.reason], [422, "Ineligible", { _tag: "NoToLocal" }])
      assert.match(String(body.message), /cannot be punished by a tower: .*\.$/)
      assert.deepInclude((yield* ask(`/v1/channels/${channel.id}`)).body, { handedIn: 1, ineligible: 1 })
      const lease = yield* ask("/v1/channels", {
        json: { ...channel, id: "ab".repeat(32), type: "scriptEnforcedLease" }
      })
      assert.deepStrictEqual([lease.status, lease.body._tag], [422, "Ineligible"])
    })
  )
})

/** The text of the event stream: `until` comes back when what has come so far is enough. */
const readEvents = (port: number) =>
  Effect.gen(function* () {
    let text = ""
    const chunks = yield* Queue.unbounded<void>()
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const socket = Net.connect({ host: "127.0.0.1", port })
        socket.write(`GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`)
        socket.on("data", (chunk) => {
          text += chunk.toString()
          Queue.unsafeOffer(chunks, undefined)
        })
        return socket
      }),
      (socket) => Effect.sync(() => socket.destroy())
    )
    const until = (...parts: ReadonlyArray<string>): Effect.Effect<string> =>
      Effect.suspend(() =>
        parts.every((part) => text.includes(part))
          ? Effect.succeed(text)
          : Effect.zipRight(Queue.take(chunks), until(...parts))
      )
    yield* until("event: Status")
    return { until }
  })

describe("the event stream", () => {
  it.scopedLive("begins with the status, and says what the negotiator and the client do", () =>
    Effect.gen(function* () {
      const one = yield* start({ spare: 1 })
      const at = { host: "127.0.0.1", port: one.port }
      const { until } = yield* readEvents(one.port)
      yield* request(at, "/v1/towers", { json: { tower: one.uri } })
      const text = yield* until("SessionStored", "SessionTaken")
      assert.match(text, /content-type: text\/event-stream/i)
      assert.match(text, /retry: 1000\n\n/)
      const data = [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, name, json = ""]) => {
        const { _tag } = JSON.parse(json)
        assert.strictEqual(name, _tag)
        return _tag
      })
      assert.strictEqual(data[0], "Status")
      assert.includeMembers(data, ["Client", "Negotiator"])
      const status = decoded(ServiceStatus, yield* request(at, "/v1/status"))
      assert.deepInclude(status, { version: "1.2.3", chain: "bitcoin", network: "regtest" })
      assert.strictEqual(status.client.role, "sender")
      assert.deepStrictEqual(
        status.negotiators.map(({ policy, spare }) => [policy.blobType, spare]),
        [2, 6, 10, 26].map((blobType) => [blobType, 1])
      )
    })
  )
})

describe("the metrics", () => {
  it.scopedLive("are those of this library, with help, type and labels", () =>
    Effect.gen(function* () {
      const one = yield* start({ spare: 1 })
      const at = { host: "127.0.0.1", port: one.port }
      const { until } = yield* readEvents(one.port)
      yield* request(at, "/v1/towers", { json: { tower: one.uri } })
      // Each event is counted before or after it is read here; the first session is, when a second one is there.
      yield* until("SessionTaken", `"blobType":26`)
      const { headers, text } = yield* request(at, "/metrics", { token: undefined })
      assert.match(String(headers["content-type"]), /^text\/plain; version=0\.0\.4/)
      assert.match(
        text,
        /^# HELP watchtower_sessions_total Sessions stored\.\n# TYPE watchtower_sessions_total counter$/m
      )
      assert.match(text, /^watchtower_sessions_total\{blob_type="anchor"\} [1-9]\d*$/m)
      assert.match(text, /^watchtower_visit_duration_ms_bucket\{blob_type="anchor",le="\+Inf"\} [1-9]\d*$/m)
      assert.match(text, /^watchtower_sending 1$/m)
      for (const line of text.trimEnd().split("\n")) {
        assert.match(line, /^(# (HELP|TYPE) )?watchtower_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? .+$/)
      }
    })
  )
})
