/** The doctor over HTTP: what it finds is what `wtclient doctor` finds, few looks run at a time, and none runs for ever. */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as Http from "node:http"
import type * as Net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Schema, TestClock } from "effect"
import * as Doctor from "../../../src/layers/http/doctor.js"
import * as FixedKeyRing from "../../../src/layers/testing/FixedKeyRing.js"
import { DoctorReport } from "../../../src/schema/http/WatchtowerApi.js"
import { assertForm } from "../../cli/sentences.js"
import { stranger } from "../../cli/strangers.js"
import { newClient } from "../../cli/wtclient.js"
import { decoded, type Request, request, start, token } from "./service.js"

const service = Effect.map(start({ spare: 0 }), (one) => ({
  ...one,
  ask: (tower: unknown, given: Request & { readonly create?: boolean } = {}) =>
    request({ host: "127.0.0.1", port: one.port }, "/v1/doctor", { json: { tower, create: given.create }, ...given })
}))

/** Times differ from one look to the next. */
const normal = (report: DoctorReport) => JSON.stringify(report).replaceAll(/("millis":|after )\d+/g, "$10")

const towerAt = (address: string) => `${FixedKeyRing.publicKeyOf(1)}@${address}`

/** A server that takes what is sent and answers nothing, and the connections to it that are open. */
const silent = Effect.gen(function* () {
  const open = new Set<Net.Socket>()
  const address = yield* stranger((socket) => {
    open.add(socket.resume())
    socket.on("close", () => open.delete(socket))
  })
  const hangUp = () => {
    for (const socket of open) socket.destroy()
  }
  const has = (count: number) => Effect.repeat(Effect.yieldNow(), { until: () => open.size === count })
  return { tower: towerAt(address), hangUp, has }
})

