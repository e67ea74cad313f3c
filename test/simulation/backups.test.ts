import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { HexBytes } from "../../src/schema/Ids.js"
import { type Options, simulate } from "./backups.js"

const world: Options = { seed: 1, towers: 10, channels: 10, states: 200, days: 0.05, copies: 2 }

const guarantees = (options: Partial<Options>) => [
  ...new Set(simulate({ ...world, ...options }).violations.map(({ guarantee }) => guarantee))
]

describe("no guarantee of backups is violated in a simulated world", () => {
  it.each([1, 2, 3])("of ten towers, with copies at %s of them", (copies) => {
    const summary = simulate({ ...world, seed: copies, copies })
    expect(summary.violations).toEqual([])
    expect(summary.accepted).toBeGreaterThan(50)
  })
})

describe("a defect is found out", () => {
  it("no tower is said to need a state", () => {
    expect(guarantees({ backupDb: (db) => ({ ...db, towerNeeds: () => Effect.succeed([]) }) })).toContain("B1")
  })

  it("a tower is sent other bytes than those of the state that it confirms", () => {
    const backupDb: Options["backupDb"] = (db) => ({
      ...db,
      nextWindow: (...args) =>
        Effect.map(db.nextWindow(...args), (window) =>
          window.map((update) => ({ ...update, encryptedBlob: HexBytes.make(update.encryptedBlob.replace(/.$/, "1")) }))
        )
    })
    expect(guarantees({ backupDb })).toContain("B2")
  })

  it("numbers are given out twice", () => {
    const backupDb: Options["backupDb"] = (db) => ({
      ...db,
      nextWindow: (token, session, request) =>
        Effect.map(db.nextWindow(token, session, request), (window) =>
          window.map((update) => ({ ...update, seqNum: Math.max(1, update.seqNum - 1) }))
        )
    })
    expect(guarantees({ backupDb })).toContain("B4")
  })
})
