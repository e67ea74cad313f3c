/**
 * Towers and their addresses. Rows of towers are never deleted: `removed` and `deactivated` are marks.
 *
 * @since 0.1.0
 */
import type { SqlError } from "@effect/sql/SqlError"
import type { Fragment } from "@effect/sql/Statement"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CorruptRow, LastTowerAddr, TowerNotFound } from "../../schema/DbError.js"
import { PublicKey, TowerId } from "../../schema/Ids.js"
import { Tower } from "../../schema/Tower.js"
import { TowerAddress } from "../../schema/TowerAddress.js"
import type { ClientDb } from "../../services/ClientDb.js"
import { column, decode } from "./rows.js"
import { newToken } from "./token.js"
import type { Database } from "./transaction.js"

/** The columns of a tower `t`, under the names of its fields. @since 0.1.0 @category models */
export const towerColumns = ({ sql }: Pick<Database, "sql">): Fragment =>
  sql`t.id, t.public_key AS "publicKey", t.additions, CASE WHEN t.deactivated = 0 THEN 'active' ELSE 'inactive' END AS status`

/** The condition that a tower `t` gives sessions and takes updates. @since 0.1.0 @category combinators */
export const isTowerInUse = ({ sql }: Pick<Database, "sql">): Fragment => sql`t.removed = 0 AND t.deactivated = 0`

/** Decodes towers, a row for each address. @since 0.1.0 @category combinators */
export const towerRows = decode(
  "wt_tower",
  Schema.Struct({
    id: column(TowerId),
    publicKey: PublicKey,
    additions: column(Schema.NonNegativeInt),
    status: Tower.fields.status,
    address: Schema.NullOr(TowerAddress)
  })
)

const towerIds = decode("wt_tower", Schema.Struct({ id: column(TowerId) }))

/** One row for each address, in the order of the result, becomes one tower with all of them. */
const gather = (rows: Effect.Effect.Success<ReturnType<typeof towerRows>>): ReadonlyArray<Tower> => {
  const towers = new Map<TowerId, Omit<typeof Tower.Type, "addresses"> & { readonly addresses: Array<TowerAddress> }>()
  for (const { address, ...row } of rows) {
    const tower = towers.get(row.id) ?? { ...row, addresses: [] }
    if (address !== null) tower.addresses.push(address)
    towers.set(row.id, tower)
  }
  return [...towers.values()].map((tower) => new Tower(tower))
}

const select = (database: Database, where: Fragment): Effect.Effect<ReadonlyArray<Tower>, SqlError | CorruptRow> =>
  database.sql`
    SELECT ${towerColumns(database)}, a.address
    FROM wt_tower t LEFT JOIN wt_address a ON a.tower = t.id
    WHERE ${where}
    ORDER BY t.id, a.position DESC`.pipe(Effect.flatMap(towerRows), Effect.map(gather))

const setStatus = ({ sql }: Database, tower: TowerId, status: "active" | "inactive") =>
  sql`UPDATE wt_session SET status = ${status} WHERE tower = ${tower} AND status <> ${status}`

/** Adds a tower or an address. @since 0.1.0 @category constructors */
export const createTower =
  (database: Database): ClientDb.Service["createTower"] =>
  (publicKey, address) => {
    const { sql, transaction } = database
    const add = (addition: string) =>
      Effect.gen(function* () {
        // The first statement locks the tower's row, so that two additions do not get the same position; and it waits for the
        // lost COMMIT of an earlier run, whose token shows whether it was committed.
        const [row] = yield* Effect.flatMap(
          sql`
            INSERT INTO wt_tower (public_key, last_addition) VALUES (${publicKey}, ${addition})
            ON CONFLICT (public_key) DO UPDATE SET removed = 0, deactivated = 0, last_addition = excluded.last_addition,
              additions = wt_tower.additions
                + CASE WHEN wt_tower.last_addition = excluded.last_addition THEN 0 ELSE 1 END
            RETURNING id`,
          towerIds
        )
        if (row === undefined) return yield* new CorruptRow({ table: "wt_tower", detail: "an added row is not there" })
        yield* sql`
          INSERT INTO wt_address (tower, address, position)
          VALUES (${row.id}, ${address},
            (SELECT coalesce(max(position), 0) + 1 FROM wt_address WHERE tower = ${row.id}))
          ON CONFLICT (tower, address) DO NOTHING`
        yield* sql`DELETE FROM wt_quarantine WHERE tower = ${row.id}`
        yield* setStatus(database, row.id, "active")
        const [tower] = yield* select(database, sql`t.id = ${row.id}`)
        return tower ?? (yield* new CorruptRow({ table: "wt_tower", detail: "an added row is not there" }))
      })
    return Effect.flatMap(newToken, (addition) => transaction("createTower", "synced", add(addition)))
  }

