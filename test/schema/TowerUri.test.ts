import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Schema } from "effect"
import { PublicKey } from "../../src/schema/Ids.js"
import * as TowerAddress from "../../src/schema/TowerAddress.js"
import * as TowerUri from "../../src/schema/TowerUri.js"

const key = "03c78286d0bfe0b23377e347d7d963943c4f575dddd57e2f1d52a5be1eb7f625a4"
const onion = "4acth47i6kxnvkewtm6q7ib2s3ufpo5sqbsnzjpbi7utijcltosqemad.onion"

const refused: ReadonlyArray<readonly [input: string, tag: string, reason: string]> = [
  ["", "InvalidTowerUri", "NoAddress"],
  [key, "InvalidTowerUri", "NoAddress"],
  ["127.0.0.1:9911", "InvalidTowerUri", "NoAddress"],
  ["@", "InvalidTowerUri", "NoKey"],
  ["@127.0.0.1", "InvalidTowerUri", "NoKey"],
  ["nonhexpubkey@", "InvalidTowerUri", "BadKey"],
  [`${key.slice(0, -2)}@127.0.0.1`, "InvalidTowerUri", "BadKey"],
  [`${key}aa@127.0.0.1`, "InvalidTowerUri", "BadKey"],
  [`04${key.slice(2)}@127.0.0.1`, "InvalidTowerUri", "BadKey"],
  [`${key} @127.0.0.1`, "InvalidTowerUri", "Invisible"],
  [`${key.slice(0, 9)}\u200b${key.slice(9)}@127.0.0.1`, "InvalidTowerUri", "Invisible"],
  [`${key.slice(0, -1)}7@127.0.0.1`, "InvalidTowerUri", "NotOnCurve"],
  [`02${"f".repeat(64)}@127.0.0.1`, "InvalidTowerUri", "NotOnCurve"],
  [`${key}@`, "InvalidTowerAddress", "NoHost"],
  [`${key}@some string`, "InvalidTowerUri", "Invisible"],
  [`${key}@://`, "InvalidTowerAddress", "UnknownScheme"],
  [`${key}@21.21.21.21.21`, "InvalidTowerAddress", "NotAHost"],
  [`${key}@${key}@127.0.0.1`, "InvalidTowerAddress", "HasKey"]
]

describe("TowerUri", () => {
  it.each([
    [`${key}@tcp://127.0.0.1:9735`, `${key}@127.0.0.1:9735`],
    [`\ufeff ${key}@localhost\u00a0\r\n`, `${key}@localhost:1234`],
    [`${key}@localhost`, `${key}@localhost:1234`],
    [`${key}@::1`, `${key}@[::1]:1234`],
    [`${key}@${onion}`, `${key}@${onion}:1234`],
    [`${key.toUpperCase()}@Tower.Example:1`, `${key}@tower.example:1`]
  ])("%s is %s", (input, printed) => {
    const uri = Either.getOrThrow(TowerUri.parse(input, 1234))
    assert.strictEqual(TowerUri.print(uri), printed)
    assert.deepStrictEqual(TowerUri.parse(printed), Either.right(uri))
  })

  it.each(refused)("%s is refused: %s %s", (input, tag, reason) => {
    const error = Either.getOrThrow(Either.flip(TowerUri.parse(input)))
    assert.deepStrictEqual([error._tag, error.reason], [tag, reason])
    assert.isAbove(error.message.length, 40)
  })

  it.each([
    ["02", "BadKey"],
    [`04${key.slice(2)}`, "BadKey"],
    [`02${"f".repeat(64)}`, "NotOnCurve"]
  ] as const)("%s is no public key: %s", (input, reason) => {
    const refused = Effect.catchTag(TowerUri.parsePublicKey(input), "InvalidPublicKey", Effect.succeed)
    const error = Effect.runSync(refused)
    assert.deepInclude(error, { _tag: "InvalidPublicKey", input, reason })
    assert.match(String(error), /is no tower's public key: .*[.?]$/)
  })

  it("reads a public key in either case", () => {
    assert.deepStrictEqual(TowerUri.parsePublicKey(key.toUpperCase()), Either.right(PublicKey.make(key)))
  })

  it("says a long text back in part", () => {
    for (const parse of [TowerUri.parse, TowerAddress.parse, TowerUri.parsePublicKey]) {
      const error = Either.getOrThrow(Either.flip<unknown, Error>(parse("x".repeat(1_000_000))))
      assert.isBelow(error.message.length, 700)
      assert.include(error.message, "(1000000 characters)")
    }
  })

  it("is text in a Schema, and back", () => {
    const text = Schema.parseJson(TowerUri.TowerUriFromString)
    const uri = Schema.decodeSync(text)(JSON.stringify(`${key.toUpperCase()}@tower.example`))
    assert.deepStrictEqual(uri, Either.getOrThrow(TowerUri.parse(`${key}@tower.example`)))
    assert.strictEqual(Schema.encodeSync(text)(uri), JSON.stringify(`${key}@tower.example:9911`))
    const refused = Schema.decodeEither(TowerUri.TowerUriFromString)(`${key}@`)
    assert.include(String(refused), "is not a tower address: the host is missing")
  })

  it("adds the port of towers", () => {
    assert.strictEqual(Either.getOrThrow(TowerUri.parse(`${key}@tower.example`)).address, "tower.example:9911")
  })
})
