/**
 * The tower that `serve` and `demo` run. Its key and its port are kept in a file beside the client's own, so that it
 * has the same address whenever it starts.
 *
 * @since 0.1.0
 */
import * as path from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { toHex } from "../../internal/bytes.js"
import * as KeyText from "../../internal/keyText.js"
import * as PrivateFile from "../../layers/keys/privateFile.js"
import type * as LoopbackTower from "../../layers/tower/LoopbackTower.js"
import * as NodeLoopbackTower from "../../layers/tower/NodeLoopbackTower.js"
import { KeyFileError } from "../../schema/KeyFileError.js"
import * as TowerAddress from "../../schema/TowerAddress.js"
import { Entropy } from "../../services/Entropy.js"
import { type ClientPaths, makeFolder } from "./clientPaths.js"
import * as TowerMemory from "./towerMemory.js"

/** The contents of the tower's file. */
interface Kept {
  readonly secretKey: Redacted.Redacted<Uint8Array>
  /** 0 means any port. */
  readonly port: number
}

const names = ["seed", "port"] as const

const textOf = ({ port, secretKey }: Kept): string =>
  KeyText.print("The key and the port of a tower for trying things out.", [
    ["seed", toHex(Redacted.value(secretKey))],
    ["port", String(port)]
  ])

const parse = (text: string): Either.Either<Kept, KeyText.Unreadable> =>
  Either.gen(function* () {
    const fields = yield* KeyText.parse(text, names)
    const seed = yield* KeyText.parseSeed(fields.get("seed") ?? "")
    const port = Number(fields.get("port") ?? "0")
    if (seed.length !== 32 || !Number.isInteger(port) || port < 0 || port > 0xffff) {
      return yield* Either.left(KeyText.malformed("it holds no key and port of a tower"))
    }
    return { secretKey: Redacted.make(seed), port }
  })

const file = (paths: ClientPaths): string => path.join(paths.folder, "tower")

const kept = (paths: ClientPaths) =>
  Effect.gen(function* () {
    const text = yield* PrivateFile.read(file(paths))
    return yield* Either.mapLeft(
      parse(text),
      (unreadable) =>
        new KeyFileError({
          path: file(paths),
          reason: unreadable._tag === "TooNew" ? "TooNew" : "NotAKeyFile",
          detail: unreadable._tag === "TooNew" ? String(unreadable.version) : unreadable.what
        })
    )
  })

const keep = (paths: ClientPaths, tower: Kept) =>
  Effect.andThen(makeFolder(paths), PrivateFile.create(file(paths), textOf(tower)))

/** @since 0.1.0 @category models */
export interface Options {
  /** Instead of the port in the file. */
  readonly port?: number | undefined
  readonly onSession?: LoopbackTower.Options["onSession"]
  /** Does it know its sessions the next time? Default: no. */
  readonly remembers?: boolean | undefined
}

/** The tower of these paths, a new one when there is no file; it listens while the scope is open. @since 0.1.0 @category constructors */
export const open = (paths: ClientPaths, options: Options = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const isNew = !(yield* Effect.orElseSucceed(fs.exists(file(paths)), () => false))
    const { port, secretKey } = isNew ? yield* newTower : yield* kept(paths)
    const tower = yield* NodeLoopbackTower.make({
      chain: paths.chain,
      secretKey,
      port: options.port ?? port,
      onSession: options.onSession,
      initialSessions: options.remembers ? yield* TowerMemory.load(paths) : []
    })
    if (options.remembers) yield* Effect.addFinalizer(() => TowerMemory.save(paths, tower))
    if (isNew) yield* keep(paths, { secretKey, port: TowerAddress.hostPort(tower.uri.address).port })
    return tower
  })

const newTower: Effect.Effect<Kept> = Effect.gen(function* () {
  const entropy = yield* Entropy
  return { secretKey: Redacted.make(yield* entropy.bytes(32)), port: 0 }
})
