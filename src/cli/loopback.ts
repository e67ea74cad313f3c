/**
 * The tower that `serve` and `demo` run. Its key and its port are kept in a file of the place, so that it has the same
 * address whenever it is started.
 *
 * @since 0.1.0
 */
import * as path from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { toHex } from "../internal/bytes.js"
import * as KeyText from "../internal/keyText.js"
import * as PrivateFile from "../layers/keys/privateFile.js"
import type * as LoopbackTower from "../layers/tower/LoopbackTower.js"
import * as NodeLoopbackTower from "../layers/tower/NodeLoopbackTower.js"
import { KeyFileError } from "../schema/KeyFileError.js"
import * as TowerAddress from "../schema/TowerAddress.js"
import { Entropy } from "../services/Entropy.js"
import { makeFolder } from "./folder.js"
import type { Place } from "./place.js"

/** What is kept of the tower. */
interface Kept {
  readonly secretKey: Redacted.Redacted<Uint8Array>
  /** 0: any. */
  readonly port: number
}

const names = ["seed", "port"] as const

const textOf = ({ port, secretKey }: Kept): string =>
  KeyText.print("The key and the port of a tower for trying things out.", [
    ["seed", toHex(Redacted.value(secretKey))],
    ["port", String(port)]
  ])

const parse = (text: string): Either.Either<Kept, KeyText.Fault> =>
  Either.gen(function* () {
    const fields = yield* KeyText.parse(text, names)
    const seed = yield* KeyText.parseSeed(fields.get("seed") ?? "")
    const port = Number(fields.get("port") ?? "0")
    if (seed.length !== 32 || !Number.isInteger(port) || port < 0 || port > 0xffff) {
      return yield* Either.left(KeyText.malformed("it holds no key and port of a tower"))
    }
    return { secretKey: Redacted.make(seed), port }
  })

const file = (place: Place): string => path.join(place.folder, "tower")

const kept = (place: Place) =>
  Effect.gen(function* () {
    const text = yield* PrivateFile.read(file(place))
    return yield* Either.mapLeft(
      parse(text),
      (fault) =>
        new KeyFileError({
          path: file(place),
          reason: fault._tag === "TooNew" ? "TooNew" : "NotAKeyFile",
          detail: fault._tag === "TooNew" ? String(fault.version) : fault.what
        })
    )
  })

const keep = (place: Place, tower: Kept) =>
  Effect.andThen(makeFolder(place), PrivateFile.create(file(place), textOf(tower)))

/** What the caller may want otherwise. @since 0.1.0 @category models */
export interface Options {
  /** Instead of the port that is kept. */
  readonly port?: number | undefined
  readonly onSession?: LoopbackTower.Options["onSession"]
}

/** The place's tower, new when there was none; it listens while the scope is open. @since 0.1.0 @category constructors */
export const open = (place: Place, options: Options = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const isNew = !(yield* Effect.orElseSucceed(fs.exists(file(place)), () => false))
    const { port, secretKey } = isNew ? yield* newTower : yield* kept(place)
    const tower = yield* NodeLoopbackTower.make({
      chain: place.chain,
      secretKey,
      port: options.port ?? port,
      onSession: options.onSession
    })
    if (isNew) yield* keep(place, { secretKey, port: TowerAddress.hostPort(tower.uri.address).port })
    return tower
  })

const newTower: Effect.Effect<Kept> = Effect.gen(function* () {
  const entropy = yield* Entropy
  return { secretKey: Redacted.make(yield* entropy.bytes(32)), port: 0 }
})
