import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Queue, Schema } from "effect"
import * as SqliteClientDb from "../../src/layers/SqliteClientDb.js"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import * as Postgres from "../layers/sql/postgres.js"
import { newClient, started, wtclient } from "./wtclient.js"

const tower = publicKeyOf(1)
const uri = `${tower}@127.0.0.1:1`

const server = await Postgres.start()

afterAll(() => server?.stop())

const Findings = Schema.parseJson(
  Schema.Struct({ findings: Schema.Array(Schema.Struct({ table: Schema.String, detail: Schema.String })) })
)
const findingsOf = (text: string) => Schema.decodeUnknownSync(Findings)(text).findings

const Listening = Schema.parseJson(Schema.Struct({ uri: Schema.String }))
const Given = Schema.parseJson(Schema.Struct({ session: Schema.String }))

/** The program with a database on a server. */
const withUrl = Effect.fnUntraced(function* (url: string) {
  const { flags, fs, folder } = yield* newClient
  const run = (...words: ReadonlyArray<string>) => wtclient([...words, ...flags], undefined, { DATABASE_URL: url })
  return { flags, folder, fs, run }
})

describe("wtclient db check", () => {
  it.scoped("finds nothing wrong, without a key", () =>
    Effect.gen(function* () {
      const { at, fs, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri)
      yield* fs.remove(at("key"))
      const { code, stderr, stdout } = yield* wtclient("db", "check")
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.match(stdout, /^The database .*wtclient\.db is as it must be\.\n$/)
      assert.deepStrictEqual(findingsOf((yield* wtclient("db", "check", "--json")).stdout), [])
    })
  )

  it.scoped("says what is wrong, and ends with 1", () =>
    Effect.gen(function* () {
      const { at, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri)
      yield* Effect.scoped(
        Effect.flatMap(SqliteClientDb.client({ filename: at("wtclient.db") }), (sql) => sql`DELETE FROM wt_address`)
      )
      const { code, stderr, stdout } = yield* wtclient("db", "check")
      assert.strictEqual(stdout, "wt_tower: tower 1 has no address\n")
      assert.match(
        stderr,
        /^wtclient: The database .* is not as it must be: 1 found\. .*\nNext: wtclient db skip-keys .*\n$/
      )
      assert.strictEqual(code, 1)
      const json = yield* wtclient("db", "check", "--json")
      assert.deepStrictEqual(findingsOf(json.stdout), [{ table: "wt_tower", detail: "tower 1 has no address" }])
      assert.strictEqual(json.code, 1)
    })
  )

  it.scoped("does not make a database", () =>
    Effect.gen(function* () {
      const { folder, fs, wtclient } = yield* newClient
      const { code, stderr } = yield* wtclient("db", "check")
      assert.match(stderr, /no database in/)
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
    })
  )

  it.scoped("says that a file is no database", () =>
    Effect.gen(function* () {
      const { at, fs, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* fs.writeFileString(at("wtclient.db"), "this is not a database, it is a text ".repeat(200))
      const { code, stderr } = yield* wtclient("db", "check")
      assert.match(stderr, /^wtclient: The database .* cannot be used: .*not a database[^\n]*\n$/)
      assert.strictEqual(code, 1)
    })
  )
})

describe("a database restored from a copy", () => {
  /** Takes sessions, copies the database, takes more, and restores the copy; answers what the tower knows. */
  const restored = Effect.gen(function* () {
    const { at, flags, fs, wtclient } = yield* newClient
    yield* wtclient("init")
    const serving = yield* started(["serve", "--json", ...flags])
    const { uri } = Schema.decodeUnknownSync(Listening)(yield* Queue.take(serving))
    yield* wtclient("add", uri)
    /** The keys that the tower is shown by a command. */
    const shown = Effect.gen(function* () {
      assert.strictEqual((yield* wtclient("negotiate", "--count", "3", "--json")).code, 0)
      return yield* Effect.replicateEffect(
        Effect.map(Queue.take(serving), (line) => Schema.decodeUnknownSync(Given)(line).session),
        3
      )
    })
    yield* shown
    yield* fs.copyFile(at("wtclient.db"), at("copy"))
    const lost = yield* shown
    yield* fs.rename(at("copy"), at("wtclient.db"))
    return { lost, shown, wtclient }
  })

  it.scopedLive("shows keys again that the lost part showed", () =>
    Effect.gen(function* () {
      const { lost, shown } = yield* restored
      assert.deepStrictEqual(yield* shown, lost)
    })
  )

  it.scopedLive("shows none of them after skip-keys, and is whole", () =>
    Effect.gen(function* () {
      const { lost, shown, wtclient } = yield* restored
      assert.strictEqual((yield* wtclient("db", "skip-keys")).code, 0)
      const now = yield* shown
      assert.deepStrictEqual(
        now.filter((key) => lost.includes(key)),
        []
      )
      assert.strictEqual((yield* wtclient("db", "check")).code, 0)
    })
  )
})

describe("DATABASE_URL", () => {
  it.scoped("must be one of Postgres, and is not repeated", () =>
    Effect.gen(function* () {
      const { run } = yield* withUrl("mysql://user:a-secret-word@localhost/towers")
      const { code, stderr, stdout } = yield* run("towers")
      assert.match(stderr, /^wtclient: DATABASE_URL must begin with postgresql:\/\/[^\n]*\n/)
      assert.notInclude(stderr, "a-secret-word")
      assert.deepStrictEqual([code, stdout], [2, ""])
    })
  )

  for (const password of [
    "swor/dfish",
    "swor#dfish",
    "12#swordfish",
    "sword%fish",
    "sword%e4fish",
    "sword?fish",
    "sword fish",
    "sword\u200bfish"
  ]) {
    it.scoped(`with the password ${password} says what to write, and not the password`, () =>
      Effect.gen(function* () {
        const { run } = yield* withUrl(`postgresql://user:${password}@127.0.0.1:1/towers`)
        const { code, stderr } = yield* run("towers")
        assert.match(
          stderr,
          /DATABASE_URL cannot be read\. .* as %2F|DATABASE_URL cannot be read: there is .* inside\.\n/
        )
        assert.notInclude(stderr, password)
        assert.notInclude(stderr, "fish")
        assert.strictEqual(code, 2)
      })
    )
  }

  it.scopedLive("may be of a unix socket, with a user and without a host", () =>
    Effect.gen(function* () {
      const { run } = yield* withUrl("postgresql://user:word@/towers?host=/nowhere")
      assert.match(
        (yield* run("towers")).stderr,
        /^wtclient: The database of DATABASE_URL cannot be used: no server listens at its address \(\/nowhere\/\S+\)\. /
      )
    })
  )

  it.scopedLive("with a line end behind it is read", () =>
    Effect.gen(function* () {
      const { run } = yield* withUrl("postgresql://user:word@127.0.0.1:1/towers\n")
      assert.match((yield* run("towers")).stderr, /no server listens at its address/)
    })
  )

  it.scopedLive.skipIf(server === undefined)(
    "with a wrong password, or of a database that does not exist, says so",
    () =>
      Effect.gen(function* () {
        const url = new URL(server?.url ?? "")
        url.pathname = "/nowhere"
        const { run } = yield* withUrl(url.href)
        assert.match((yield* run("towers")).stderr, /the server has no database of this name\. Create it there/)
      })
  )

  const certificates: ReadonlyArray<readonly [query: string, sentence: RegExp]> = [
    ["sslmode=verify-ca", /: sslmode=verify-ca needs the certificate of .* or say sslmode=verify-full\.\n$/],
    [
      "sslmode=verify-ca&sslrootcert=/nowhere.pem",
      /: it is not there \(\/nowhere\.pem\)\. Correct the name of this file in the URL \(sslrootcert, sslcert or sslkey\)\.\n$/
    ]
  ]
  for (const [query, sentence] of certificates) {
    it.scopedLive(`with ${query} says what is missing, without the password`, () =>
      Effect.gen(function* () {
        const { run } = yield* withUrl(`postgresql://user:swordfish@127.0.0.1:1/towers?${query}`)
        const { code, stderr } = yield* run("towers")
        assert.match(stderr, sentence)
        assert.notInclude(stderr, "swordfish")
        assert.strictEqual(code, 1)
      })
    )
  }

  const mistyped: ReadonlyArray<readonly [query: string, sentence: RegExp]> = [
    [
      "sslmode=requier",
      /: In DATABASE_URL sslmode takes disable, prefer, require, verify-ca, verify-full, no-verify; did you mean require\?\n/
    ],
    ["sslmode=swordfish", /: In DATABASE_URL sslmode takes disable, [^;]*, no-verify\.\n/],
    ["sslmode=require&sslmode=", /sslmode takes disable/],
    ["sslmod=verify-full", /: In DATABASE_URL there is no parameter sslmod; did you mean sslmode\?\n/],
    ["application_name=me&ssl_rootcert=/ca.pem", /no parameter ssl_rootcert; did you mean sslrootcert\?/]
  ]
  for (const [query, sentence] of mistyped) {
    it.scoped(`with ${query} says what it takes, and nothing is tried`, () =>
      Effect.gen(function* () {
        const { run } = yield* withUrl(`postgresql://user:swordfish@127.0.0.1:1/towers?${query}`)
        const { code, stderr } = yield* run("towers")
        assert.match(stderr, sentence)
        assert.notInclude(stderr, "swordfish")
        assert.strictEqual(code, 2)
      })
    )
  }

  it.scoped("that is empty is none", () =>
    Effect.gen(function* () {
      const { run } = yield* withUrl("")
      assert.match((yield* run("towers")).stderr, /no database in/)
    })
  )

  it.scopedLive("of a server that does not answer: a sentence, without the password", () =>
    Effect.gen(function* () {
      const { run } = yield* withUrl("postgresql://user:a-secret-word@127.0.0.1:1/towers")
      for (const words of [["towers"], ["sessions"], ["db", "check"]]) {
        const { code, stderr, stdout } = yield* run(...words)
        assert.match(
          stderr,
          /^wtclient: The database of DATABASE_URL cannot be used: no server listens at its address\. [^\n]*\n$/
        )
        assert.notInclude(stderr, "a-secret-word")
        assert.deepStrictEqual([code, stdout], [1, ""])
      }
    })
  )

  it.scopedLive.skipIf(server === undefined)("is used by every command, and no file is made", () =>
    Effect.gen(function* () {
      const { flags, folder, fs, run } = yield* withUrl(yield* Postgres.newSchema(server?.url ?? ""))
      yield* run("init")
      const serving = yield* started(["serve", "--json", ...flags])
      const { uri } = Schema.decodeUnknownSync(Listening)(yield* Queue.take(serving))
      const outcomes = yield* Effect.forEach(
        [
          ["add", uri],
          ["negotiate"],
          ["towers"],
          ["tower", uri],
          ["sessions"],
          ["db", "skip-keys"],
          ["db", "check"],
          ["remove", uri.slice(0, 66)],
          ["towers"]
        ],
        (words) => run(...words)
      )
      for (const { code, stderr } of outcomes) assert.deepStrictEqual([code, stderr], [0, ""])
      const said = outcomes.map(({ stdout }) => stdout)
      assert.include(said[2], uri.slice(0, 66))
      assert.match(said[4] ?? "", /anchor/)
      assert.match(said[6] ?? "", /^The database of DATABASE_URL is as it must be\.\n$/)
      assert.match(said[8] ?? "", /There are no towers/)
      assert.notInclude(yield* fs.readDirectory(`${folder}/bitcoin/regtest`), "wtclient.db")
    })
  )

  it.scopedLive.skipIf(server === undefined)("is named by the service when it starts, and checked before", () =>
    Effect.gen(function* () {
      const DATABASE_URL = yield* Postgres.newSchema(server?.url ?? "")
      const { flags, folder, run } = yield* withUrl(DATABASE_URL)
      yield* run("init")
      assert.strictEqual((yield* run("run", "--check-config")).code, 0)
      const lines = yield* started(["run", "--quiet", "--socket", `${folder}/socket`, ...flags], { DATABASE_URL })
      const { password, pathname } = new URL(DATABASE_URL)
      const said = yield* Queue.take(lines)
      assert.match(said, /, its database is postgresql:\/\/.*, as DATABASE_URL in the environment says\.$/)
      assert.include(said, pathname)
      assert.notInclude(said, `:${password}@`)
    })
  )

  it.scopedLive("of a server that does not answer is found by wtclient run --check-config", () =>
    Effect.gen(function* () {
      const { run } = yield* withUrl("postgresql://user:a-secret-word@127.0.0.1:1/towers")
      yield* run("init")
      const { code, stderr } = yield* run("run", "--check-config")
      assert.match(stderr, /^wtclient: The database of DATABASE_URL cannot be used: no server listens at its address\./)
      assert.strictEqual(code, 1)
    })
  )
})
