/** Key indexes: none for two towers, none taken again after it was used or stored, at most `maxKeyAttempts` in a visit. */
import type { KeyIndex, PublicKey } from "../../../../src/schema/Ids.js"
import type { Guard, Scene } from "./guard.js"

export const make = ({ fail, plan }: Scene): Guard => {
  const towers = new Map<KeyIndex, PublicKey>()
  const ended = new Set<KeyIndex>()
  const taken = new Map<PublicKey, number>()
  const held = new Map<PublicKey, KeyIndex>()
  return {
    hear: ({ happening }) => {
      switch (happening._tag) {
        case "VisitStarted":
          taken.set(happening.tower, 0)
          held.delete(happening.tower)
          return
        case "KeyReserved": {
          const { keyIndex, tower } = happening
          if ((towers.get(keyIndex) ?? tower) !== tower) fail("an index was reserved for two towers")
          if (ended.has(keyIndex)) fail("an index was reserved again after its end")
          const count = (taken.get(tower) ?? 0) + 1
          if (count > plan.settings.maxKeyAttempts) fail("more than maxKeyAttempts keys in a visit")
          towers.set(keyIndex, tower)
          taken.set(tower, count)
          held.set(tower, keyIndex)
          return
        }
        case "KeyShown":
          if (held.get(happening.tower) !== happening.keyIndex) fail("a key was shown that is not held")
          return
        case "KeyUsed":
          ended.add(happening.keyIndex)
          return
        case "SessionStored":
          if (held.get(happening.session.towerPublicKey) !== happening.session.keyIndex) {
            fail("a session was stored for a key that is not held")
          }
          ended.add(happening.session.keyIndex)
          return
        default:
          return
      }
    }
  }
}
