/**
 * All that is public can be sent and shown: the encoded side of every schema is JSON, and values go through `JSON.stringify`,
 * every logger of Effect, and a real HttpApi.
 */
import { Console } from "node:console"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { Writable } from "node:stream"
import { setImmediate } from "node:timers/promises"
import {
  FetchHttpClient,
  HttpApi,
  HttpApiBuilder,
  HttpApiClient,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpServer
} from "@effect/platform"
import { afterEach, describe, expect, it } from "@effect/vitest"
import { Arbitrary, Effect, Either, FastCheck as fc, Layer, Logger, Schema } from "effect"
import { toHex } from "../../src/internal/bytes.js"
import { nobleCurve } from "../../src/internal/nobleCurve.js"
import * as Chain from "../../src/schema/Chain.js"
import { ClientSession } from "../../src/schema/ClientSession.js"
import { DatabaseBusy, DbError } from "../../src/schema/DbError.js"
import { HexBytes, KeyIndex, SessionId, TowerId } from "../../src/schema/Ids.js"
import {
  FailedAttempt,
  FailedNegotiation,
  NoTowerAddrs,
  NoTowerCandidates,
  PermanentTowerFailure
} from "../../src/schema/NegotiationError.js"
import { Happening, NegotiatorEvent } from "../../src/schema/NegotiatorEvent.js"
import { NegotiatorState, NegotiatorStatus } from "../../src/schema/NegotiatorStatus.js"
import * as Policy from "../../src/schema/Policy.js"
import * as TowerUri from "../../src/schema/TowerUri.js"
import { towerKey } from "../layers/negotiator/world.js"

const src = join(import.meta.dirname, "../../src")

