/** Backups that the clients of lnd and dcrlnd made, and what their towers made of them (docs/protocol.md, Backups). */
import { readFileSync } from "node:fs"
import { Schema } from "effect"
import { BlobType } from "../../../src/schema/BlobType.js"
import * as Chain from "../../../src/schema/Chain.js"
import { HexBytes } from "../../../src/schema/Ids.js"

const common = {
  name: Schema.String,
  policy: Schema.Struct({
    blobType: BlobType,
    maxUpdates: Schema.Int,
    rewardBase: Schema.Int,
    rewardRate: Schema.Int,
    sweepFeeRate: Schema.Int
  }),
  rewardPkScript: HexBytes,
  breachTx: Schema.Struct({ raw: HexBytes }),
  stateUpdate: HexBytes
}

const Punished = Schema.Struct({
  ...common,
  justice: Schema.Struct({
    signed: HexBytes,
    fee: Schema.Int,
    inputs: Schema.Array(
      Schema.Struct({ role: Schema.Literal("toLocal", "toRemote"), prevIndex: Schema.Int, value: Schema.Int })
    )
  })
})

const File = Schema.parseJson(
  Schema.Struct({ cases: Schema.Array(Punished), unpunishable: Schema.Array(Schema.Struct(common)) })
)

const read = (name: string) =>
  Schema.decodeUnknownSync(File)(readFileSync(new URL(`../../fixtures/${name}.json`, import.meta.url), "utf8"))

/** Each with its chain. */
export const files: ReadonlyArray<typeof File.Type & { readonly chain: Chain.AnyChain }> = [
  { chain: Chain.bitcoinRegtest, ...read("backup-vectors") },
  { chain: Chain.decredRegnet, ...read("backup-vectors-decred") }
]
