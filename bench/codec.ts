/**
 * The messages of wtwire as bytes, both ways: ours beside a floor. No other library in JavaScript has the messages of
 * watchtowers, so the floor is written here, by hand and for these messages only: it reads and writes a Buffer at known
 * offsets, checks nothing but the length, and answers plain objects.
 */
import { Either } from "effect"
import * as Chain from "../src/schema/Chain.js"
import { HexBytes, Hint } from "../src/schema/Ids.js"
import * as Policy from "../src/schema/Policy.js"
import * as Codec from "../src/schema/wire/Codec.js"
import { CreateSession } from "../src/schema/wire/CreateSession.js"
import { CreateSessionReply } from "../src/schema/wire/CreateSessionReply.js"
import { Init } from "../src/schema/wire/Init.js"
import type { Message } from "../src/schema/wire/Message.js"
import { StateUpdate } from "../src/schema/wire/StateUpdate.js"
import { StateUpdateReply } from "../src/schema/wire/StateUpdateReply.js"
import { contender, inTurn, printRates, type Rates } from "./support/rates.js"

const runs = 5
const millisEach = 60
const chain = Chain.bitcoinRegtest
const { blobType, maxUpdates, rewardBase, rewardRate, sweepFeeRate } = Policy.defaults(chain)
const hint = "0f".repeat(16)
/** As long as the blob of a channel with anchors. */
const blob = "a5".repeat(314)

/** A message as we have it and as the floor has it, and how the floor writes and reads it. */
interface Case<Plain> {
  readonly message: Message
  readonly plain: Plain
  readonly write: (plain: Plain) => Uint8Array
  readonly read: (bytes: Buffer) => Plain
}

const of = <Plain>({ message, plain, read, write }: Case<Plain>) => {
  const encoded = Codec.encode(message)
  const buffer = Buffer.from(encoded)
  if (!buffer.equals(write(plain))) throw new Error(`the floor writes a ${message._tag} of its own`)
  if (!buffer.equals(write(read(buffer)))) throw new Error(`the floor does not read a ${message._tag}`)
  return {
    name: `${message._tag}, ${encoded.length} B`,
    encode: [contender("ours", () => Codec.encode(message)), contender("floor", () => write(plain))],
    decode: [contender("ours", () => Either.getOrThrow(Codec.decode(encoded))), contender("floor", () => read(buffer))]
  }
}

/** A buffer of a message of this type. */
const begin = (type: number, length: number): Buffer => {
  const bytes = Buffer.allocUnsafe(length)
  bytes.writeUInt16BE(type, 0)
  return bytes
}

const expect = (bytes: Buffer, length: number): void => {
  if (bytes.length < length) throw new Error("truncated")
}