/** Every module that can be imported from outside, by index.ts or by its path: so a new schema cannot be forgotten. */
const modules = await Promise.all(
  readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((file) => /^(schema|services|layers)\/.*\.ts$/.test(file) && !/^layers\/(sql|net|brontide)\//.test(file))
    .map(async (file): Promise<readonly [file: string, exports: object]> => [file, await import(join(src, file))])
)

type AnySchema = Schema.Schema<unknown, unknown>

// All schemas here stand on nothing: their context is empty, which a type guard cannot look at.
const isSchema = (value: unknown): value is AnySchema => Schema.isSchema(value)

const schemas = [
  ...new Map(
    modules.flatMap(([file, exports]) =>
      Object.entries(exports).flatMap(([name, value]) => (isSchema(value) ? [[value, `${file} ${name}`] as const] : []))
    )
  )
].map(([schema, name]) => ({ name, schema }))

const sink = new Console(new Writable({ write: (_chunk, _encoding, done) => done() }))

const everyLogger = Layer.mergeAll(
  Logger.replace(Logger.defaultLogger, Logger.prettyLogger({ colors: false, mode: "tty" })),
  Logger.add(Logger.stringLogger),
  Logger.add(Logger.logfmtLogger),
  Logger.add(Logger.structuredLogger),
  Logger.add(Logger.jsonLogger)
)

/** Logs a value in each place that it can have, under every logger; throws where one of them does. */
const log = (value: unknown) => {
  const logging = Effect.log("it", value).pipe(
    Effect.andThen(Effect.log(value)),
    Effect.annotateLogs({ value }),
    Effect.provide(everyLogger)
  )
  Effect.runSync(Effect.consoleWith((console) => Effect.withConsole(logging, { ...console, unsafe: sink })))
}

const tower = towerKey(1)

const session = new ClientSession({
  id: SessionId.make(towerKey(2)),
  towerId: TowerId.make(1),
  towerPublicKey: tower,
  keyIndex: KeyIndex.make(7),
  policy: Policy.defaults(Chain.bitcoinMainnet),
  rewardPkScript: HexBytes.make(""),
  seqNum: 0,
  towerLastApplied: 0,
  status: "active",
  createdAt: 1
})

/** A driver's error, as they come: with a socket that knows its error, and 64-bit numbers. */
const driverError = Object.assign(new Error("connection lost"), { bytes: 10n })
Object.assign(driverError, { client: { lastError: driverError } })

const failed = new FailedNegotiation({
  failures: [
    new FailedAttempt({
      towerId: TowerId.make(1),
      tower,
      failure: new PermanentTowerFailure({ reason: "RejectBlobType" })
    }),
    new FailedAttempt({ towerId: TowerId.make(1), tower, failure: new NoTowerAddrs() }),
    new FailedAttempt({
      towerId: TowerId.make(1),
      tower,
      failure: new DatabaseBusy({ operation: "x", cause: driverError })
    })
  ]
})

const values: ReadonlyArray<readonly [name: string, value: unknown]> = [
  ["a session", session],
  ["the policy of a session", session.policy],
  ["a policy", Policy.defaults(Chain.decredMainnet)],
  ["a chain", Chain.bitcoinMainnet],
  ["a failed negotiation with a driver's error", failed],
  ["an event with a session", { number: 1, at: 2, happening: Happening.SessionStored({ session }) }],
  ["an event with a driver's error", { number: 1, at: 2, happening: Happening.Stopped({ cause: driverError }) }],
  ["a status", { pending: 1, undelivered: 0, state: NegotiatorState.Stopped({ cause: driverError }) }]
]

describe("values", () => {
  it.each(values)("%s is text for JSON.stringify and every logger", (_, value) => {
    expect(JSON.parse(JSON.stringify(value))).toBeTypeOf("object")
    log(value)
  })

  it("a session is JSON with the fee rate as a decimal string", () => {
    expect(JSON.parse(JSON.stringify(session))).toMatchObject({ keyIndex: 7, policy: { sweepFeeRate: "2500" } })
    expect(JSON.parse(JSON.stringify(session))).toEqual(Schema.encodeSync(ClientSession)(session))
  })
})

/** Of the towers in text only those are read whose key is on the curve, and whose address is in its printed form. */
const uris = fc
  .tuple(
    fc.uint8Array({ minLength: 32, maxLength: 32 }).filter(nobleCurve.isSecret),
    fc.domain(),
    fc.integer({ min: 1, max: 65535 })
  )
  .map(([secret, host, port]) => TowerUri.parse(`${toHex(nobleCurve.publicKey(secret))}@${host}:${port}`))
  .filter(Either.isRight)
  .map(({ right }) => right)

const arbitraryOf = (schema: AnySchema): fc.Arbitrary<unknown> =>
  schema.ast === TowerUri.TowerUriFromString.ast ? uris : Arbitrary.make(schema)

describe("schemas", () => {
  // Between tests the worker answers vitest, which takes one that is silent for a minute for dead.
  afterEach(() => setImmediate())

  it("all are found", () => {
    expect(schemas.map(({ name }) => name)).toContain("schema/ClientSession.ts ClientSession")
    expect(schemas.length).toBeGreaterThan(80)
  })

  it.each(schemas)("$name goes through JSON and back", ({ schema }) => {
    const arbitrary = arbitraryOf(schema)
    const json = Schema.parseJson(schema)
    const encode = Schema.encodeSync(json)
    const decode = Schema.decodeSync(json)
    fc.assert(
      fc.property(arbitrary, (value) => {
        const text = encode(value)
        const back = decode(text)
        expect(encode(back)).toBe(text)
        // JSON.stringify of a bare bigint throws, whatever a schema says.
        if (typeof back !== "bigint") expect(JSON.stringify(back)).toBeTypeOf("string")
      }),
      { numRuns: 10 }
    )
    for (const value of fc.sample(arbitrary, 1)) log(value)
  })

  const withCause = schemas.filter(({ schema }) => "fields" in schema && Object.hasOwn(Object(schema.fields), "cause"))

  it.each(withCause)("$name shows a driver's error", ({ schema }) => {
    const [sample] = fc.sample(Arbitrary.make(schema), 1)
    const failure: unknown = Reflect.construct(Object(schema), [{ ...Object(sample), cause: driverError }])
    expect(JSON.parse(JSON.stringify(failure))).toMatchObject({
      message: expect.any(String),
      cause: { message: "connection lost" }
    })
    log(failure)
  })
})

describe("an HTTP API", () => {
  class Api extends HttpApi.make("api").add(
    HttpApiGroup.make("group")
      .add(
        HttpApiEndpoint.get("session", "/session/:tower")
          .setPath(Schema.Struct({ tower: TowerUri.TowerUriFromString }))
          .addSuccess(ClientSession)
          .addError(FailedNegotiation)
          .addError(NoTowerCandidates)
      )
      .add(HttpApiEndpoint.get("status", "/status").addSuccess(NegotiatorStatus).addError(DbError))
      .add(HttpApiEndpoint.get("events", "/events").addSuccess(Schema.Array(NegotiatorEvent)))
  ) {}

  const events = [
    { number: 1, at: 2, happening: Happening.SessionStored({ session }) },
    { number: 2, at: 3, happening: Happening.Stopped({ cause: driverError }) }
  ]

  /** A typed client of a server in memory. */
  const client = (answers: {
    readonly session: Effect.Effect<ClientSession, FailedNegotiation | NoTowerCandidates>
    readonly status: Effect.Effect<NegotiatorStatus, DbError>
  }) => {
    const asked: Array<TowerUri.TowerUri> = []
    const group = HttpApiBuilder.group(Api, "group", (handlers) =>
      handlers
        .handle("session", ({ path }) =>
          Effect.andThen(
            Effect.sync(() => asked.push(path.tower)),
            answers.session
          )
        )
        .handle("status", () => answers.status)
        .handle("events", () => Effect.succeed(events))
    )
    const { handler } = HttpApiBuilder.toWebHandler(
      Layer.mergeAll(Layer.provide(HttpApiBuilder.api(Api), group), HttpServer.layerContext)
    )
    const statuses: Array<number> = []
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await handler(new Request(input, init))
      statuses.push(response.status)
      return response
    }
    return HttpApiClient.make(Api, { baseUrl: "http://watchtower.test" }).pipe(
      Effect.map(({ group }) => ({ ...group, asked, statuses })),
      Effect.provide(FetchHttpClient.layer),
      Effect.provideService(FetchHttpClient.Fetch, fetch)
    )
  }

  const uri = Either.getOrThrow(
    TowerUri.parse("03c78286d0bfe0b23377e347d7d963943c4f575dddd57e2f1d52a5be1eb7f625a4@tower.example")
  )

  it.effect("answers a session, a status and events, and its typed client reads them", () =>
    Effect.gen(function* () {
      const status: NegotiatorStatus = {
        pending: 1,
        undelivered: 0,
        state: NegotiatorState.BackingOff({ until: 5, attempt: 1, failures: failed.failures })
      }
      const { asked, statuses, ...api } = yield* client({
        session: Effect.succeed(session),
        status: Effect.succeed(status)
      })
      const read = yield* api.session({ path: { tower: uri } })
      expect(read).toBeInstanceOf(ClientSession)
      expect(read).toEqual(session)
      expect(asked).toEqual([uri])
      expect(Schema.encodeSync(NegotiatorStatus)(yield* api.status())).toEqual(JSON.parse(JSON.stringify(status)))
      const [stored, stopped] = yield* api.events()
      expect(stored).toEqual(events[0])
      expect(stopped).toMatchObject({
        number: 2,
        happening: { _tag: "Stopped", cause: { message: "connection lost" } }
      })
      expect(statuses).toEqual([200, 200, 200])
    })
  )

  it.effect("answers failures, and its typed client fails with them", () =>
    Effect.gen(function* () {
      const api = yield* client({
        session: Effect.fail(failed),
        status: Effect.fail(new DatabaseBusy({ operation: "listTowers", cause: driverError }))
      })
      const failure = yield* Effect.flip(api.session({ path: { tower: uri } }))
      expect(failure).toBeInstanceOf(FailedNegotiation)
      expect(failure.message).toBe(failed.message)
      const busy = yield* Effect.flip(api.status())
      expect(busy).toBeInstanceOf(DatabaseBusy)
      expect(busy).toMatchObject({ operation: "listTowers", cause: { message: "connection lost" } })
    })
  )
})
