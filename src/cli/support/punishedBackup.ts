/**
 * What sessions are for, printed step by step: revoked states of a channel are backed up, one of them is published, and the tower
 * punishes it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { fromHex, toHex } from "../../internal/bytes.js"
import { nobleJusticeCurve } from "../../internal/justice/nobleJusticeCurve.js"
import { justiceChainOf } from "../../layers/backup/agreement.js"
import type { RevokedStates } from "../../layers/testing/RevokedStates.js"
import type { LoopbackTower } from "../../layers/tower/LoopbackTower.js"
import type { Chain } from "../../schema/Chain.js"
import type { HexBytes } from "../../schema/Ids.js"
import { outputNames, type Role } from "../../schema/RevokedState.js"
import type { TowerClient } from "../../services/TowerClient.js"
import { short } from "./views.js"

/** The client, its tower, and the channel. @since 0.1.0 @category models */
export interface Parties {
  readonly chain: Chain
  readonly client: TowerClient.Service
  /** A tower whose address the client knows. */
  readonly tower: LoopbackTower
  readonly states: RevokedStates
}

const whose: Readonly<Record<Role, string>> = { toLocal: "their", toRemote: "our" }

/** Backs up states 1 to 3, publishes the third, and answers what the tower makes of it. @since 0.1.0 @category combinators */
export const punishedBackup = (
  { chain, client, states: { at, channel }, tower }: Parties,
  print: (line: string) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const [unit] = chain.feeUnit.split("/")
    const read = readerOf(chain)
    const last = at(3).state

    yield* print("\n6. A channel has three revoked states; the tower client backs them up")
    yield* client.registerChannel(channel)
    yield* print(`   channel ${short(channel.id)}: ${channel.type}; our script is ${channel.sweepPkScript}`)
    for (const { sign, state } of [at(1), at(2), at(3)]) {
      yield* client.backupState(state, sign)
      yield* print(`   state ${state.commitHeight}: checked, signed, encrypted, stored`)
    }

    yield* print("\n7. The tower gets a copy of each, which it cannot read")
    yield* client.awaitBackup(channel.id, last.commitHeight)
    for (const { id, lastApplied } of (yield* tower.sessions).values()) {
      if (lastApplied > 0) yield* print(`   session ${short(id)}: has ${lastApplied} updates`)
    }
    const summary = yield* client.channel(channel.id)
    yield* print(`   ${summary.complete} of ${summary.handedIn} states have their copy`)

    yield* print(`\n8. The other side publishes state ${last.commitHeight}, although it is revoked`)
    const commitment = read(last.commitmentTransaction)
    yield* print(`   transaction ${commitment.id}`)

    const [justice] = yield* tower.breach(last.commitmentTransaction)
    const { id, outputs } = read(justice.transaction)
    const swept = justice.swept
      .map(({ role, value }) => `${whose[role]} ${value} ${unit} (${outputNames[role]})`)
      .join(" and ")
    const ours = outputs.filter(({ script }) => script === channel.sweepPkScript).map(({ value }) => value)
    yield* print("\n9. The tower opens its copy with the id of that transaction, and punishes")
    yield* print(`   update ${justice.seqNum} of session ${short(justice.sessionId)}`)
    yield* print(`   transaction ${id}`)
    yield* print(`   spends ${swept}; each signature was verified`)
    yield* print(
      `   pays ${ours.reduce((sum, value) => sum + value, 0n)} ${unit} to our script, ${justice.fee} ${unit} in fees`
    )
    return { channel: summary, justice }
  })

/** Reads transactions that were made here; anything else is a bug. */
const readerOf = (chain: Chain) => {
  const { readTransaction } = justiceChainOf(nobleJusticeCurve, chain)
  return (transaction: HexBytes) => {
    const { outputs, txid } = Either.getOrThrow(readTransaction(fromHex(transaction)))
    return {
      // As explorers show it.
      id: toHex(txid.toReversed()),
      outputs: outputs.map(({ script, value }) => ({ value, script: toHex(script) }))
    }
  }
}
