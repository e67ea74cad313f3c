import { FastCheck } from "effect"
import * as BlobType from "../../../src/schema/BlobType.js"
import { ClientSession } from "../../../src/schema/ClientSession.js"
import { FeeRate, maxFeeRate } from "../../../src/schema/FeeRate.js"
import { ChainHash, HexBytes, KeyIndex, PublicKey, SessionId, TowerId } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import type { Reservation } from "../../../src/schema/Reservation.js"
import * as Standing from "../../../src/schema/Standing.js"
import type { Tower } from "../../../src/schema/Tower.js"
import { TowerAddress } from "../../../src/schema/TowerAddress.js"
import type { ClientDb } from "../../../src/services/ClientDb.js"

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0")

export const publicKey = (n: number) => PublicKey.make(`02${hex(n, 64)}`)
export const address = (n: number) => TowerAddress.make(`tower-${n}.example:9911`)
export const unknownTower = TowerId.make(987_654)

export const identity: ClientDb.Identity = {
  chainHash: ChainHash.make(hex(6, 64)),
  layout: "lnd",
  publicKey: publicKey(0xfff),
  firstKeyIndex: KeyIndex.make(100)
}

export const policy: Policy.Policy = {
  blobType: BlobType.altruistCommit,
  maxUpdates: 1024,
  rewardBase: 0,
  rewardRate: 0,
  sweepFeeRate: FeeRate.make(2500n)
}
export const policyKey = Policy.keyOf(policy)

export const start = 1_700_000_000_000

export const session = (
  tower: Tower,
  reservation: Reservation,
  fields: Partial<ConstructorParameters<typeof ClientSession>[0]> = {}
) =>
  new ClientSession({
    id: SessionId.make(`03${hex(reservation.keyIndex, 64)}`),
    towerId: tower.id,
    towerPublicKey: tower.publicKey,
    keyIndex: reservation.keyIndex,
    policy: { ...policy, blobType: reservation.blobType },
    rewardPkScript: HexBytes.make(""),
    seqNum: 0,
    towerLastApplied: 0,
    status: "active",
    createdAt: start,
    ...fields
  })

export const update = (
  tower: Pick<Tower, "id">,
  standing: Partial<Standing.Standing> = {}
): ClientDb.StandingUpdate => ({
  towerId: tower.id,
  blobType: policy.blobType,
  policyKey,
  standing: { ...Standing.initial, ...standing }
})

const uint = (max: number) => FastCheck.integer({ min: 0, max })

/** What a session can hold, to its bounds. */
export const sessionFields = FastCheck.record({
  policy: FastCheck.record({
    blobType: FastCheck.constant(policy.blobType),
    maxUpdates: uint(0xffff),
    rewardBase: uint(0xffff_ffff),
    rewardRate: uint(0xffff_ffff),
    sweepFeeRate: FastCheck.oneof(
      FastCheck.constantFrom(0n, 2n ** 53n + 1n, maxFeeRate),
      FastCheck.bigInt(0n, maxFeeRate)
    ).map((rate) => FeeRate.make(rate))
  }),
  rewardPkScript: FastCheck.uint8Array({ maxLength: 1024 }).map((bytes) =>
    HexBytes.make(Array.from(bytes, (byte) => hex(byte, 2)).join(""))
  ),
  seqNum: uint(0xffff),
  towerLastApplied: uint(0xffff),
  status: FastCheck.constantFrom("active" as const, "inactive" as const),
  createdAt: FastCheck.integer({ min: 0, max: 2 ** 45 })
})

export const standing: Standing.Standing = {
  failedVisits: 3,
  lastVisit: start - 1000,
  lastSession: start - 2000,
  quarantine: { since: start - 500, reason: "RejectSweepFeeRate" },
  addresses: {
    "tower-1.example:9911": { lastSuccess: start - 2000, lastFailure: start - 1000, failures: 2 },
    "[::1]:9911": { failures: 0 }
  },
  attempts: 17,
  sessions: 4,
  failuresByKind: { DialFailed: 12, SessionRejected: 1 }
}
