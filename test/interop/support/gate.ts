/**
 * Dialers that let a test act at an exact moment of a connection.
 */
import { Effect } from "effect"
import { concat } from "../../../src/internal/bytes.js"
import * as NodeSocketDialer from "../../../src/layers/NodeSocketDialer.js"
import type { SocketDialer } from "../../../src/services/SocketDialer.js"
import { aroundWrites } from "../../support/aroundWrites.js"

/** The client's operations in their order: opening the socket, then one write each. */
export const operations = ["dial", "act one", "act three and Init", "CreateSession"] as const
export type Operation = (typeof operations)[number]

export interface Moment {
  readonly when: "before" | "after"
  readonly operation: Operation
}

/** Runs `act` once, at the moment, on the first connection that comes to it; `dialer` makes the connections, by default over TCP. */
export const make = (
  moment: Moment,
  act: Effect.Effect<void>,
  dialer: SocketDialer.Service = NodeSocketDialer.make
): SocketDialer.Service => {
  let done = false
  const at = (when: Moment["when"], operation: Operation | undefined) =>
    Effect.suspend(() => {
      if (done || operation !== moment.operation || when !== moment.when) return Effect.void
      done = true
      return act
    })
  const around = <A, E, R>(operation: Operation | undefined, effect: Effect.Effect<A, E, R>) =>
    at("before", operation).pipe(Effect.andThen(effect), Effect.zipLeft(at("after", operation)))
  return {
    route: dialer.route,
    dial: (address, onProgress) =>
      Effect.flatMap(around("dial", dialer.dial(address, onProgress)), (socket) => {
        let writes = 0
        return aroundWrites(socket, (write) => around(operations[++writes], write))
      })
  }
}

/** Sends Init, and act three with it, only together with what is written next, in one write. */
export const initWithNext: SocketDialer.Service = {
  route: "clear",
  dial: (address) =>
    Effect.map(NodeSocketDialer.make.dial(address), (socket) => {
      let writes = 0
      let held: Uint8Array = new Uint8Array(0)
      return {
        ...socket,
        write: (bytes, onWritten) => {
          const all = concat(held, bytes)
          const isInit = operations[++writes] === "act three and Init"
          held = isInit ? all : new Uint8Array(0)
          if (isInit) onWritten(true)
          else socket.write(all, onWritten)
        }
      }
    })
}
