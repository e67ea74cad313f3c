/** What the negotiator did, as the recorded runs have it: its ports, with a note of each call. */
import { Clock, Effect } from "effect"
import { toHex } from "../../../src/internal/bytes.js"
import type { PublicKey, TowerId } from "../../../src/schema/Ids.js"
import * as Codec from "../../../src/schema/wire/Codec.js"
import type { Message } from "../../../src/schema/wire/Message.js"
import type { TowerTransport } from "../../../src/services/TowerTransport.js"
import type { Event } from "./file.js"
import type { WalkEvent } from "./ScriptedTowerCandidates.js"

export interface Recorder {
  readonly events: ReadonlyArray<Event>
  readonly note: (fields: Readonly<Record<string, unknown>>) => Effect.Effect<void>
}

export const make = (): Recorder => {
  const events: Array<Event> = []
  return {
    events,
    note: (fields) => Effect.map(Clock.currentTimeMillis, (t) => void events.push({ t, ...fields }))
  }
}

/** Notes each event of the walk over the candidates. */
export const walk =
  ({ note }: Recorder) =>
  (event: WalkEvent): Effect.Effect<void> =>
    note(event._tag === "next" ? { op: event._tag, tower: event.tower.id } : { op: event._tag })

const received = (message: Message): Readonly<Record<string, unknown>> => {
  const bytes = Codec.encode(message)
  const type = new DataView(bytes.buffer, bytes.byteOffset).getUint16(0)
  return message._tag === "CreateSessionReply"
    ? { type, code: message.code, lastApplied: message.lastApplied }
    : { type }
}

/** A transport that notes dials, sends and receipts. */
export const transport = (
  { note }: Recorder,
  inner: TowerTransport.Service,
  idOf: (tower: PublicKey) => TowerId
): TowerTransport.Service => ({
  route: inner.route,
  connect: (request) => {
    const tower = idOf(request.tower)
    const dial = note({ op: "dial", tower, address: request.address, key: request.publicKey })
    return Effect.andThen(dial, inner.connect(request)).pipe(
      Effect.tapError(() => note({ op: "dialFailed", tower })),
      Effect.map((connection) => ({
        ...connection,
        send: (message) =>
          Effect.andThen(note({ op: "send", tower, message: toHex(Codec.encode(message)) }), connection.send(message)),
        receive: connection.receive.pipe(
          Effect.tap((message) => note({ op: "receive", tower, ...received(message) })),
          Effect.tapError(() => note({ op: "readFailed", tower }))
        )
      }))
    )
  }
})
