import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as PostgresClientDb from "../../../src/layers/PostgresClientDb.js"
import { choosesSchema, partsOf, urlTrouble } from "../../../src/layers/sql/postgresUrl.js"

const troubleOf = (query: string) => urlTrouble(`postgresql://user:word@host/towers?${query}`)

const modes = "sslmode takes disable, prefer, require, verify-ca, verify-full, no-verify"

describe("a Postgres URL", () => {
  it("of a unix socket has a user and no host", () => {
    for (const url of [
      "postgresql://me:word@/towers?host=/run/postgresql",
      "postgres://me@/towers?port=1&host=%2Frun"
    ]) {
      assert.strictEqual(partsOf(url)?.pathname, "/towers")
    }
    assert.match(urlTrouble("postgresql://me@/towers?host=/run&sslmod=x") ?? "", /did you mean sslmode/)
  })

  it("without a host cannot be read elsewhere: it may be the rest of a password that is not escaped", () => {
    for (const url of [
      "postgresql://me:wo@/rd",
      "postgresql://me:wo@/rd@host/towers",
      "postgresql://me:wo@/rd@h/t?host=x"
    ]) {
      assert.isUndefined(partsOf(url), url)
    }
  })

  it("chooses a schema by an option of the server", () => {
    assert.isTrue(choosesSchema("postgresql://me@host/towers?options=-c%20search_path%3Dmainnet"))
    assert.isFalse(choosesSchema("postgresql://me@host/search_path?options=-c%20work_mem%3D1MB"))
  })
})

describe("the parameters of a Postgres URL", () => {
  const cases: ReadonlyArray<readonly [query: string, trouble: string | undefined]> = [
    ["", undefined],
    ["sslmode=verify-full&sslrootcert=/ca.pem", undefined],
    ["sslmode=no-verify", undefined],
    ["host=/run/postgresql&user=me&password=word", undefined],
    // Those of other programs, which may share the URL.
    [
      "pool_timeout=3&pgbouncer=true&schema=towers&connect_timeout=3&connection_limit=1&channel_binding=prefer",
      undefined
    ],
    ["sslmode=requier", `${modes}; did you mean require?`],
    ["sslmode=Require", `${modes}; did you mean require?`],
    ["sslmode=verify_full", `${modes}; did you mean verify-full?`],
    ["sslmode=allow", modes],
    ["sslmode=", modes],
    ["sslmode=disable&sslmode=yes", modes],
    ["sslmod=require", "there is no parameter sslmod; did you mean sslmode?"],
    ["SSLMODE=require", "there is no parameter SSLMODE; did you mean sslmode?"],
    ["ssl_mode=require", "there is no parameter ssl_mode; did you mean sslmode?"],
    ["sslrootcrt=/ca.pem", "there is no parameter sslrootcrt; did you mean sslrootcert?"]
  ]
  for (const [query, trouble] of cases) {
    it(`${query || "none"}: ${trouble ?? "taken"}`, () => {
      assert.strictEqual(troubleOf(query), trouble)
    })
  }

  it.scoped("are looked at before a server is", () =>
    Effect.gen(function* () {
      const url = Redacted.make("postgresql://user:word@127.0.0.1:1/towers?sslmode=requier")
      const error = yield* Effect.flip(PostgresClientDb.client({ url }))
      assert.strictEqual(error._tag, "InvalidOptions")
      assert.match(error.message, /^The options of PostgresClientDb are not valid: in url sslmode takes .* require\?$/)
    })
  )
})
