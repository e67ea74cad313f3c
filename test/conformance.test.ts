import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as backups from "./conformance/backups.js"
import { changes, numberChanges } from "./conformance/changes.js"
import { run } from "./conformance/run.js"
import { check } from "./conformance/wtwire.js"

const fixtures = "test/fixtures"
const small = "traces/one-healthy.json"

/** Runs the command and collects what it says. */
const conformance = async (...args: Array<string>) => {
  const out: Array<string> = []
  const err: Array<string> = []
  const code = await run(args, { log: (line) => out.push(line), error: (line) => err.push(line) })
  return { code, out, err }
}

let root = ""
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "conformance-"))
})
afterAll(() => rm(root, { recursive: true }))

/** A new folder with these files, copied from the fixtures or as text. */
const folder = async (files: Readonly<Record<string, string | undefined>>) => {
  const path = await mkdtemp(join(root, "case-"))
  await mkdir(join(path, "traces"))
  for (const [name, text] of Object.entries(files)) {
    await (text === undefined ? cp(join(fixtures, name), join(path, name)) : writeFile(join(path, name), text))
  }
  return path
}

describe("the fixtures", () => {
  it("agree, every file with a line", async () => {
    const { code, err, out } = await conformance(fixtures)
    assert.deepStrictEqual(err, [])
    const checked = out.filter((line) => !line.endsWith(": not checked"))
    assert.lengthOf(checked, 80)
    const leases = /, \d+ of them lease channels, refused by name$/
    for (const line of checked) assert.match(line.replace(leases, ""), /^[\w/.-]+\.json: (\d+) of \1 agree$/)
    assert.deepStrictEqual(
      checked.filter((line) => leases.test(line)).map((line) => line.split(":")[0]),
      ["backup-vectors-decred.json", "backup-vectors.json"]
    )
    assert.include(out, "wtwire-vectors.json: 63 of 63 agree")
    assert.strictEqual(code, 0)
  })
})

describe("one changed digit", () => {
  const cases: ReadonlyArray<readonly [file: string, expected: string, vector: string]> = [
    ["bolt8-vectors.json", "00b9e3a702e93e3a9948c2ed6e5fd7590a6e1c3a0344", "transport-initiator successful handshake"],
    ["wtwire-vectors.json", "02580002010c1111", "init-two-byte-vector"],
    ["session-transcripts.json", "cf0bbacf3244730ebb41a6dd72791185bb", "lnd-btc-mainnet-anchor-ok"],
    ["keychain-vectors.json", "03a52cf3f6b1afcaa5bba1c6fd519275", "lnd mainnet tower session index 2"],
    ["backup-vectors.json", "d9a13492cedea375818d", "legacy-both-to-local-first"],
    ["backup-vectors-decred.json", '"hint": "c3bc96b3', "legacy-only-to-remote"],
    [small, '"message": "0258000101', "one-healthy"]
  ]
  it.each(cases)("in %s is found, and the vector is named", async (file, expected, vector) => {
    const text = await readFile(join(fixtures, file), "utf8")
    const at = text.indexOf(expected) + expected.length - 1
    assert.isAbove(at, expected.length)
    const changed = text.slice(0, at) + (text[at] === "0" ? "1" : "0") + text.slice(at + 1)
    const { code, err, out } = await conformance(await folder({ [file]: changed }))
    assert.strictEqual(code, 1)
    assert.deepStrictEqual(err, [])
    assert.match(out[0] ?? "", /: (\d+) of \d+ agree/)
    assert.include(out[1], "first difference: ")
    assert.include(out[1], vector)
  })

  it("in any expected value of wtwire-vectors.json is found", async () => {
    const json: unknown = JSON.parse(await readFile(join(fixtures, "wtwire-vectors.json"), "utf8"))
    const missed = changes(json).filter((change) => check(change.json).every((result) => result.ok))
    // Bytes that are read only are an input: another input may well decode to a message of the same type.
    assert.deepStrictEqual(
      missed.map(({ path }) => path).filter((path) => !/^\.decode\[\d+\]\.hex:/.test(path)),
      []
    )
    assert.strictEqual(changes(json).length - missed.length, 61)
  })

  it("in any expected value of the backups is found", async () => {
    // An entry of each kind of script and of each list; all of them would take minutes.
    const entries: Readonly<Record<string, ReadonlyArray<readonly [list: string, name: string]>>> = {
      "backup-vectors.json": [
        ["cases", "legacy-tweaked-both"],
        ["cases", "taproot-final-reward"],
        ["ineligible", "taproot-dust"],
        ["unpunishable", "legacy-only-to-remote"]
      ],
      "backup-vectors-decred.json": [
        ["cases", "anchor-both"],
        ["ineligible", "anchor-fee-exceeds-inputs"]
      ]
    }
    // What the entry is made of; a change makes another entry, which may be right. What is not made of it is not compared.
    const inputs = [
      /\.(policy|channel)\.(maxUpdates|rewardBase|rewardRate|commitHeight|dustLimit|channelTypeBits|remoteIsInitiator)$/,
      /^\.ineligible\[0\]\.(nonce|sweepPkScript):/,
      // One unit more gives the same fee where it is rounded down.
      /\.policy\.sweepFeeRate$/,
      /^\.unpunishable\[0\]\.(policy\.blobType$|sweepPkScript:|justice\.)/,
      /^\.source/
    ]
    const missed: Array<string> = []
    let found = 0
    for (const [file, names] of Object.entries(entries)) {
      const json: Record<string, unknown> = JSON.parse(await readFile(join(fixtures, file), "utf8"))
      for (const [list, name] of names) {
        const all = json[list]
        const entry = Array.isArray(all) ? all.find((one) => one.name === name) : undefined
        assert.isDefined(entry, name)
        const alone = { ...json, cases: [], ineligible: [], unpunishable: [], [list]: [entry] }
        assert.isTrue(
          backups.check(alone).every((result) => result.ok),
          name
        )
        for (const change of [...changes(alone), ...numberChanges(alone)]) {
          if (!backups.check(change.json).every((result) => result.ok)) found++
          else if (!inputs.some((input) => input.test(change.path))) missed.push(`${name}${change.path}`)
        }
      }
    }
    assert.deepStrictEqual(missed, [])
    assert.isAbove(found, 400)
  })

  it("in the result of a message that is read only is found", async () => {
    const text = await readFile(join(fixtures, "wtwire-vectors.json"), "utf8")
    const failing = (from: string, to: string) =>
      check(JSON.parse(text.replace(from, to)))
        .filter((result) => !result.ok)
        .map((result) => result.name)
    assert.deepStrictEqual(failing('"error:non-canonical-varint"', '"error:eof"'), ["reply-noncanonical-fd"])
    assert.deepStrictEqual(failing('"error:unknown-type"', '"ok:Init"'), ["unknown-type-599"])
    assert.deepStrictEqual(failing('"ok:DeleteSession"', '"ok:Init"'), ["delete-session-trailing-bytes"])
    assert.deepStrictEqual(failing('"error:unexpected-eof"', '"error:anything"'), ["one-byte-message"])
    assert.deepStrictEqual(failing("02580001016fe28c0ab6f1b3", "02580001016fe28c0ab6f1b4").slice(0, 1), [
      "init-client-legacy-lnd-btc-mainnet"
    ])
  })
})

