/** A small name server on 127.0.0.1, for processes in a network of their own, or for those that can be told its port. */
import * as Dgram from "node:dgram"
import * as Net from "node:net"
import { Effect } from "effect"

/** What it knows of a name; of a family that is missing, that there is none. */
export interface Zone {
  readonly [name: string]: {
    readonly A?: ReadonlyArray<string>
    readonly AAAA?: ReadonlyArray<string>
    /** Does not answer for this family. */
    readonly silent?: "A" | "AAAA"
    /** Answers for IPv6 when this is over. */
    readonly lateAAAA?: Promise<void>
  }
}

const types: Readonly<Record<number, "A" | "AAAA">> = { 1: "A", 28: "AAAA" }
const noSuchName = 3

const bytesOf = (address: string): Buffer => {
  if (Net.isIPv4(address)) return Buffer.from(address.split(".").map(Number))
  // The only form that the zones have: eight groups, of which those in one gap are left out.
  const [before = [], after = []] = address
    .split("::")
    .map((groups) => groups.split(":").filter((group) => group !== ""))
  const gap = Array.from({ length: 8 - before.length - after.length }, () => "")
  return Buffer.from([...before, ...gap, ...after].map((group) => group.padStart(4, "0")).join(""), "hex")
}

/** The name that a query is about, and where the question ends. */
const question = (query: Buffer): { readonly name: string; readonly end: number } => {
  const labels: Array<string> = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join(".").toLowerCase(), end: at + 5 }
}

const answer = (query: Buffer, end: number, addresses: ReadonlyArray<string> | undefined): Buffer => {
  const head = Buffer.from(query.subarray(0, end))
  head.writeUInt16BE(0x8180 | (addresses === undefined ? noSuchName : 0), 2)
  head.writeUInt16BE(addresses?.length ?? 0, 6)
  head.writeUInt32BE(0, 8)
  const records = (addresses ?? []).map((address) => {
    const data = bytesOf(address)
    const record = Buffer.from([0xc0, 12, 0, data.length === 4 ? 1 : 28, 0, 1, 0, 0, 0, 1, 0, data.length])
    return Buffer.concat([record, data])
  })
  return Buffer.concat([head, ...records])
}

/** Serves the zone as long as the scope, and is silent about names that begin with `dead`; `asked`: what it was asked for. */
export const serve = (zone: Zone, port = 53) =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    const socket = yield* Effect.acquireRelease(
      Effect.async<Dgram.Socket>((resume) => {
        const opened = Dgram.createSocket("udp4")
        opened.bind(port, "127.0.0.1", () => resume(Effect.succeed(opened)))
      }),
      (opened) => Effect.sync(() => opened.close())
    )
    socket.on("message", (query, client) => {
      const { end, name } = question(query)
      const type = types[query.readUInt16BE(end - 4)]
      asked.push(`${type} ${name}`)
      const known = zone[name]
      if (name.startsWith("dead") || type === undefined || known?.silent === type) return
      const reply = answer(query, end, known === undefined ? undefined : (known[type] ?? []))
      const send = () => socket.send(reply, client.port, client.address)
      if (type === "AAAA" && known?.lateAAAA !== undefined) void known.lateAAAA.then(send)
      else send()
    })
    return { asked }
  })