const cases = [
  of({
    message: new Init({ features: [1], chainHash: chain.chainHash }),
    plain: { features: "02", chainHash: `${chain.chainHash}` },
    write: ({ chainHash, features }) => {
      const end = 4 + features.length / 2
      const bytes = begin(600, end + 32)
      bytes.writeUInt16BE(end - 4, 2)
      bytes.write(features, 4, "hex")
      bytes.write(chainHash, end, "hex")
      return bytes
    },
    read: (bytes) => {
      expect(bytes, 36)
      const end = 4 + bytes.readUInt16BE(2)
      expect(bytes, end + 32)
      return { features: bytes.toString("hex", 4, end), chainHash: bytes.toString("hex", end, end + 32) }
    }
  }),
  of({
    message: new CreateSession({ blobType, maxUpdates, rewardBase, rewardRate, sweepFeeRate }),
    plain: { blobType: Number(blobType), maxUpdates, rewardBase, rewardRate, sweepFeeRate: BigInt(sweepFeeRate) },
    write: (plain) => {
      const bytes = begin(602, 22)
      bytes.writeUInt16BE(plain.blobType, 2)
      bytes.writeUInt16BE(plain.maxUpdates, 4)
      bytes.writeUInt32BE(plain.rewardBase, 6)
      bytes.writeUInt32BE(plain.rewardRate, 10)
      bytes.writeBigUInt64BE(plain.sweepFeeRate, 14)
      return bytes
    },
    read: (bytes) => {
      expect(bytes, 22)
      return {
        blobType: bytes.readUInt16BE(2),
        maxUpdates: bytes.readUInt16BE(4),
        rewardBase: bytes.readUInt32BE(6),
        rewardRate: bytes.readUInt32BE(10),
        sweepFeeRate: bytes.readBigUInt64BE(14)
      }
    }
  }),
  of({
    message: new CreateSessionReply({ code: 0, lastApplied: 0, data: HexBytes.make("") }),
    plain: { code: 0, lastApplied: 0, data: "" },
    write: ({ code, data, lastApplied }) => {
      // The floor knows the short form of a size only.
      const bytes = begin(603, 7 + data.length / 2)
      bytes.writeUInt16BE(code, 2)
      bytes.writeUInt16BE(lastApplied, 4)
      bytes.writeUInt8(data.length / 2, 6)
      bytes.write(data, 7, "hex")
      return bytes
    },
    read: (bytes) => {
      expect(bytes, 7)
      const end = 7 + bytes.readUInt8(6)
      expect(bytes, end)
      return { code: bytes.readUInt16BE(2), lastApplied: bytes.readUInt16BE(4), data: bytes.toString("hex", 7, end) }
    }
  }),
  of({
    message: new StateUpdate({
      seqNum: 7,
      lastApplied: 6,
      isComplete: 0,
      hint: Hint.make(hint),
      encryptedBlob: HexBytes.make(blob)
    }),
    plain: { seqNum: 7, lastApplied: 6, isComplete: 0, hint, encryptedBlob: blob },
    write: (plain) => {
      // The floor knows the form of a size with three bytes only.
      const bytes = begin(604, 26 + plain.encryptedBlob.length / 2)
      bytes.writeUInt16BE(plain.seqNum, 2)
      bytes.writeUInt16BE(plain.lastApplied, 4)
      bytes.writeUInt8(plain.isComplete, 6)
      bytes.write(plain.hint, 7, "hex")
      bytes.writeUInt8(0xfd, 23)
      bytes.writeUInt16LE(plain.encryptedBlob.length / 2, 24)
      bytes.write(plain.encryptedBlob, 26, "hex")
      return bytes
    },
    read: (bytes) => {
      expect(bytes, 26)
      const end = 26 + bytes.readUInt16LE(24)
      expect(bytes, end)
      return {
        seqNum: bytes.readUInt16BE(2),
        lastApplied: bytes.readUInt16BE(4),
        isComplete: bytes.readUInt8(6),
        hint: bytes.toString("hex", 7, 23),
        encryptedBlob: bytes.toString("hex", 26, end)
      }
    }
  }),
  of({
    message: new StateUpdateReply({ code: 0, lastApplied: 7 }),
    plain: { code: 0, lastApplied: 7 },
    write: ({ code, lastApplied }) => {
      const bytes = begin(605, 6)
      bytes.writeUInt16BE(code, 2)
      bytes.writeUInt16BE(lastApplied, 4)
      return bytes
    },
    read: (bytes) => {
      expect(bytes, 6)
      return { code: bytes.readUInt16BE(2), lastApplied: bytes.readUInt16BE(4) }
    }
  })
]

/** Prints messages a second; answers the figures of each run. @since 0.1.0 */
export const codec = async (): Promise<Readonly<Record<string, Rates>>> => {
  const found: Record<string, Rates> = {}
  for (const { decode, encode, name } of cases) {
    for (const [work, contenders] of Object.entries({ encode, decode })) {
      const title = `${work} ${name}`
      const rates = await inTurn(contenders, runs, millisEach)
      printRates(`${title}, as often a second, median of ${runs} (least to most):`, rates, ["floor"])
      found[title] = rates
    }
  }
  return found
}
