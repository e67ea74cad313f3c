/** What a signer elsewhere is given to sign. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { nobleJusticeCurve as curve } from "../../../src/internal/justice/nobleJusticeCurve.js"
import { makeBackup, signRequests } from "../../../src/layers/backup/makeBackup.js"
import * as RevokedStates from "../../../src/layers/testing/RevokedStates.js"
import * as Chain from "../../../src/schema/Chain.js"
import { blobTypeOf, type Punishable } from "../../../src/schema/Channel.js"
import { HexBytes } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import { SignRequest } from "../../../src/schema/RevokedState.js"

const chains: ReadonlyArray<readonly [Chain.Chain, Punishable]> = [
  [Chain.bitcoinRegtest, "anchors"],
  [Chain.bitcoinRegtest, "taproot"],
  [Chain.decredSimnet, "anchors"]
]

describe("the requests to sign", () => {
  for (const [chain, type] of chains) {
    it.effect(`are those that a signer of a ${type} channel on ${chain.name} is asked`, () =>
      Effect.gen(function* () {
        const { at, channel } = yield* RevokedStates.make({ chain, type })
        const { sign, state } = at(7)
        const session = { chain, policy: Policy.defaults(chain, blobTypeOf(type)), rewardPkScript: HexBytes.make("") }
        const requests = yield* signRequests(curve, session, channel, state)
        const asked: Array<SignRequest> = []
        yield* makeBackup(curve, session, channel, state, (request) => {
          asked.push(request)
          return sign(request)
        })
        assert.deepStrictEqual(requests, asked)
        assert.deepStrictEqual(
          requests.map(({ role }) => role),
          ["toLocal", "toRemote"]
        )
        const json = yield* Schema.encode(Schema.parseJson(Schema.Array(SignRequest)))(requests)
        assert.deepStrictEqual(yield* Schema.decode(Schema.parseJson(Schema.Array(SignRequest)))(json), requests)
      })
    )
  }
})
