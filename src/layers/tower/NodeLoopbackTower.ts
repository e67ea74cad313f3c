/**
 * A loopback tower that listens on 127.0.0.1, over node:net.
 *
 * When its scope closes it stops listening, and then ends all connections at once: no connection can come in between.
 *
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { Chain, TowerCandidates } from "effect-watchtower"
 * import * as NodeLoopbackTower from "effect-watchtower/layers/tower/NodeLoopbackTower"
 *
 * // Starts a tower on this machine and makes it a candidate. It listens while the scope is open.
 * export const addOwnTower = Effect.gen(function* () {
 *   const secretKey = Redacted.make(new Uint8Array(32).fill(1))
 *   const { uri } = yield* NodeLoopbackTower.make({ chain: Chain.bitcoinRegtest, secretKey })
 *   const candidates = yield* TowerCandidates.TowerCandidates
 *   return yield* candidates.add(uri.publicKey, uri.address)
 * })
 * ```
 *
 * @since 0.1.0
 * @module
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { encodedError } from "../../internal/json.js"
import * as Table from "../../internal/optionTable.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import { TowerAddress } from "../../schema/TowerAddress.js"
import { TowerUri } from "../../schema/TowerUri.js"
import { scoped } from "../concurrency/scoped.js"
import * as NodeSocketDialer from "../NodeSocketDialer.js"
import { decodeOptions } from "../support/decodeOptions.js"
import * as LoopbackTower from "./LoopbackTower.js"

/** Where it listens, and how long a client may take. @since 0.1.0 @category config */
export const options = Table.table("NodeLoopbackTower", [], {
  port: Table.withDefault(
    Table.wholeNumber({ least: 0, most: 0xffff }),
    0,
    "The port to listen on; 0 takes any that is free"
  ),
  ...LoopbackTower.options.entries
})

/** What kind of tower it is, and where it listens. docs/options.md has port and times. @since 0.1.0 @category testing */
export interface Options extends LoopbackTower.Options, Table.Input<typeof options> {}

/** A tower that can be dialled, and its control panel. @since 0.1.0 @category testing */
export interface NodeLoopbackTower extends LoopbackTower.LoopbackTower {
  readonly uri: TowerUri
}

/** The tower cannot listen. @since 0.1.0 @category errors */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  port: Schema.Int,
  reason: Schema.Literal("PortInUse", "NotAllowed", "Other"),
  cause: Schema.Defect
}) {
  override get message() {
    const why: Record<ListenFailed["reason"], string> = {
      PortInUse: "the port is in use. Choose another one, or stop the program that listens there",
      NotAllowed: "the port is reserved. Choose one above 1023",
      Other: "the system refused"
    }
    return `Cannot listen on 127.0.0.1:${this.port}: ${why[this.reason]}.`
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(ListenFailed, this)
  }
}

const reasons: Readonly<Record<string, ListenFailed["reason"]>> = { EADDRINUSE: "PortInUse", EACCES: "NotAllowed" }

/** The socket of an accepted connection, open while its scope is. */
const socketOf = (accepted: Net.Socket): Effect.Effect<LoopbackTower.Socket, never, Scope.Scope> =>
  Effect.map(NodeSocketDialer.fromSocket(accepted), (raw) => ({
    ...raw,
    close: Effect.sync(() => {
      accepted.destroy()
    })
  }))

/** Listens; answers the port. */
const listen = (server: Net.Server, port: number): Effect.Effect<number, ListenFailed> =>
  Effect.async((resume) => {
    // Never removed: without a listener, an accept that fails later, for want of file descriptors, ends the process.
    server.on("error", (cause: NodeJS.ErrnoException) =>
      resume(new ListenFailed({ port, reason: reasons[cause.code ?? ""] ?? "Other", cause }))
    )
    server.listen({ host: "127.0.0.1", port }, () => {
      const bound = server.address()
      // A TCP server that listens has an address of this form; the type covers other servers too.
      resume(Effect.succeed(typeof bound === "object" && bound !== null ? bound.port : port))
    })
  })

/** A tower that listens while the scope is open. @since 0.1.0 @category constructors */
export const make = (given: Options): Effect.Effect<NodeLoopbackTower, InvalidOptions | ListenFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const settings = yield* decodeOptions(options, given)
    const tower = yield* LoopbackTower.make(given)
    const server = new Net.Server({ allowHalfOpen: true })
    const run = yield* FiberSet.makeRuntime<never>()
    server.on("connection", (accepted) => run(scoped(Effect.flatMap(socketOf(accepted), tower.serve))))
    const port = yield* Effect.acquireRelease(listen(server, settings.port), () => Effect.sync(() => server.close()))
    const address = TowerAddress.make(`127.0.0.1:${port}`)
    return { ...tower, uri: new TowerUri({ publicKey: tower.publicKey, address }) }
  })
