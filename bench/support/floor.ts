/**
 * The least that sessions cost in Node: the conversation with the tower and the two transactions of each, one session after another,
 * without Effect and without what makes a negotiator safe (time limits, typed failures, leases that are checked, secrets that are
 * overwritten). A failure ends the process. Writes what that cost as JSON, also by step.
 * `node floor.mjs URI FILE COUNT WARM-UP`; the file has the tables, an identity and the tower.
 */
import * as Net from "node:net"
import { Either, Redacted } from "effect"
import { concat, fromHex, toHex } from "../../src/internal/bytes.js"
import type { Cipher } from "../../src/internal/cipher.js"
import * as Frame from "../../src/internal/frame.js"
import * as Hd from "../../src/internal/hd.js"
import * as NativeCurve from "../../src/internal/nativeCurve.js"
import * as Noise from "../../src/internal/noise.js"
import { paths } from "../../src/layers/keys/paths.js"
import { defaults } from "../../src/layers/negotiator/Rules.js"
import * as Chain from "../../src/schema/Chain.js"
import * as Policy from "../../src/schema/Policy.js"
import { hostPort } from "../../src/schema/TowerAddress.js"
import * as TowerUri from "../../src/schema/TowerUri.js"
import { checkInit } from "../../src/schema/wire/CheckInit.js"
import * as Code from "../../src/schema/wire/Code.js"
import * as Codec from "../../src/schema/wire/Codec.js"
import { CreateSession } from "../../src/schema/wire/CreateSession.js"
import { Init } from "../../src/schema/wire/Init.js"
import { familyTowerSession } from "../../src/services/KeyRing.js"
import * as FloorDatabase from "./floorDatabase.js"
import * as Meter from "./meter.js"
import { present } from "./present.js"
import * as Steps from "./steps.js"

const [uri = "", filename = "", count = "", warmUp = ""] = process.argv.slice(2)
const tower = Either.getOrThrow(TowerUri.parse(uri))
const target = hostPort(tower.address)
const towerKey = fromHex(tower.publicKey)
const chain = Chain.bitcoinRegtest
const policy = Policy.defaults(chain)
const init = new Init({ features: [...defaults.features(chain, policy.blobType)], chainHash: chain.chainHash })
const createSession = new CreateSession(policy)
const curve = NativeCurve.make()
const db = FloorDatabase.open(filename, policy, tower.address)

interface Key {
  readonly secret: Uint8Array
  readonly publicKey: Uint8Array
}

const newSecret = () => globalThis.crypto.getRandomValues(new Uint8Array(32))

/** The key that all session keys are children of. */
const family = () => {
  const { family, shared } = paths.lnd
  const path = [...shared({ coinType: chain.coinType, account: 0 }), ...family(familyTowerSession)]
  return Either.getOrThrow(Hd.descend(curve, Either.getOrThrow(Hd.master(curve, newSecret())), path))
}

const parent = family()

const derive = (keyIndex: number): Key => {
  const secret = Either.getOrThrow(Hd.childSecret(curve, parent, Hd.normal(keyIndex)))
  return { secret, publicKey: curve.publicKey(secret) }
}

interface Connection {
  readonly socket: Net.Socket
  /** The next bytes, or nothing at the tower's end. */
  readonly read: () => Promise<Uint8Array | undefined>
}

const connect = async (): Promise<Connection> => {
  const chunks: Array<Uint8Array> = []
  let hasEnded = false
  let wake = () => {}
  // Before it connects: Node 20 ignores it as an option of `connect`.
  const socket = new Net.Socket().setNoDelay(true)
  socket.on("data", (bytes: Buffer) => {
    chunks.push(bytes)
    wake()
  })
  socket.on("end", () => {
    hasEnded = true
    wake()
  })
  const news = (resolve: () => void) => {
    wake = resolve
  }
  await new Promise<void>((resolve) => socket.connect(target, resolve))
  return {
    socket,
    read: async () => {
      while (chunks.length === 0 && !hasEnded) await new Promise<void>(news)
      return chunks.shift()
    }
  }
}

const writeActOne = () => {
  const secret = newSecret()
  const ephemeral = { secret: Redacted.make(secret), publicKey: curve.publicKey(secret) }
  return Either.getOrThrow(Noise.writeActOne(curve, Noise.initiator(towerKey), ephemeral))
}

/** Nothing follows it before act three. */
const readActTwo = async ({ read }: Connection) => {
  let act = present(await read())
  while (act.length < Noise.actLength.two) act = concat(act, present(await read()))
  return act
}

const writeActThree = (awaiting: Noise.AwaitingActTwo, actTwo: Uint8Array, { publicKey, secret }: Key) => {
  const sending = Either.getOrThrow(Noise.readActTwo(curve, awaiting, actTwo))
  const se = Redacted.make(Either.getOrThrow(curve.ecdh(secret, sending.point)))
  return Noise.writeActThree(sending, publicKey, se)
}

/** Reads messages, one by one. */
const messages = ({ read }: Connection, cipher: Cipher) => {
  let decoder = Frame.decoder(cipher)
  const bodies: Array<Uint8Array> = []
  return async () => {
    while (bodies.length === 0) {
      const [next, found] = Frame.push(decoder, present(await read()))
      decoder = next
      bodies.push(...found)
    }
    return Either.getOrThrow(Codec.decode(present(bodies.shift())))
  }
}

const session = async ({ begin, ended }: Steps.Stopwatch) => {
  begin()
  const reserved = db.reserve()
  ended("reserve")
  const key = derive(reserved.keyIndex)
  ended("derive")
  const [awaiting, actOne] = writeActOne()
  ended("act one")
  const connection = await connect()
  const { read, socket } = connection
  ended("connect")
  socket.write(actOne)
  const actTwo = await readActTwo(connection)
  ended("wait for act two")
  const [transport, actThree] = writeActThree(awaiting, actTwo, key)
  const [cipher, initFrame] = Frame.encrypt(transport.send, Codec.encode(init))
  // In one write, as the negotiator does: the tower waits for both.
  socket.write(concat(actThree, initFrame))
  ended("act three and Init")
  const receive = messages(connection, transport.receive)
  const theirs = await receive()
  ended("wait for Init")
  if (theirs._tag !== "Init") throw new Error(`${theirs._tag} came instead of an Init`)
  Either.getOrThrow(checkInit(chain, theirs))
  const [, frame] = Frame.encrypt(cipher, Codec.encode(createSession))
  socket.write(frame)
  ended("CreateSession")
  const reply = await receive()
  ended("wait for the reply")
  if (reply._tag !== "CreateSessionReply" || reply.code !== Code.ok) throw new Error("the tower did not accept")
  db.store(reserved, toHex(key.publicKey))
  ended("store")
  if ((await read()) !== undefined) throw new Error("the tower said more")
  socket.destroy()
  ended("wait for the end")
}

for (let n = 0; n < Number(warmUp); n++) await session(Steps.start())
const steps = Steps.start()
const meter = Meter.start()
for (let n = 0; n < Number(count); n++) {
  const from = performance.now()
  await session(steps)
  meter.took(performance.now() - from)
}
console.log(JSON.stringify({ ...meter.stop(), steps: steps.means() }))
