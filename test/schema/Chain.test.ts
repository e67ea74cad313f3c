import { assert, describe, it } from "@effect/vitest"
import { Either, Option } from "effect"
import * as BlobType from "../../src/schema/BlobType.js"
import * as Chain from "../../src/schema/Chain.js"
import type { AtomsPerKb, SatPerKw } from "../../src/schema/FeeRate.js"
import * as Policy from "../../src/schema/Policy.js"

const known: ReadonlyArray<readonly [name: string, network: string, chainHash: string]> = [
  ["bitcoin", "mainnet", "6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000"],
  ["bitcoin", "testnet3", "43497fd7f826957108f4a30fd9cec3aeba79972084e90ead01ea330900000000"],
  ["bitcoin", "testnet4", "43f08bdab050e35b567c864b91f47f50ae725ae2de53bcfbbaf284da00000000"],
  ["bitcoin", "signet", "f61eee3b63a380a477a063af32b2bbc97c9ff9f01f2c4225e973988108000000"],
  ["bitcoin", "regtest", "06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f"],
  ["bitcoin", "simnet", "f67ad7695d9b662a72ff3d8edbbb2de0bfa67b13974bb9910d116d5cbd863e68"],
  ["decred", "mainnet", "80d9212bf4ceb066ded2866b39d4ed89e0ab60f335c11df8e7bf85d9c35c8e29"],
  ["decred", "testnet3", "ac9ba434b6f7249b9698d1fcec26d6087e8358c811c7e922f4ca1839e5dc49a6"],
  ["decred", "simnet", "874f6bd1593afe35d60c09202849f5c21a927226b05c25f785959945c682ef6b"],
  ["decred", "regnet", "b07c05d3238851d9e2dc920f649c6430d232872643a0cf44a3bb95aeb494ed2c"]
]

describe("Chain", () => {
  it.each(known)("%s %s has its hash", (name, network, chainHash) => {
    assert.strictEqual(Option.getOrThrow(Chain.find(name, network)).chainHash, chainHash)
  })

  it("knows these ten and no other", () => {
    assert.deepStrictEqual(
      Chain.all.map((chain) => [chain.name, chain.network, chain.chainHash]),
      known.map((row) => [...row])
    )
    assert.deepStrictEqual(Chain.find("bitcoin", "regnet"), Option.none())
    assert.deepStrictEqual(Chain.find("litecoin", "mainnet"), Option.none())
  })

  it("takes the default policy of each", () => {
    const chains: ReadonlyArray<Chain.Chain> = Chain.all
    for (const chain of chains) assert.isTrue(Either.isRight(Policy.validate(Policy.defaults(chain), chain)))
  })

  it("gives new keys the coin types of the wallets", () => {
    const coinTypes = Chain.all.map((chain) => [chain.coinType, chain.legacyCoinType])
    const [main, test] = [
      [0, 0],
      [1, 1]
    ]
    assert.deepStrictEqual(coinTypes, [main, test, test, test, test, test, [42, 20], [1, 11], [1, 115], [1, 1]])
  })

  it("supports a blob type by membership, not by flags (docs/protocol.md, Blob types)", () => {
    const supported = (chain: Chain.AnyChain) =>
      Array.from({ length: 0x1_0000 }, (_, type) => BlobType.BlobType.make(type)).filter((type) =>
        Chain.supports(chain, type)
      )
    assert.deepStrictEqual<Array<number>>(supported(Chain.bitcoinMainnet), [2, 3, 6, 10, 26])
    assert.deepStrictEqual<Array<number>>(supported(Chain.decredMainnet), [2, 3, 6])
  })

  it("sends the feature bits of a blob type (docs/protocol.md, Who sends which bits)", () => {
    const bits = (chain: Chain.AnyChain, type: number) => Chain.clientFeatures(chain, BlobType.BlobType.make(type))
    for (const [type, features] of [
      [0, [0]],
      [2, [0]],
      [3, [0]],
      [6, [0, 2]],
      [7, [0, 2]],
      [10, [0, 4]],
      [14, [0, 4]],
      [26, [0, 4]]
    ] as const) {
      assert.deepStrictEqual(bits(Chain.bitcoinRegtest, type), features)
    }
    for (const [type, features] of [
      [2, [0]],
      [6, [0, 2]],
      [10, [0]],
      [26, [0]]
    ] as const) {
      assert.deepStrictEqual(bits(Chain.decredRegnet, type), features)
    }
  })
})

describe("fee units are types", () => {
  const sats: Policy.Policy<SatPerKw> = Policy.defaults(Chain.bitcoinMainnet)
  const atoms: Policy.Policy<AtomsPerKb> = Policy.defaults(Chain.decredMainnet)

  it("a policy of one chain is none of the other", () => {
    // @ts-expect-error A rate in atoms/kB is none in sat/kw.
    const mixed: Policy.Policy<SatPerKw> = Policy.defaults(Chain.decredMainnet)
    // @ts-expect-error A Decred policy does not fit a Bitcoin chain.
    const decredOnBitcoin = Policy.validate(atoms, Chain.bitcoinMainnet)
    // @ts-expect-error A Bitcoin policy does not fit a Decred chain.
    const bitcoinOnDecred = Policy.validate(sats, Chain.decredMainnet)
    // @ts-expect-error A bare number of satoshi has no unit.
    const bare: Policy.Policy<SatPerKw> = { ...sats, sweepFeeRate: 2500n }
    // What does not type-check still runs: 2,500 atoms/kB would be too low, which is why the types are there.
    assert.isTrue(Either.isLeft(bitcoinOnDecred))
    assert.isTrue(Either.isRight(decredOnBitcoin))
    assert.deepStrictEqual([mixed.sweepFeeRate, bare.sweepFeeRate], [10_000n, 2500n])
  })
})
