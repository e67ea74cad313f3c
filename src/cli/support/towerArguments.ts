/**
 * The arguments that name a tower.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { DbError, TowerNotFound } from "../../schema/DbError.js"
import { type PublicKey, TowerId } from "../../schema/Ids.js"
import * as TowerUri from "../../schema/TowerUri.js"
import type { ClientDb } from "../../services/ClientDb.js"

/** The URI of a tower to add. @since 0.1.0 @category config */
export const towerUri = Args.text({ name: "tower" }).pipe(
  Args.withDescription(
    "The tower as its operator prints it: publickey@host, or publickey@host:port (default port 9911)"
  )
)

/** The public key of a tower in the database. @since 0.1.0 @category config */
export const publicKey = Args.text({ name: "publickey" }).pipe(
  Args.withDescription("The tower's public key, 66 hex digits")
)

/** The public key of a tower; behind it can stand an address, as in a whole URI. @since 0.1.0 @category combinators */
export const publicKeyOf = (text: string): Effect.Effect<PublicKey, TowerUri.InvalidPublicKey> => {
  const [key = ""] = text.split("@", 1)
  return TowerUri.parsePublicKey(key)
}

/** How a tower is named: by its public key, or by its number; a removed tower has its number alone. @since 0.1.0 @category models */
export type TowerName = Data.TaggedEnum<{
  ByKey: { readonly publicKey: PublicKey }
  ByNumber: { readonly id: TowerId }
}>

const TowerName = Data.taggedEnum<TowerName>()

/** The name of a tower. @since 0.1.0 @category combinators */
export const towerNameOf = (text: string): Effect.Effect<TowerName, TowerUri.InvalidPublicKey> =>
  /^\d+$/.test(text)
    ? Effect.succeed(TowerName.ByNumber({ id: TowerId.make(Number(text)) }))
    : Effect.map(publicKeyOf(text), (publicKey) => TowerName.ByKey({ publicKey }))

/** The number of the tower of this name. @since 0.1.0 @category combinators */
export const towerIdOf = (db: ClientDb.Service, name: TowerName): Effect.Effect<TowerId, DbError | TowerNotFound> =>
  TowerName.$match(name, {
    ByKey: ({ publicKey }) => Effect.map(db.loadTower(publicKey), ({ id }) => id),
    ByNumber: ({ id }) => Effect.succeed(id)
  })
