/**
 * G6 (docs/negotiation.md): while a round is undecided and fewer than `maxHedged` visits run, each tower that can be asked is
 * asked within one `hedgeDelay` of the last start; nobody sleeps while there is somebody to ask.
 */
import type { PublicKey } from "../../../../src/schema/Ids.js"
import type { Guard, Scene } from "./guard.js"

export const make = ({ candidates, deeds, fail, now, plan, status, wall }: Scene): Guard => {
  const { hedgeDelay, maxHedged } = plan.settings
  const running = new Set<PublicKey>()
  const visited = new Set<PublicKey>()
  const probes = new Map<PublicKey, number>()
  let lastStart = 0
  let isOpen = false
  let ownFailures = 0
  let calledOff = 0
  let heard = 0
  let roundSince = 0

  /** What is added is released from quarantine. */
  const release = () => {
    for (const tower of deeds.additions.slice(heard)) probes.delete(tower)
    heard = deeds.additions.length
  }
  const askable = () => candidates().filter(({ publicKey }) => (probes.get(publicKey) ?? 0) <= wall())

  return {
    hear: ({ happening }) => {
      release()
      switch (happening._tag) {
        case "RoundStarted":
          running.clear()
          visited.clear()
          isOpen = true
          roundSince = wall()
          ownFailures = 0
          calledOff = deeds.calledOff
          return
        case "RoundEnded":
          isOpen = false
          return
        case "VisitStarted":
          running.add(happening.tower)
          visited.add(happening.tower)
          probes.delete(happening.tower)
          lastStart = now()
          return
        case "VisitFailed":
          running.delete(happening.tower)
          if (!happening.blamed) ownFailures += 1
          return
        case "VisitInterrupted":
          running.delete(happening.tower)
          return
        case "Quarantined":
          probes.set(happening.tower, happening.probeAt)
          return
        case "WaitingForCandidates": {
          if (deeds.jumps > 0 || plan.yieldEvery !== null) return
          const first = Math.min(...candidates().map(({ publicKey }) => probes.get(publicKey) ?? 0))
          const until = Number.isFinite(first) ? first : undefined
          if (happening.until !== until) fail(`waiting for candidates until ${happening.until} instead of ${until}`)
          return
        }
        case "BackingOff":
          if (deeds.jumps === 0 && plan.yieldEvery === null && askable().length === 0) {
            fail("backing off with nobody to ask")
          }
          return
        default:
          return
      }
    },
    pass: (until) => {
      release()
      if (deeds.jumps > 0) return
      const { state } = status()
      if (state._tag === "WaitingForCandidates" && askable().length > 0) {
        fail("waiting for candidates while there is somebody to ask")
      }
      const isClaimed =
        state._tag === "Negotiating" && state.attempts.some(({ step }) => step === "storing" || step === "hangingUp")
      if (!isOpen || isClaimed || ownFailures >= 2 || deeds.calledOff > calledOff) return
      if (running.size >= maxHedged || until <= lastStart + hedgeDelay) return
      // Whose probe falls due in the middle of a round is not waited for.
      const next = candidates().find(
        ({ publicKey }) => !visited.has(publicKey) && (probes.get(publicKey) ?? 0) <= roundSince
      )
      if (next !== undefined) fail(`G6: tower ${next.id} was not asked within a hedge delay`)
    }
  }
}
