import { dirname } from "node:path"
import { FileSystem, Error as PlatformError } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { HDKey } from "@scure/bip32"
import { Deferred, Effect, Fiber, Redacted } from "effect"
import { fromHex } from "../../src/internal/bytes.js"
import * as KeyFile from "../../src/layers/KeyFile.js"
import * as PrivateFile from "../../src/layers/keys/privateFile.js"
import * as Chain from "../../src/schema/Chain.js"
import { KeyFileError } from "../../src/schema/KeyFileError.js"
import { RootKey } from "../../src/schema/RootKey.js"
import { Entropy } from "../../src/services/Entropy.js"
import { KeyRing } from "../../src/services/KeyRing.js"
import vectors from "../fixtures/keychain-vectors.json" with { type: "json" }

const secretHex = "5ec4e7".repeat(10)
const seed = RootKey.Seed({ bytes: Redacted.make(fromHex(secretHex)) })
const xprv = HDKey.fromMasterSeed(fromHex(secretHex)).privateExtendedKey
const extendedKey = RootKey.ExtendedKey({ text: Redacted.make(xprv) })

const inFolder = <A, E>(use: (path: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, FileSystem.FileSystem>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      return yield* use(`${yield* fs.makeTempDirectoryScoped()}/key`, fs)
    })
  )

/** The file system with another `readAlloc` of what is opened. */
const withReadAlloc = (
  fs: FileSystem.FileSystem,
  readAlloc: (file: FileSystem.File, size: number) => ReturnType<FileSystem.File["readAlloc"]>
): FileSystem.FileSystem => ({
  ...fs,
  open: (name, options) =>
    Effect.map(
      fs.open(name, options),
      (file): FileSystem.File =>
        Object.assign(Object.create(file), { readAlloc: (size: number) => readAlloc(file, size) })
    )
})

const broken = new PlatformError.SystemError({
  reason: "Unknown",
  module: "FileSystem",
  method: "sync",
  description: "EIO: i/o error, fsync"
})

const secretOf = ({ root }: KeyFile.KeyMaterial) =>
  RootKey.$match(root, { Seed: ({ bytes }) => Redacted.value(bytes), ExtendedKey: ({ text }) => Redacted.value(text) })

