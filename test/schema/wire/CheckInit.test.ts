import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as Chain from "../../../src/schema/Chain.js"
import { checkInit } from "../../../src/schema/wire/CheckInit.js"
import { Init } from "../../../src/schema/wire/Init.js"

const { bitcoinMainnet, decredMainnet } = Chain

const said = (local: Chain.Chain, remote: Chain.Chain, ...features: Array<number>): unknown =>
  Either.match(checkInit(local, new Init({ features, chainHash: remote.chainHash })), {
    onLeft: ({ features, reason, theirChain }): unknown => ({ reason, features, theirChain }),
    onRight: () => "ok"
  })

describe("checkInit (docs/protocol.md, Checking the other side's Init)", () => {
  it.each([[[]], [[0]], [[1]], [[0, 1]], [[1, 3]], [[2, 3]], [[4, 5]], [[7]], [[101]], [[65535]]])(
    "lets %j pass",
    (features) => {
      assert.strictEqual(said(bitcoinMainnet, bitcoinMainnet, ...features), "ok")
    }
  )

  it("refuses even bits that are not known, and names them all", () => {
    const refused = (...features: Array<number>) => ({
      reason: "UnknownRequiredFeature",
      features,
      theirChain: undefined
    })
    assert.deepStrictEqual(said(bitcoinMainnet, bitcoinMainnet, 6), refused(6))
    assert.deepStrictEqual(said(bitcoinMainnet, bitcoinMainnet, 0, 1, 8, 9, 65534), refused(8, 65534))
    assert.deepStrictEqual(said(decredMainnet, decredMainnet, 4, 5), refused(4))
  })

  it("refuses another chain first", () => {
    const refused = { reason: "WrongChain", features: undefined, theirChain: decredMainnet.chainHash }
    assert.deepStrictEqual(said(bitcoinMainnet, decredMainnet, 1, 3), refused)
    assert.deepStrictEqual(said(bitcoinMainnet, decredMainnet, 6), refused)
    assert.notStrictEqual(said(bitcoinMainnet, Chain.bitcoinRegtest, 1, 3), "ok")
  })
})