/** Removes an address, or marks a tower as removed. @since 0.1.0 @category constructors */
export const removeTower =
  (database: Database): ClientDb.Service["removeTower"] =>
  (publicKey, address) => {
    const { dialect, sql, transaction } = database
    return transaction(
      "removeTower",
      "synced",
      Effect.gen(function* () {
        const [row] = yield* Effect.flatMap(
          sql`SELECT id FROM wt_tower WHERE public_key = ${publicKey} ${dialect.lock}`,
          towerIds
        )
        if (row === undefined) return
        if (address === undefined) {
          yield* sql`UPDATE wt_tower SET removed = 1 WHERE id = ${row.id}`
          yield* setStatus(database, row.id, "inactive")
          return
        }
        yield* sql`DELETE FROM wt_address WHERE tower = ${row.id} AND address = ${address}`
        const left = yield* sql`SELECT 1 FROM wt_address WHERE tower = ${row.id} LIMIT 1`
        if (left.length === 0) return yield* new LastTowerAddr({ tower: publicKey, address })
      })
    )
  }

/** Marks a tower as deactivated. @since 0.1.0 @category constructors */
export const deactivateTower =
  (database: Database): ClientDb.Service["deactivateTower"] =>
  (publicKey) => {
    const { sql, transaction } = database
    return transaction(
      "deactivateTower",
      "synced",
      Effect.gen(function* () {
        const [row] = yield* Effect.flatMap(
          sql`UPDATE wt_tower SET deactivated = 1 WHERE public_key = ${publicKey} AND removed = 0 RETURNING id`,
          towerIds
        )
        if (row === undefined) return yield* new TowerNotFound({ tower: publicKey })
        yield* setStatus(database, row.id, "inactive")
        const [tower] = yield* select(database, sql`t.id = ${row.id}`)
        return tower ?? (yield* new CorruptRow({ table: "wt_tower", detail: "a deactivated row is not there" }))
      })
    )
  }

const load = (database: Database, operation: string, where: Fragment, tower: PublicKey | TowerId) =>
  database
    .transaction(operation, "read", select(database, where))
    .pipe(Effect.flatMap(([found]) => (found === undefined ? new TowerNotFound({ tower }) : Effect.succeed(found))))

/** Loads a tower by its public key. @since 0.1.0 @category constructors */
export const loadTower =
  (database: Database): ClientDb.Service["loadTower"] =>
  (publicKey) =>
    load(database, "loadTower", database.sql`t.public_key = ${publicKey} AND t.removed = 0`, publicKey)

/** Loads a tower by its number. @since 0.1.0 @category constructors */
export const loadTowerById =
  (database: Database): ClientDb.Service["loadTowerById"] =>
  (id) =>
    load(database, "loadTowerById", database.sql`t.id = ${id} AND t.removed = 0`, id)

/**
 * What changes whenever the list does. Each addition makes the sum of additions larger, for good, since rows of towers are never
 * deleted. Between two additions there are only removals and deactivations, and each of them changes its count in one direction. So no
 * state comes back. Decoding the list each few seconds would hold the event loop for a second with a hundred thousand towers.
 */
const mark = ({ sql }: Database): Effect.Effect<string, SqlError> =>
  Effect.map(
    sql`
      SELECT count(*) AS towers, sum(additions) AS additions, sum(removed) AS removed, sum(deactivated) AS deactivated,
        (SELECT count(*) FROM wt_address) AS addresses, (SELECT sum(position) FROM wt_address) AS positions
      FROM wt_tower`,
    (rows) => JSON.stringify(rows)
  )

/** Lists the towers: the same list as before where nothing has changed. @since 0.1.0 @category constructors */
export const listTowers = (database: Database): ClientDb.Service["listTowers"] => {
  let last: { readonly mark: string; readonly towers: ReadonlyArray<Tower> } | undefined
  return database.transaction(
    "listTowers",
    "read",
    Effect.gen(function* () {
      // Before the list: what changes between the two is seen the next time.
      const now = yield* mark(database)
      if (last?.mark === now) return last.towers
      const towers = yield* select(database, database.sql`t.removed = 0`)
      last = { mark: now, towers }
      return towers
    })
  )
}
