/**
 * What the demo's tower remembers from one run to the next, in a file beside its key: real towers do not forget their sessions, and a
 * client gives up the sessions of one that did.
 *
 * @since 0.1.0
 */
import * as path from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as LoopbackTower from "../../layers/tower/LoopbackTower.js"
import { HexBytes, Hint, SessionId } from "../../schema/Ids.js"
import { Policy } from "../../schema/Policy.js"
import type { ClientPaths } from "./clientPaths.js"

const Update = Schema.Struct({ seqNum: Schema.Int, hint: Hint, encryptedBlob: HexBytes })

const Sessions = Schema.parseJson(
  Schema.Array(
    Schema.Struct({
      id: SessionId,
      policy: Policy,
      rewardScript: HexBytes,
      lastApplied: Schema.Int,
      clientLastApplied: Schema.Int,
      updates: Schema.HashMap({ key: Hint, value: Update })
    })
  )
)

const file = ({ folder }: ClientPaths): string => path.join(folder, "tower-sessions")

/** The sessions of the last run; none where there is no file, or where its writing was cut short. @since 0.1.0 @category combinators */
export const load = (
  paths: ClientPaths
): Effect.Effect<ReadonlyArray<LoopbackTower.TowerSession>, never, FileSystem.FileSystem> =>
  FileSystem.FileSystem.pipe(
    Effect.flatMap((fs) => fs.readFileString(file(paths))),
    Effect.flatMap(Schema.decode(Sessions)),
    Effect.orElseSucceed(() => [])
  )

/** Writes the sessions down. Where that fails the tower has forgotten them next time, and the client finds out. @since 0.1.0 @category combinators */
export const save = (
  paths: ClientPaths,
  { sessions }: LoopbackTower.LoopbackTower
): Effect.Effect<void, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const text = yield* Schema.encode(Sessions)([...(yield* sessions).values()])
    yield* fs.writeFileString(file(paths), text, { mode: 0o600 })
  }).pipe(Effect.ignore)
