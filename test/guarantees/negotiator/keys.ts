/**
 * G2 (docs/negotiation.md): no key index is shown to two towers or taken again after its end, and a tower holds no session that we
 * do not have, but for those whose keys are reserved for it. G7: a visit takes at most `maxKeyAttempts` key indexes.
 */
import * as TowerScript from "../../../src/layers/testing/TowerScript.js"
import type { KeyIndex, PublicKey, TowerId } from "../../../src/schema/Ids.js"
import * as Code from "../../../src/schema/wire/Code.js"
import type { Violate } from "../guarantee.js"
import type { Context, Guarantee } from "./context.js"
import type { Records } from "./database.js"

export const make = ({ settings, violate }: Context): Guarantee => {
  const towers = new Map<KeyIndex, PublicKey>()
  const ended = new Set<KeyIndex>()
  const taken = new Map<PublicKey, number>()
  const held = new Map<PublicKey, KeyIndex>()
  return {
    onEvent: ({ happening }) => {
      switch (happening._tag) {
        case "VisitStarted":
          taken.set(happening.tower, 0)
          held.delete(happening.tower)
          return
        case "KeyReserved": {
          const { keyIndex, tower } = happening
          if ((towers.get(keyIndex) ?? tower) !== tower) violate("G2", "a key index was reserved for two towers")
          if (ended.has(keyIndex)) violate("G2", "a key index was reserved again after its end")
          const count = (taken.get(tower) ?? 0) + 1
          if (count > settings.maxKeyAttempts) violate("G7", "more than maxKeyAttempts key indexes in a visit")
          towers.set(keyIndex, tower)
          taken.set(tower, count)
          held.set(tower, keyIndex)
          return
        }
        case "KeyShown":
          if (held.get(happening.tower) !== happening.keyIndex) violate("G2", "a key was shown that is not held")
          return
        case "KeyUsed":
          ended.add(happening.keyIndex)
          return
        case "SessionStored": {
          const { keyIndex, towerPublicKey } = happening.session
          if (held.get(towerPublicKey) !== keyIndex) violate("G2", "a session was stored for a key that is not held")
          ended.add(keyIndex)
        }
      }
    }
  }
}

export interface HeldSessions extends Guarantee {
  /** A script whose tower remembers the keys of the sessions that it accepts. */
  readonly remembering: (tower: PublicKey, script: TowerScript.Script) => TowerScript.Script
}

/** The sessions that towers hold, over all runs. */
export const heldSessions = (
  violate: Violate,
  { reserved, stored }: Records,
  idOf: (tower: PublicKey) => TowerId | undefined
): HeldSessions => {
  const accepted = new Map<PublicKey, Set<PublicKey>>()
  return {
    remembering: (tower, script) => ({
      ...script,
      reply: (request, open) => {
        const reply = (script.reply ?? TowerScript.goodReply)(request, open)
        const keys = accepted.get(tower) ?? new Set()
        accepted.set(tower, keys)
        if (reply.code === Code.ok) keys.add(open.publicKey)
        // A lie, since no update was ever sent: the key is ended, and what the tower held with it.
        if (reply.code === Code.alreadyExists) keys.delete(open.publicKey)
        return reply
      }
    }),
    onEnd: () => {
      const ours = new Set<string>(stored)
      for (const [tower, keys] of accepted) {
        const id = idOf(tower)
        const left = [...keys].filter((key) => !ours.has(key) && (id === undefined || !reserved(id).has(key)))
        if (left.length > 0) violate("G2", `tower ${tower} holds sessions neither stored nor reserved: ${left}`)
      }
    }
  }
}