describe("other folders", () => {
  it("name what is not checked, and go on after a difference", async () => {
    const path = await folder({
      "blob-vectors.json": "no JSON",
      "keychain-vectors.json": "[]",
      "wtwire-vectors.json": '{ "chainHashes": {}, "encode": [], "decode": [] }',
      [small]: undefined,
      "traces/notes.txt": ""
    })
    const { code, out } = await conformance(path)
    assert.strictEqual(code, 1)
    assert.include(out, "blob-vectors.json: not checked")
    assert.include(out, "traces/notes.txt: not checked")
    assert.include(out, "keychain-vectors.json: 0 of 1 agree")
    assert.include(out, "wtwire-vectors.json: 0 of 1 agree")
    assert.include(out, "  first difference: file: there is nothing in it to compare")
    assert.isTrue(out.some((line) => line.startsWith(`${small}: `) && line.endsWith(" agree")))
  })

  it("that are no folder, hold nothing known or no JSON are one sentence", async () => {
    const [missing, empty, broken] = [
      await conformance(join(root, "none")),
      await conformance(await folder({})),
      await conformance(await folder({ "wtwire-vectors.json": "{" }))
    ]
    for (const { code, err, out } of [missing, empty, broken]) {
      assert.strictEqual(code, 1)
      assert.lengthOf(err, 1)
      assert.deepStrictEqual(out, [])
    }
    assert.match(missing.err[0] ?? "", /^Cannot read the folder .*none \(/)
    assert.match(empty.err[0] ?? "", /^There is nothing to check in /)
    assert.match(broken.err[0] ?? "", /^Cannot read .*wtwire-vectors\.json as JSON \(/)
  })

  it("have to be named, and only one", async () => {
    for (const args of [[], ["--help"], [fixtures, fixtures]]) {
      const { code, err, out } = await conformance(...args)
      assert.strictEqual(code, 2)
      assert.match(err.join("\n"), /^Usage: npm run conformance -- DIR/)
      assert.deepStrictEqual(out, [])
    }
  })
})