layer(NodeFileSystem.layer)("KeyFile", (it) => {
  const materials: ReadonlyArray<KeyFile.KeyMaterial> = [
    { root: seed },
    { root: extendedKey, layout: "lnd" },
    { root: seed, layout: "dcrlndRemote", legacyCoinType: true, account: 3 }
  ]
  for (const material of materials) {
    it.effect(`reads what it wrote (${material.root._tag}, ${material.layout ?? "no layout"})`, () =>
      inFolder((path, fs) =>
        Effect.gen(function* () {
          yield* KeyFile.write(path, material)
          assert.strictEqual((yield* fs.stat(path)).mode & 0o777, 0o600)
          const read = yield* KeyFile.read(path)
          assert.deepStrictEqual(secretOf(read), secretOf(material))
          const { account, layout, legacyCoinType } = material
          assert.deepStrictEqual([read.layout, read.legacyCoinType, read.account], [layout, legacyCoinType, account])
        })
      )
    )
  }

  it.effect("says what it is", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        yield* KeyFile.write(path, { root: seed })
        const lines = (yield* fs.readFileString(path)).split("\n")
        assert.strictEqual(lines[0], "effect-watchtower key 1")
        assert.match(lines[1] ?? "", /^# .*secret/)
        assert.strictEqual(lines[2], `seed: ${secretHex}`)
      })
    )
  )

  it.effect("generates 32 bytes of entropy", () =>
    Effect.gen(function* () {
      const one = secretOf(yield* KeyFile.generate)
      const other = secretOf(yield* KeyFile.generate)
      assert.strictEqual(one.length, 32)
      assert.notDeepEqual(one, other)
      const counted = yield* KeyFile.generate.pipe(
        Effect.provideService(Entropy, { bytes: (count) => Effect.succeed(new Uint8Array(count).fill(7)) })
      )
      assert.deepStrictEqual(secretOf(counted), new Uint8Array(32).fill(7))
    })
  )

  it.effect("is a key ring", () =>
    inFolder((path) =>
      Effect.gen(function* () {
        yield* KeyFile.write(path, { root: RootKey.Seed({ bytes: Redacted.make(fromHex(vectors.seed)) }) })
        const key = yield* Effect.flatMap(KeyRing, (ring) => ring.deriveKey({ family: 8, index: 1 })).pipe(
          Effect.provide(KeyFile.layer({ path, chain: Chain.bitcoinMainnet }))
        )
        assert.strictEqual(key, vectors.paths[0]?.pub)
      })
    )
  )

  it.effect("is made when there is none, and read when there is one", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        const made = yield* KeyFile.readOrCreate(path)
        assert.strictEqual(secretOf(made).length, 32)
        assert.strictEqual((yield* fs.stat(path)).mode & 0o777, 0o600)
        const text = yield* fs.readFileString(path)
        assert.deepStrictEqual(secretOf(yield* KeyFile.readOrCreate(path)), secretOf(made))
        assert.strictEqual(yield* fs.readFileString(path), text)
      })
    )
  )

  it.effect("is one key for two that make it at the same time", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        const writes = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        // The first one stops with its file open and empty.
        const slow: FileSystem.FileSystem = {
          ...fs,
          open: (name, options) =>
            Effect.map(
              fs.open(name, options),
              (file): FileSystem.File =>
                Object.assign(Object.create(file), {
                  writeAll: (bytes: Uint8Array) =>
                    Deferred.succeed(writes, undefined).pipe(
                      Effect.zipRight(Deferred.await(goOn)),
                      Effect.zipRight(file.writeAll(bytes))
                    )
                })
            )
        }
        const first = yield* Effect.fork(Effect.provideService(KeyFile.readOrCreate(path), FileSystem.FileSystem, slow))
        yield* Deferred.await(writes)
        const second = yield* Effect.ensuring(KeyFile.readOrCreate(path), Deferred.succeed(goOn, undefined))
        assert.deepStrictEqual(secretOf(yield* Fiber.join(first)), secretOf(second))
        assert.deepStrictEqual(yield* fs.readDirectory(path.slice(0, path.lastIndexOf("/"))), ["key"])
      })
    )
  )

  it.effect("is not made in place of one that cannot be used, or in a folder that does not exist", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        yield* fs.writeFileString(path, "not a key", { mode: 0o600 })
        const noNewKey = Effect.provideService(KeyFile.readOrCreate(path), Entropy, {
          bytes: () => Effect.die("asked")
        })
        assert.strictEqual((yield* Effect.flip(noNewKey)).reason, "NotAKeyFile")
        assert.strictEqual(yield* fs.readFileString(path), "not a key")
        const error = yield* Effect.flip(KeyFile.readOrCreate(`${path}s/key`))
        assert.deepStrictEqual([error.reason, error.detail], ["Failed", "its folder is not there"])
      })
    )
  )

  it.effect("is never overwritten", () =>
    inFolder((path) =>
      Effect.gen(function* () {
        yield* KeyFile.write(path, { root: seed })
        const error = yield* Effect.flip(KeyFile.write(path, { root: extendedKey }))
        assert.strictEqual(error.reason, "Exists")
        assert.deepStrictEqual(secretOf(yield* KeyFile.read(path)), fromHex(secretHex))
      })
    )
  )

  for (const mode of [0o640, 0o604, 0o620, 0o610, 0o666]) {
    it.effect(`is refused with mode ${mode.toString(8)}`, () =>
      inFolder((path, fs) =>
        Effect.gen(function* () {
          yield* KeyFile.write(path, { root: seed })
          yield* fs.chmod(path, mode)
          const error = yield* Effect.flip(KeyFile.read(path))
          assert.strictEqual(error.reason, "Readable")
          assert.include(error.message, `(mode ${mode.toString(8)})`)
          assert.include(error.message, `chmod 600 ${path}`)
        })
      )
    )
  }

  const allowed: ReadonlyArray<[readers: KeyFile.ReadableBy, modes: ReadonlyArray<number>]> = [
    ["group", [0o440, 0o640, 0o600]],
    ["everyone", [0o444, 0o644, 0o440]]
  ]
  for (const [readers, modes] of allowed) {
    it.effect(`is read with the modes of a mounted secret where ${readers} may read it, through a link too`, () =>
      inFolder((path, fs) =>
        Effect.gen(function* () {
          yield* KeyFile.write(path, { root: seed })
          yield* fs.symlink(path, `${path}.link`)
          for (const mode of modes) {
            yield* fs.chmod(path, mode)
            const read = yield* KeyFile.read(`${path}.link`, readers)
            assert.deepStrictEqual(secretOf(read), fromHex(secretHex))
          }
        })
      )
    )
  }

  it.effect("is refused where everyone can read it, and the group alone may", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        yield* KeyFile.write(path, { root: seed })
        yield* fs.chmod(path, 0o444)
        const error = yield* Effect.flip(KeyFile.read(path, "group"))
        assert.strictEqual(error.reason, "Readable")
        assert.include(error.message, '"readableBy"')
        const keyRing = KeyFile.layer({ path, readableBy: "everyone", chain: Chain.bitcoinMainnet })
        yield* Effect.provide(KeyRing, keyRing)
      })
    )
  )

  const noKeyFiles: Array<[what: string, text: string, reason: KeyFileError["reason"]]> = [
    ["an empty file", "", "NotAKeyFile"],
    ["some other file", "SQLite format 3\0", "NotAKeyFile"],
    ["a bare seed", secretHex, "NotAKeyFile"],
    ["a newer version", `effect-watchtower key 2\nseed: ${secretHex}\n`, "TooNew"],
    ["a version before the first", `effect-watchtower key 0\nseed: ${secretHex}\n`, "NotAKeyFile"],
    ["the key of another program", `effect-lighthouse key 1\nseed: ${secretHex}\n`, "NotAKeyFile"],
    ["no version", `effect-watchtower key x\nseed: ${secretHex}\n`, "NotAKeyFile"],
    ["no root", "effect-watchtower key 1\n", "NotAKeyFile"],
    ["two roots", `effect-watchtower key 1\nseed: ${secretHex}\nextended-key: ${xprv}\n`, "NotAKeyFile"],
    ["a field twice", `effect-watchtower key 1\nseed: ${secretHex}\nseed: ${secretHex}\n`, "NotAKeyFile"],
    ["an unknown field", `effect-watchtower key 1\nseeds: ${secretHex}\n`, "NotAKeyFile"],
    ["a short seed", `effect-watchtower key 1\nseed: ${secretHex.slice(0, 30)}\n`, "NotAKeyFile"],
    ["a long seed", `effect-watchtower key 1\nseed: ${"5e".repeat(65)}\n`, "NotAKeyFile"],
    ["half a byte", `effect-watchtower key 1\nseed: ${secretHex}5\n`, "NotAKeyFile"],
    ["a mistyped extended key", `effect-watchtower key 1\nextended-key: ${xprv}x\n`, "NotAKeyFile"],
    ["an unknown layout", `effect-watchtower key 1\nseed: ${secretHex}\nlayout: cln\n`, "NotAKeyFile"],
    ["a bad account", `effect-watchtower key 1\nseed: ${secretHex}\naccount: -1\n`, "NotAKeyFile"],
    ["an account that no path has", `effect-watchtower key 1\nseed: ${secretHex}\naccount: 2147483648\n`, "NotAKeyFile"]
  ]
  for (const [what, text, reason] of noKeyFiles) {
    it.effect(`refuses ${what}, without quoting it`, () =>
      inFolder((path, fs) =>
        Effect.gen(function* () {
          yield* fs.writeFileString(path, text, { mode: 0o600 })
          const error = yield* Effect.flip(KeyFile.read(path))
          assert.strictEqual(error.reason, reason)
          for (const form of [error.message, JSON.stringify(error), String(error)]) {
            assert.notInclude(form, secretHex.slice(0, 16))
            assert.notInclude(form, xprv.slice(0, 16))
          }
        })
      )
    )
  }

  it.effect("is refused with the number of the line that is wrong", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        yield* fs.writeFileString(path, `effect-watchtower key 1\n# a comment\nseeds: ${secretHex}\n`, { mode: 0o600 })
        assert.match((yield* Effect.flip(KeyFile.read(path))).message, /line 3 /)
      })
    )
  )

  it.effect("is not read further than a key file can go", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        yield* fs.writeFileString(path, "#".repeat(100_000), { mode: 0o600 })
        const asked: Array<number> = []
        const counting = withReadAlloc(fs, (file, size) => {
          asked.push(size)
          return file.readAlloc(size)
        })
        yield* Effect.flip(Effect.provideService(KeyFile.read(path), FileSystem.FileSystem, counting))
        assert.isAtMost(
          asked.reduce((sum, size) => sum + size),
          2 * 4096
        )
      })
    )
  )

  it.effect("is read whole from a file system that brings a few bytes at a time", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        yield* KeyFile.write(path, { root: seed })
        const slow = withReadAlloc(fs, (file) => file.readAlloc(7))
        const { root } = yield* Effect.provideService(KeyFile.read(path), FileSystem.FileSystem, slow)
        assert.deepStrictEqual(root, seed)
      })
    )
  )

  it.effect("is read to its end, or refused for its length", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        const text = `effect-watchtower key 1\nseed: ${secretHex}\n`
        yield* fs.writeFileString(path, `${text}#${" ".repeat(4096 - text.length - 1)}`, { mode: 0o600 })
        assert.deepStrictEqual(secretOf(yield* KeyFile.read(path)), fromHex(secretHex))
        // What stands behind the 4,096th byte could say otherwise, as a second seed does.
        yield* fs.writeFileString(path, `${text}#${" ".repeat(4096 - text.length - 1)}\nseed: 00\n`, { mode: 0o600 })
        const error = yield* Effect.flip(KeyFile.read(path))
        assert.strictEqual(error.reason, "NotAKeyFile")
        assert.match(error.message, /more than 4096 bytes/)
      })
    )
  )

  /** The file system with another `sync` of what is opened. */
  const withSync = (
    fs: FileSystem.FileSystem,
    sync: (path: string, file: FileSystem.File) => FileSystem.File["sync"]
  ) =>
    Effect.provideService(FileSystem.FileSystem, {
      ...fs,
      open: (path, options) =>
        Effect.map(
          fs.open(path, options),
          (file) =>
            new Proxy(file, {
              get: (target, name) => (name === "sync" ? sync(path, target) : Reflect.get(target, name, target))
            })
        )
    })

  it.effect("is on the disk when it is written, and so is its name", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        const synced: Array<string> = []
        const told = withSync(fs, (path, file) => Effect.tap(file.sync, () => Effect.sync(() => synced.push(path))))
        yield* told(KeyFile.write(path, { root: seed }))
        // The key is written under another name, which is linked to its own.
        assert.deepStrictEqual(
          synced.map((one) => one.replace(/\.[0-9a-f]{16}$/, "")),
          [path, dirname(path)]
        )
      })
    )
  )

  it.effect.skipIf(process.platform !== "linux")(
    "fails in a folder that cannot be made, and does not hang (Linux has one)",
    () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(PrivateFile.makeFolder("/proc/none/bitcoin/regtest"))
        assert.match(error.message, /\/proc\/none/)
      })
  )

  it.effect("is on the disk, and so is its name, although its writer was interrupted", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        const begins = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        const synced: Array<string> = []
        const slow = withSync(fs, (name, file) =>
          Effect.gen(function* () {
            if (name === dirname(path)) {
              yield* Deferred.succeed(begins, undefined)
              yield* Deferred.await(goOn)
            }
            yield* file.sync
            synced.push(name)
          })
        )
        const writer = yield* Effect.fork(slow(KeyFile.write(path, { root: seed })))
        yield* Deferred.await(begins)
        const interruption = yield* Effect.fork(Fiber.interrupt(writer))
        yield* Effect.yieldNow()
        yield* Deferred.succeed(goOn, undefined)
        yield* Fiber.join(interruption)
        assert.strictEqual(synced.at(-1), dirname(path))
        assert.deepStrictEqual(secretOf(yield* KeyFile.read(path)), fromHex(secretHex))
      })
    )
  )

  it.effect("may lie in new folders: their names are on the disk too, and they are for their owner only", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        const [root, folder] = [dirname(path), `${dirname(path)}/bitcoin/regtest`]
        const synced: Array<string> = []
        const told = withSync(fs, (path, file) => Effect.tap(file.sync, () => Effect.sync(() => synced.push(path))))
        yield* told(PrivateFile.makeFolder(folder))
        assert.deepStrictEqual(synced, [root, `${root}/bitcoin`])
        for (const made of [folder, dirname(folder)]) assert.strictEqual((yield* fs.stat(made)).mode & 0o777, 0o700)
        yield* told(PrivateFile.makeFolder(folder))
        assert.strictEqual(synced.length, 2)
      })
    )
  )

  it.effect("may lie in a folder that another process makes at the same time", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        const folder = `${dirname(path)}/bitcoin/regtest`
        const late: FileSystem.FileSystem = {
          ...fs,
          makeDirectory: (made, options) => Effect.zipRight(fs.makeDirectory(made), fs.makeDirectory(made, options))
        }
        yield* Effect.provideService(PrivateFile.makeFolder(folder), FileSystem.FileSystem, late)
        assert.isTrue(yield* fs.exists(folder))
      })
    )
  )

  for (const [what, isBroken] of [
    ["it", (path: string) => /key[^/]*$/.test(path)],
    ["its name", (path: string) => !/key[^/]*$/.test(path)]
  ] as const) {
    it.effect(`is removed again when ${what} cannot be brought to the disk`, () =>
      inFolder((path, fs) =>
        Effect.gen(function* () {
          const failing = withSync(fs, (path, file) => (isBroken(path) ? broken : file.sync))
          const error = yield* Effect.flip(failing(KeyFile.write(path, { root: seed })))
          assert.strictEqual(error.reason, "Failed")
          assert.isFalse(yield* fs.exists(path))
        })
      )
    )
  }

  it.effect("says that it is missing, or a folder", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(KeyFile.read(path))).reason, "Missing")
        yield* fs.makeDirectory(path)
        assert.strictEqual((yield* Effect.flip(KeyFile.read(path))).reason, "NotAKeyFile")
        assert.strictEqual((yield* Effect.flip(KeyFile.write(path, { root: seed }))).reason, "Exists")
      })
    )
  )

  it.effect("is refused when a folder takes its place before it is opened", () =>
    inFolder((path, fs) =>
      Effect.gen(function* () {
        yield* KeyFile.write(path, { root: seed })
        const replacing: FileSystem.FileSystem = {
          ...fs,
          open: (name, options) =>
            Effect.zipRight(
              Effect.zipRight(fs.remove(name), fs.makeDirectory(name, { mode: 0o700 })),
              fs.open(name, options)
            )
        }
        const error = yield* Effect.flip(Effect.provideService(KeyFile.read(path), FileSystem.FileSystem, replacing))
        assert.deepStrictEqual([error.reason, error.detail], ["NotAKeyFile", "it is no file"])
      })
    )
  )

  it.effect("imports a seed or an extended key as other wallets print it", () =>
    Effect.gen(function* () {
      const parse = (text: string) => KeyFile.parseRoot(Redacted.make(text), "standard input")
      assert.deepStrictEqual(secretOf({ root: yield* parse(`  ${secretHex.toUpperCase()}\r\n`) }), fromHex(secretHex))
      assert.strictEqual(secretOf({ root: yield* parse(`${xprv}\n`) }), xprv)
      const error = yield* Effect.flip(Effect.suspend(() => parse(`${secretHex}zz`)))
      assert.instanceOf(error, KeyFileError)
      assert.match(error.message, /^There is no seed in standard input: a seed is 16 to 64 bytes in hex/)
      assert.notInclude(error.message, secretHex)
    })
  )
})