describe("the doctor over HTTP", () => {
  it.scopedLive("finds what wtclient doctor finds, in the same words", () =>
    Effect.gen(function* () {
      const { ask, uri } = yield* service
      const { wtclient } = yield* newClient
      const parse = Schema.decodeUnknownSync(Schema.parseJson(DoctorReport))
      for (const [tower, fault] of [
        [uri, "none"],
        [uri.replace("127.0.0.1", "localhost"), "none"],
        [towerAt("127.0.0.1:1"), "Closed"],
        [uri.replace(/^\w+/, FixedKeyRing.publicKeyOf(1)), "WrongKey"],
        [towerAt(`${"a".repeat(16)}.onion`), "InvalidTowerAddress"]
      ] as const) {
        const answer = yield* ask(tower)
        const { stderr, stdout } = yield* wtclient("doctor", tower, "--json")
        if (answer.status !== 200) {
          assert.deepStrictEqual([answer.status, answer.body._tag], [400, fault])
          assert.include(stderr, String(answer.body.message))
          continue
        }
        const report = decoded(DoctorReport, answer)
        assert.strictEqual(report.fault, fault)
        assertForm(report.verdict)
        assert.strictEqual(normal(report), normal(parse(stdout)))
      }
    })
  )

  it.scopedLive("asks for a session of each policy of the service, and deletes it again, where that is asked for", () =>
    Effect.gen(function* () {
      const { ask, tower, uri } = yield* service
      const report = decoded(DoctorReport, yield* ask(uri, { create: true }))
      assert.deepStrictEqual(
        report.sessions.map(({ blobType, deleted, given }) => [blobType, given, deleted]),
        [2, 6, 10, 26].map((blobType) => [blobType, true, true])
      )
      assert.match(report.lines.at(-1) ?? "", /gave a session after \d+ ms, and deleted it again$/)
      assert.strictEqual((yield* tower.sessions).size, 0)
      assert.lengthOf(decoded(DoctorReport, yield* ask(uri)).sessions, 0)
    })
  )

  it.scopedLive("is asked by a program in Python", () =>
    Effect.gen(function* () {
      const { port, uri } = yield* service
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "doctor-"))),
        (made) => Effect.sync(() => fs.rmSync(made, { recursive: true }))
      )
      const tokenFile = path.join(folder, "token")
      fs.writeFileSync(tokenFile, `${token}\n`)
      const asked = (tower: string) =>
        Effect.async<{ readonly isWell: boolean; readonly said: string }>((resume) => {
          const words = ["examples/service.py", "doctor", tower, `http://127.0.0.1:${port}`, tokenFile]
          const child = execFile("python3", words, (error, said) =>
            resume(Effect.succeed({ isWell: error === null, said }))
          )
          return Effect.sync(() => void child.kill())
        })
      const well = yield* asked(uri)
      assert.isTrue(well.isWell)
      assert.match(
        well.said,
        /\nafter \d+ ms: connected\n(.*\n)*This is a tower of this chain, and its key is right\.\n$/
      )
      const ill = yield* asked(towerAt("127.0.0.1:1"))
      assert.isFalse(ill.isWell)
      assert.match(ill.said, /\nCannot connect to 127\.0\.0\.1:1: no program listens there\.\n$/)
    })
  )

  it.scopedLive("needs the token, and a tower in the form of its operator", () =>
    Effect.gen(function* () {
      const { ask, uri } = yield* service
      assert.strictEqual((yield* ask(uri, { token: undefined })).status, 401)
      for (const [tower, tag] of [
        ["zz", "InvalidTowerUri"],
        [uri.replace(/@.*/, "@:"), "InvalidTowerAddress"],
        [7, "HttpApiDecodeError"]
      ]) {
        const { body, status } = yield* ask(tower)
        assert.deepStrictEqual([status, body._tag], [400, tag])
      }
    })
  )

  it.scopedLive(
    `looks at ${Doctor.mostAtATime} towers at a time, refuses another one, and goes on when they are done`,
    () =>
      Effect.gen(function* () {
        const { ask, uri } = yield* service
        const { has, hangUp, tower } = yield* silent
        const looks = yield* Effect.forEach(Array.from({ length: Doctor.mostAtATime }), () => Effect.fork(ask(tower)))
        yield* has(Doctor.mostAtATime)
        const { body, status } = yield* ask(uri)
        assert.deepStrictEqual([status, body._tag, body.limit], [429, "DoctorBusy", Doctor.mostAtATime])
        assertForm(String(body.message))
        hangUp()
        for (const look of looks) assert.strictEqual((yield* Fiber.join(look)).body.fault, "WrongKey")
        assert.strictEqual((yield* ask(uri)).body.fault, "none")
      })
  )

  it.scopedLive("ends a look whose caller has gone, so that another one has its place", () =>
    Effect.gen(function* () {
      const { ask, port, uri } = yield* service
      const { has, tower } = yield* silent
      const body = JSON.stringify({ tower })
      const callers = Array.from({ length: Doctor.mostAtATime }, () => {
        const caller = Http.request({
          host: "127.0.0.1",
          port,
          path: "/v1/doctor",
          method: "POST",
          agent: false,
          headers: {
            authorization: `Bearer ${token}`,
            "content-type": "application/json",
            "content-length": body.length
          }
        })
        caller.on("error", () => {})
        caller.end(body)
        return caller
      })
      yield* has(Doctor.mostAtATime)
      for (const caller of callers) caller.destroy()
      yield* has(0)
      yield* Effect.repeat(ask(uri), { until: ({ status }) => status === 200 })
    })
  )

  it.effect("ends a look that takes too long", () =>
    Effect.gen(function* () {
      const limited = yield* Doctor.makeLimit
      const stopped = yield* Deferred.make<void>()
      const look = yield* Effect.fork(
        Effect.flip(limited(Effect.onInterrupt(Effect.never, () => Deferred.succeed(stopped, undefined))))
      )
      yield* TestClock.adjust(Doctor.longestSeconds * 1000 - 1)
      assert.isTrue(Option.isNone(yield* Fiber.poll(look)))
      yield* TestClock.adjust(1)
      const error = yield* Fiber.join(look)
      assert.deepInclude(error, { _tag: "DoctorTimeout", limit: Doctor.longestSeconds })
      assertForm(error.message)
      yield* Deferred.await(stopped)
      assert.strictEqual(yield* limited(Effect.succeed("free again")), "free again")
    })
  )
})
