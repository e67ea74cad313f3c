/**
 * The key file of a client, made by `init` and `demo`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HdKeyRing from "../../layers/HdKeyRing.js"
import * as KeyFile from "../../layers/KeyFile.js"
import { familyTowerSession } from "../../services/KeyRing.js"
import { type ClientPaths, makeFolder } from "./clientPaths.js"
import { requireOwnDatabase } from "./openDatabase.js"

/** Writes the key file, unless there is one, or a database of another key; answers the public key of the first session key. @since 0.1.0 @category combinators */
export const writeKeyFile = (paths: ClientPaths, material: KeyFile.KeyMaterial) =>
  Effect.gen(function* () {
    // A root that does not fit the chain or the layout is refused before anything is written.
    const { layout, publicKey } = yield* Effect.scoped(
      Effect.gen(function* () {
        const { deriveKey, layout } = yield* HdKeyRing.make({ ...material, chain: paths.chain })
        return { layout, publicKey: yield* deriveKey({ family: familyTowerSession, index: 0 }) }
      })
    )
    yield* requireOwnDatabase(paths, { layout, publicKey })
    yield* makeFolder(paths)
    yield* KeyFile.write(paths.key.path, material)
    return publicKey
  })
