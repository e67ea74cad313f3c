/** Kinds of towers, and what befalls them. */
import * as HashMap from "effect/HashMap"
import * as Code from "../../../../src/schema/wire/Code.js"
import type { Behaviour, TowerModel } from "./tower.js"

/** Kinds of towers; those that lie or refuse may be given reasons of their own making. */
export const kinds = {
  good: () => ({ latency: 20 }),
  far: () => ({ latency: 300, think: 40 }),
  slow: () => ({ latency: 50, think: 5000 }),
  refusingDials: () => ({ dial: "refuses" }),
  silentDials: () => ({ dial: "silent" }),
  mute: () => ({ latency: 20, update: () => "silence" }),
  hangingUp: () => ({ latency: 20, update: () => "hangUp" }),
  busy: () => ({ latency: 20, create: () => ({ code: Code.temporaryFailure }) }),
  refusing50: () => ({ latency: 20, update: () => ({ code: Code.permanentFailure }) }),
  refusing70: () => ({ latency: 20, update: () => ({ code: Code.clientBehind }) }),
  refusing71: () => ({ latency: 20, update: () => ({ code: Code.maxUpdatesExceeded }) }),
  refusing72: () => ({ latency: 20, update: () => ({ code: Code.seqNumOutOfOrder }) }),
  failing40: () => ({ latency: 20, update: () => ({ code: Code.temporaryFailure }) }),
  lyingAhead: () => ({ latency: 20, create: () => ({ code: Code.alreadyExists, lastApplied: 0xffff }) }),
  lyingOk: () => ({ latency: 20, update: (_key, { seqNum }) => ({ code: Code.ok, lastApplied: seqNum + 1 }) }),
  dropping: () => {
    // Takes the update, and its reply is lost with the connection.
    let count = 0
    return { latency: 20, drop: () => ++count % 3 === 0 }
  }
} satisfies Record<string, () => Behaviour>

export type Kind = keyof typeof kinds

/** Does it refuse or lie about what it has, so that it loses what it was given? */
export const isLiar = (name: Kind | undefined) =>
  name === "lyingOk" || name === "lyingAhead" || name?.startsWith("refusing") === true

/** Changes its kind; what it remembers stays. */
export const become = (model: TowerModel, name: Kind) => {
  const { create, dial, drop, latency, think, update }: Behaviour = kinds[name]()
  Object.assign(model.behaviour, { create, dial, drop, latency, think, update })
}

/** Makes the tower forget its newest updates, as one that was restored from an older copy. */
export const forgetLast = (model: TowerModel) => {
  model.sessions = HashMap.map(model.sessions, (session) => {
    const lastApplied = Math.ceil(session.lastApplied / 2)
    const updates = HashMap.filter(session.updates, ({ seqNum }) => seqNum <= lastApplied)
    return { ...session, lastApplied, clientLastApplied: 0, updates }
  })
}
