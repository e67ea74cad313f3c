/**
 * A server of Node that listens on the loopback or on a unix socket, and why it cannot.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as Net from "node:net"
import * as path from "node:path"
import type * as HttpServer from "@effect/platform/HttpServer"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { encodedError } from "../../internal/json.js"
import { awaitCallback } from "../concurrency/awaitCallback.js"
import * as QuickServer from "./quickServer.js"

/** Where a service listens: a port of the loopback (0: any), or the path of a unix socket. @since 0.1.0 @category models */
export type Listen = { readonly host: "127.0.0.1" | "::1"; readonly port: number } | { readonly path: string }

/** The service cannot listen there. @since 0.1.0 @category errors */
export class ServiceListenFailed extends Schema.TaggedError<ServiceListenFailed>()("ServiceListenFailed", {
  /** `127.0.0.1:9912`, or a path. */
  where: Schema.String,
  reason: Schema.Literal("InUse", "NotASocket", "NotAllowed", "NoFolder", "PathTooLong", "Other"),
  cause: Schema.Defect
}) {
  override get message() {
    const why: Record<ServiceListenFailed["reason"], string> = {
      InUse: "another program listens there. Stop it, or name another place",
      NotASocket: "there is a file that is not a socket. Move it away, or name another place",
      NotAllowed: "this account may not do that there. Name another place",
      NoFolder: "its folder does not exist. Make the folder, or name another place",
      PathTooLong: "the path is too long for a socket. Name a shorter one",
      Other: "the system refused"
    }
    return `The service cannot listen on ${this.where}: ${why[this.reason]}.`
  }
  /** The encoded side, for `JSON.stringify` and loggers. */
  override toJSON(): unknown {
    return encodedError(ServiceListenFailed, this)
  }
}

const reasons: Readonly<Record<string, ServiceListenFailed["reason"]>> = {
  EADDRINUSE: "InUse",
  EACCES: "NotAllowed",
  EPERM: "NotAllowed"
}

const nameOf = (listen: Listen): string =>
  "path" in listen ? listen.path : `${listen.host === "::1" ? "[::1]" : listen.host}:${listen.port}`

/** What every system takes; Node cuts a longer path short, and listens somewhere else. */
const longestPath = 103

/** Node has one code for a folder that is missing and for one that may not be written, and one for all that is at a path already. */
const reasonOf = (listen: Listen, code: string): ServiceListenFailed["reason"] => {
  if ("path" in listen && Buffer.byteLength(listen.path) > longestPath) return "PathTooLong"
  if ("path" in listen && !fs.existsSync(path.dirname(listen.path))) return "NoFolder"
  if ("path" in listen && code === "EADDRINUSE" && !isSocket(listen.path)) return "NotASocket"
  return reasons[code] ?? "Other"
}

const failedAt = (listen: Listen, cause: unknown): ServiceListenFailed => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  return new ServiceListenFailed({ where: nameOf(listen), reason: reasonOf(listen, code), cause })
}

const isSocket = (path: string): boolean => fs.lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false

/** Does somebody answer at this socket? A program that was killed leaves the file behind. */
const isAnswered = (path: string): Effect.Effect<boolean> =>
  awaitCallback((resume) => {
    const socket = Net.connect({ path })
    socket.once("connect", () => resume(true))
    socket.once("error", () => resume(false))
    return () => {
      socket.removeAllListeners()
      socket.on("error", () => {})
      socket.destroy()
    }
  })

/** Removes a socket that nobody listens on; anything else at its path stays, and the server fails to listen there. */
const removeLeftSocket = (path: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (isSocket(path) && !(yield* isAnswered(path))) fs.rmSync(path, { force: true })
  })

/** A server that listens on a socket, which is its owner's alone from the moment in which it is there. */
const onSocket = (listen: { readonly path: string }) =>
  Effect.zipRight(
    Buffer.byteLength(listen.path) > longestPath
      ? failedAt(listen, new Error("the path is too long"))
      : removeLeftSocket(listen.path),
    Effect.acquireUseRelease(
      Effect.sync(() => process.umask(0o177)),
      () => NodeHttpServer.make(QuickServer.make, listen),
      (mask) => Effect.sync(() => process.umask(mask))
    )
  )

/** A server that listens while the scope is open. @since 0.1.0 @category constructors */
export const make = (listen: Listen): Effect.Effect<HttpServer.HttpServer, ServiceListenFailed, Scope.Scope> =>
  Effect.catchTag(
    "path" in listen ? onSocket(listen) : NodeHttpServer.make(QuickServer.make, listen),
    "ServeError",
    ({ cause }) => failedAt(listen, cause)
  )
