/**
 * A backup by the pure code alone, opened again as a tower does it. Unlike `makeBackup` it takes sessions with a reward, which the
 * amounts and the vectors of the Go programs have.
 */
import { Either } from "effect"
import type { Agreement } from "../../../src/internal/justice/agreement.js"
import { draft, type State, seal } from "../../../src/internal/justice/backup.js"
import type { JusticeCurve } from "../../../src/internal/justice/justiceCurve.js"
import { punish } from "../../../src/internal/justice/punish.js"
import type { Input } from "../../../src/internal/justice/transaction.js"

/** The secrets of a commitment's keys, 32 bytes each. */
export interface Secrets {
  readonly toLocal: Uint8Array
  readonly toRemote: Uint8Array
}

export const pureBackup = (
  curve: JusticeCurve,
  agreement: Agreement,
  state: State,
  secrets: Secrets,
  nonce: Uint8Array
) =>
  Either.gen(function* () {
    const drafted = yield* draft(agreement, state)
    const digestOf = agreement.chain.digestOf(drafted.justice)
    const signed = (input: Input) => {
      const sign = input.spend.scheme === "ecdsa" ? curve.signEcdsa : curve.signSchnorr
      return sign(secrets[input.spend.role], digestOf(input))
    }
    const signatures = { toLocal: signed(drafted.toLocal), toRemote: drafted.toRemote && signed(drafted.toRemote) }
    const blob = seal(agreement, state, drafted, signatures, nonce)
    const punished = yield* punish(curve, agreement, drafted.commitment, blob)
    return { drafted, blob, punished }
  })
