import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Either, Option, Redacted, Schema } from "effect"
import * as Table from "../../src/internal/optionTable.js"

const Even = Schema.Number.pipe(Schema.multipleOf(2), Schema.brand("Even"))

const table = Table.table("Example", ["example"], {
  wait: Table.withDefault(Table.time({ atMost: "1 minute" }), "10 seconds", "How long to wait"),
  poll: Table.withDefault(Table.time({ forever: true }), "4 seconds", "How often to look"),
  most: Table.withDefault(Table.wholeNumber({ least: 1, most: 9, unit: "visits" }), 3, "How many"),
  any: Table.withDefault(Table.wholeNumber({ least: 1, unit: "requests" }), 1, "How many"),
  rate: Table.optional(Table.bigWholeNumber({ least: 1n, most: 1n << 63n, unit: "sat/kw" }), "the chain's", "A rate"),
  even: Table.optional(Table.branded(Table.wholeNumber({ least: 2, most: 8 }), Schema.is(Even)), "none", "How many"),
  jitter: Table.withDefault(Table.truth, false, "Whether"),
  layout: Table.optional(Table.oneOf(["lnd", "dcrlnd"]), "the chain's", "Where"),
  name: Table.optional(Table.text("a name"), "none", "Who"),
  file: Table.required(Table.path("the path of a file"), "Where"),
  url: Table.optional(Table.secret("a URL that begins with pg://", /^pg:\/\//), "none", "Where")
})

const url = Redacted.make("pg://user:swordfish@host")

const sentence = (given: object): string =>
  Either.match(Table.decode(table, { file: "a", ...given }), { onLeft: (text) => text, onRight: () => "taken" })

const time = 'wait takes a time above 0 and at most 1m (such as "1 second"), not'
const count = "most takes a whole number from 1 to 9 (visits), not"
const rate = "rate takes a whole number from 1 to 9223372036854775808 (sat/kw), not"

describe("a table of options", () => {
  it("fills in the defaults, times in milliseconds", () => {
    assert.deepStrictEqual(Either.getOrThrow(Table.decode(table, { file: "a" })), {
      wait: 10_000,
      poll: 4_000,
      most: 3,
      any: 1,
      rate: undefined,
      even: undefined,
      jitter: false,
      layout: undefined,
      name: undefined,
      file: "a",
      url: undefined
    })
  })

  it.each<[given: object, sentence: string]>([
    [{ wait: 1 }, "taken"],
    [{ wait: "1 minute" }, "taken"],
    [{ wait: 0 }, `${time} 0.`],
    [{ wait: Number.NaN }, `${time} 0.`],
    [{ wait: -1 }, `${time} 0.`],
    [{ wait: 60_001 }, `${time} 1m 1ms.`],
    [{ wait: Number.POSITIVE_INFINITY }, `${time} Infinity.`],
    [{ wait: "10s" }, `${time} "10s".`],
    [{ wait: null }, `${time} null.`],
    [{ poll: Number.POSITIVE_INFINITY }, "taken"],
    [
      { poll: Duration.days(25) },
      'poll takes a time above 0 and at most 24d, or Infinity (such as "1 second"), not 25d.'
    ],
    [{ most: 1 }, "taken"],
    [{ most: 9 }, "taken"],
    [{ most: 0 }, `${count} 0.`],
    [{ most: 10 }, `${count} 10.`],
    [{ most: 1.5 }, `${count} 1.5.`],
    [{ most: Number.NaN }, `${count} NaN.`],
    [{ most: "9" }, `${count} "9".`],
    [{ any: Number.MAX_SAFE_INTEGER }, "taken"],
    [{ any: 0 }, "any takes a whole number of at least 1 (requests), not 0."],
    [{ any: 2 ** 53 }, "any takes a whole number of at least 1 (requests), not 9007199254740992."],
    [{ rate: 1n }, "taken"],
    [{ rate: 1n << 63n }, "taken"],
    [{ rate: (1n << 63n) + 1n }, `${rate} 9223372036854775809.`],
    [{ rate: 0n }, `${rate} 0.`],
    [{ rate: 1 }, `${rate} 1, which is no bigint.`],
    [{ even: 8 }, "taken"],
    [{ even: 5 }, "even takes a whole number from 2 to 8, not 5."],
    [{ even: 10 }, "even takes a whole number from 2 to 8, not 10."],
    [{ jitter: "yes" }, 'jitter takes true or false, not "yes".'],
    [{ layout: "cln" }, 'layout takes lnd or dcrlnd, not "cln".'],
    [{ name: "" }, 'name takes a name, not "".'],
    [{ file: undefined }, "file must be given; it takes the path of a file."],
    [{ file: "" }, 'file takes the path of a file, not "".'],
    [{ file: 7 }, "file takes the path of a file, not 7."],
    [{ file: url }, "file takes the path of a file, not a value of another type."],
    [{ most: Object.create(null) }, `${count} a value of another type.`],
    [{ url }, "taken"],
    [{ url: "pg://user:swordfish@host" }, "url takes a URL that begins with pg://."],
    [{ url: Redacted.make("my://user:swordfish@host") }, "url takes a URL that begins with pg://."]
  ])("%s: %s", (given, expected) => {
    assert.strictEqual(sentence(given), expected)
  })

  it.each([null, "a"])("is not given by a program without types that hands in %j", (given) => {
    assert.deepStrictEqual(
      Table.decode(table, given as never),
      Either.left("file must be given; it takes the path of a file.")
    )
  })

  it("does not take a default for a value of another type", () => {
    const given: object = { most: "9" }
    assert.isUndefined(Table.settings(table, { file: "a", ...given }).most)
  })

  it.each([
    "postgresql://user:swordfish@host:5432/towers?sslmode=require",
    "postgres://host/towers",
    " postgresql://user:swordfish@host/towers",
    "POSTGRES://user:swordfish@host/towers",
    "postgresql:user:swordfish@host",
    "postgresql:/user:swordfish@host/towers",
    "mysql://user:swordfish@host/towers",
    "jdbc:postgresql://host/towers?password=swordfish",
    "file:///var/lib/towers.db",
    "host=db.example dbname=towers password=swordfish",
    "dbname = towers",
    "target_session_attrs=any password=swordfish",
    "Driver=PostgreSQL;Uid=user;Pwd=swordfish",
    "Server=db.example;User Id=user;Password=swordfish",
    "user:swordfish@db.example/towers",
    "user:swordfish@db.example:5432/towers"
  ])("a path is no connection string, and the refusal does not repeat it: %s", (file) => {
    assert.strictEqual(sentence({ file }), "file takes the path of a file, not a URL or a connection string.")
  })

  it.each([
    ":memory:",
    "sessions.db",
    "./data/sessions.db",
    "/var/lib/wt/host/db",
    "C:\\towers\\sessions.db",
    "C:/towers/sessions.db",
    "a b=c.db",
    "name@host.db",
    "/srv/user:name@host/db",
    "17:00.db"
  ])("a path: %s", (file) => {
    assert.strictEqual(sentence({ file }), "taken")
  })
})

const read = (values: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(
    Table.config(table),
    ConfigProvider.fromMap(new Map(Object.entries(values)), { pathDelim: "_" }).pipe(ConfigProvider.constantCase)
  )

const WATCHTOWER_EXAMPLE_FILE = "a"

describe("a table's Config", () => {
  it.effect("reads every option", () =>
    Effect.gen(function* () {
      const given = yield* read({
        WATCHTOWER_EXAMPLE_FILE,
        WATCHTOWER_EXAMPLE_WAIT: "1 second",
        WATCHTOWER_EXAMPLE_POLL: "Infinity",
        WATCHTOWER_EXAMPLE_MOST: "9",
        WATCHTOWER_EXAMPLE_ANY: "1000",
        WATCHTOWER_EXAMPLE_RATE: "9223372036854775808",
        WATCHTOWER_EXAMPLE_EVEN: "4",
        WATCHTOWER_EXAMPLE_JITTER: "on",
        WATCHTOWER_EXAMPLE_LAYOUT: "dcrlnd",
        WATCHTOWER_EXAMPLE_NAME: "Alice",
        WATCHTOWER_EXAMPLE_URL: Redacted.value(url)
      })
      assert.deepStrictEqual(Either.getOrThrow(Table.decode(table, given)), {
        file: "a",
        wait: 1000,
        poll: Number.POSITIVE_INFINITY,
        most: 9,
        any: 1000,
        rate: 1n << 63n,
        even: Even.make(4),
        jitter: true,
        layout: "dcrlnd",
        name: "Alice",
        url
      })
    })
  )

  it("describes an option as help does", () => {
    assert.strictEqual(
      Table.description(table.entries.most),
      "How many. Takes a whole number from 1 to 9 (visits). Default: 3."
    )
    assert.strictEqual(Table.description(table.entries.file), "Where. Takes the path of a file.")
  })

  it.effect("takes the default for what is missing", () =>
    Effect.gen(function* () {
      const given = yield* read({ WATCHTOWER_EXAMPLE_FILE })
      assert.deepStrictEqual(
        Object.entries(given).filter(([, value]) => value !== undefined),
        [["file", "a"]]
      )
    })
  )

  for (const [name, value, expected] of [
    ["WAIT", "10x", `(Invalid data at watchtower.example.wait: "${time} "10x".")`],
    ["WAIT", "", `(Invalid data at watchtower.example.wait: "${time} "".")`],
    ["WAIT", "5s 1m", `(Invalid data at watchtower.example.wait: "${time} "5s 1m".")`],
    ["WAIT", "Infinity", `(Invalid data at watchtower.example.wait: "${time} "Infinity".")`],
    ["MOST", "", `(Invalid data at watchtower.example.most: "${count} "".")`],
    ["MOST", "0x9", `(Invalid data at watchtower.example.most: "${count} "0x9".")`],
    ["MOST", "1e0", `(Invalid data at watchtower.example.most: "${count} "1e0".")`],
    ["EVEN", "5", `(Invalid data at watchtower.example.even: "even takes a whole number from 2 to 8, not "5".")`],
    ["RATE", "0x9", `(Invalid data at watchtower.example.rate: "${rate} "0x9".")`],
    ["RATE", "much", `(Invalid data at watchtower.example.rate: "${rate} "much".")`],
    [
      "JITTER",
      "toString",
      `(Invalid data at watchtower.example.jitter: "jitter takes true or false, not "toString".")`
    ],
    ["JITTER", "maybe", `(Invalid data at watchtower.example.jitter: "jitter takes true or false, not "maybe".")`],
    ["URL", "my://swordfish", `(Invalid data at watchtower.example.url: "url takes a URL that begins with pg://.")`],
    [
      "FILE",
      "pg://swordfish",
      `(Invalid data at watchtower.example.file: "file takes the path of a file, not a URL or a connection string.")`
    ]
  ] as const) {
    it.effect(`refuses ${name}=${value} with one sentence`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(read({ WATCHTOWER_EXAMPLE_FILE, [`WATCHTOWER_EXAMPLE_${name}`]: value }))
        assert.strictEqual(String(error), expected)
      })
    )
  }

  for (const [text, millis] of [
    ["10s", 10_000],
    ["50s 250ms", 50_250],
    ["250ms", 250],
    ["1 minute", "1 minute"]
  ] as const) {
    it.effect(`reads the time ${text}, as it is printed`, () =>
      Effect.gen(function* () {
        const { wait } = yield* read({ WATCHTOWER_EXAMPLE_FILE, WATCHTOWER_EXAMPLE_WAIT: text })
        assert.strictEqual(wait === undefined ? undefined : Duration.toMillis(wait), Duration.toMillis(millis))
      })
    )
  }

  it.effect("is asked for as a whole or not at all", () =>
    Effect.gen(function* () {
      const readIfGiven = (values: Readonly<Record<string, string>>) =>
        Effect.withConfigProvider(
          Table.configIfGiven(table),
          ConfigProvider.fromMap(new Map(Object.entries(values)), { pathDelim: "_" }).pipe(ConfigProvider.constantCase)
        )
      assert.deepStrictEqual(yield* readIfGiven({}), Option.none())
      const given = yield* readIfGiven({ WATCHTOWER_EXAMPLE_FILE })
      assert.strictEqual(Option.getOrUndefined(given)?.file, "a")
      const error = yield* Effect.flip(readIfGiven({ WATCHTOWER_EXAMPLE_MOST: "1" }))
      assert.strictEqual(
        String(error),
        `(Missing data at watchtower.example.file: "file is needed by the other options here")`
      )
    })
  )
})
