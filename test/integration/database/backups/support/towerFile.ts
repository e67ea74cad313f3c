/** The file of a tower: a line for each session that was created or changed, with the update that was stored if it was one. */
import * as fs from "node:fs"
import { HashMap, Schema } from "effect"
import type { TowerSession, TowerUpdate } from "../../../../../src/layers/tower/sessions.js"
import { HexBytes, Hint, SessionId } from "../../../../../src/schema/Ids.js"
import * as Policy from "../../../../../src/schema/Policy.js"

const Line = Schema.parseJson(
  Schema.Struct({
    id: SessionId,
    policy: Policy.Policy,
    rewardScript: HexBytes,
    lastApplied: Schema.Number,
    clientLastApplied: Schema.Number,
    update: Schema.optional(Schema.Struct({ seqNum: Schema.Number, hint: Hint, encryptedBlob: HexBytes }))
  })
)
export type Line = typeof Line.Type

/** One write a line: a tower that is killed leaves no half of one. */
export const append = (file: string, session: TowerSession, update: TowerUpdate | undefined): void => {
  const { clientLastApplied, id, lastApplied, policy, rewardScript } = session
  const line = Schema.encodeSync(Line)({ id, policy, rewardScript, lastApplied, clientLastApplied, update })
  fs.appendFileSync(file, `${line}\n`)
}

export const linesIn = (file: string): ReadonlyArray<Line> =>
  fs
    .readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Schema.decodeSync(Line)(line))

/** The sessions as the tower remembers them. */
export const sessionsIn = (file: string): ReadonlyArray<TowerSession> => {
  const sessions = new Map<SessionId, TowerSession>()
  for (const { update, ...session } of linesIn(file)) {
    const before = update === undefined ? undefined : sessions.get(session.id)?.updates
    const updates = before ?? HashMap.empty<Hint, TowerUpdate>()
    sessions.set(session.id, {
      ...session,
      updates: update === undefined ? updates : HashMap.set(updates, update.hint, update)
    })
  }
  return [...sessions.values()]
}
