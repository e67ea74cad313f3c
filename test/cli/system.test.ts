/** What the command line says where the machine does not do as it should. */
import nodeFs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import nodeOs from "node:os"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { publicKeyOf } from "../../src/layers/testing/FixedKeyRing.js"
import { newClient, wtclient } from "./wtclient.js"

const tower = publicKeyOf(1)
const uri = `${tower}@127.0.0.1:1`

/** Replaces what one of Node's modules has under a name while the scope is open. */
const replaced = <Module extends object, Name extends keyof Module>(
  module: Module,
  name: Name,
  replacement: Module[Name]
) => {
  const put = (value: Module[Name]) =>
    Effect.sync(() => {
      const before = module[name]
      module[name] = value
      syncBuiltinESMExports()
      return before
    })
  return Effect.acquireRelease(put(replacement), (before) => put(before))
}

const disk = nodeFs.statfsSync("/")

const thrown = (code: string) => Object.assign(new Error(`${code}: the system says so`), { code })

describe("an account without a home folder", () => {
  const homeless = replaced(nodeOs, "homedir", () => {
    throw thrown("ERR_SYSTEM_ERROR")
  })

  it.scoped("is told to name a folder, in a sentence", () =>
    Effect.gen(function* () {
      yield* homeless
      const { code, stderr } = yield* wtclient(["towers"])
      assert.match(stderr, /^wtclient: This account has no home folder .* --data-dir, or set the variable HOME\.\n/)
      assert.strictEqual(code, 2)
    })
  )

  it.scoped("needs none for the version, for help, and where a folder is named", () =>
    Effect.gen(function* () {
      yield* homeless
      const { wtclient: inFolder } = yield* newClient
      const outcomes = [yield* wtclient(["--version"]), yield* wtclient(["--help"]), yield* inFolder("init")]
      for (const { code, stderr } of outcomes) assert.deepStrictEqual([code, stderr], [0, ""])
    })
  )
})

describe("a terminal at standard input", () => {
  const ways: Array<[where: string, isTerminal: boolean, words: ReadonlyArray<string>]> = [
    ["with --json", true, ["--json"]],
    ["where standard output goes elsewhere", false, []]
  ]
  for (const [where, isTerminal, words] of ways) {
    it.scoped(`is not asked for a seed ${where}, since the prompt would be in the output`, () =>
      Effect.gen(function* () {
        yield* replaced(process.stdin, "isTTY", true)
        yield* replaced(process.stdout, "isTTY", isTerminal)
        const { folder, fs, wtclient } = yield* newClient
        const { code, stderr } = yield* wtclient("init", "--import", "-", ...words)
        assert.match(stderr, /^wtclient: A seed can be typed only where .* Give it to --import - through a pipe\.\n/)
        assert.strictEqual(code, 2)
        assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
      })
    )
  }
})

describe("a data folder", () => {
  it.scoped("that is a file is not a client without a database", () =>
    Effect.gen(function* () {
      const { folder, fs } = yield* newClient
      yield* fs.writeFileString(`${folder}/file`, "")
      const { code, stderr } = yield* wtclient(["towers", "--data-dir", `${folder}/file`])
      assert.match(stderr, /^wtclient: The database .* cannot be read: a part of the path is not a folder\.\n$/)
      assert.strictEqual(code, 1)
      const init = yield* wtclient(["init", "--data-dir", `${folder}/file`])
      assert.match(init.stderr, /cannot be .*: a part of the path is not a folder\.\n$/)
    })
  )

  it.scoped("that this account may not read is named as that", () =>
    Effect.gen(function* () {
      const { wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri)
      yield* replaced(nodeFs, "statSync", () => {
        throw thrown("EACCES")
      })
      for (const words of [["towers"], ["sessions"], ["db", "check"]]) {
        const { code, stderr } = yield* wtclient(...words)
        assert.match(stderr, /cannot be read: this account may not do that there\.\n$/)
        assert.strictEqual(code, 1)
      }
    })
  )

  it.scoped("on a read-only disk can be read", () =>
    Effect.gen(function* () {
      const { at, fs, wtclient } = yield* newClient
      yield* wtclient("init")
      yield* wtclient("add", uri)
      const before = yield* fs.readFile(at("wtclient.db"))
      yield* replaced(nodeFs, "accessSync", () => {
        throw thrown("EROFS")
      })
      const commands: Array<[words: ReadonlyArray<string>, shown: RegExp]> = [
        [["towers"], new RegExp(tower)],
        [["tower", tower], /127\.0\.0\.1:1/],
        [["sessions"], /no sessions/],
        [["db", "check"], /wtclient\.db is as it must be/]
      ]
      for (const [words, shown] of commands) {
        const { code, stderr, stdout } = yield* wtclient(...words)
        assert.match(stdout, shown)
        assert.deepStrictEqual([code, stderr], [0, ""])
      }
      assert.deepStrictEqual(yield* fs.readFile(at("wtclient.db")), before)
    })
  )

  const copies: Array<[what: string, trouble: Effect.Effect<unknown, never, Scope.Scope>, said: RegExp]> = [
    [
      "there is no room for the copy",
      replaced(nodeFs, "copyFileSync", () => {
        throw thrown("ENOSPC")
      }),
      /is on a read-only disk, and cannot be copied to \S+: the disk is full\. .* the variable TMPDIR\.\n$/
    ],
    [
      "there is no folder for the copy",
      replaced(nodeOs, "tmpdir", () => "/nowhere"),
      /is on a read-only disk, and cannot be copied to \/nowhere: it is not there\. .* the variable TMPDIR\.\n$/
    ],
    [
      "the disk reports an error",
      replaced(nodeFs, "copyFileSync", () => {
        throw thrown("EIO")
      }),
      /The database \S+ cannot be read: the disk reports an error\.\n$/
    ]
  ]
  for (const [what, trouble, said] of copies) {
    it.scoped(`on a read-only disk is not read where ${what}, which is said`, () =>
      Effect.gen(function* () {
        const { wtclient } = yield* newClient
        yield* wtclient("init")
        yield* wtclient("add", uri)
        yield* replaced(nodeFs, "accessSync", () => {
          throw thrown("EROFS")
        })
        yield* trouble
        const { code, stderr } = yield* wtclient("towers")
        assert.match(stderr, said)
        assert.strictEqual(code, 1)
      })
    )
  }

  const troubles: Array<[what: string, trouble: Effect.Effect<unknown, never, Scope.Scope>, said: RegExp]> = [
    [
      "on a full disk",
      replaced(
        nodeFs,
        "statfsSync",
        Object.assign(() => ({ ...disk, bavail: 0 }))
      ),
      /its disk is full\. Free some space there, and try again\.\n$/
    ],
    [
      "on a read-only disk",
      replaced(nodeFs, "accessSync", () => {
        throw thrown("EROFS")
      }),
      /its disk is read-only\. Only the commands that show something, and db check, work there\.\n$/
    ],
    [
      "that this account may not write to",
      replaced(nodeFs, "accessSync", () => {
        throw thrown("EACCES")
      }),
      /this account may not write to its folder\. Let this account read and write it/
    ]
  ]
  for (const [what, trouble, said] of troubles) {
    it.scoped(`${what} is named where SQLite says only that it cannot open the file`, () =>
      Effect.gen(function* () {
        const { at, fs, wtclient } = yield* newClient
        yield* wtclient("init")
        yield* fs.makeDirectory(at("wtclient.db"))
        yield* trouble
        const { code, stderr } = yield* wtclient("add", uri)
        assert.match(stderr, said)
        assert.strictEqual(code, 1)
      })
    )
  }
})
