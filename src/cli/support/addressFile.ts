/**
 * The file by which other commands find the service of this client while it runs.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import type { Address } from "@effect/platform/HttpServer"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { systemWords } from "../../internal/systemTrouble.js"
import { CommandError } from "./CliError.js"
import type { ClientPaths } from "./clientPaths.js"
import { codeOf } from "./diskTrouble.js"

/** Where a service listens. @since 0.1.0 @category models */
export const At = Schema.Union(Schema.Struct({ url: Schema.String }), Schema.Struct({ socketPath: Schema.String }))
/** @since 0.1.0 @category models */
export type At = typeof At.Type

const json = Schema.parseJson(At)

/** Where a server listens. @since 0.1.0 @category combinators */
export const atOf = (address: Address): At =>
  address._tag === "UnixAddress"
    ? { socketPath: address.path }
    : { url: `http://${address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname}:${address.port}` }

const file = ({ folder }: ClientPaths): string => path.join(folder, "service")

/** Writes it, and removes it when the scope closes, unless another service has written its own. @since 0.1.0 @category constructors */
export const publish = (client: ClientPaths, at: At): Effect.Effect<void, CommandError, Scope.Scope> => {
  const name = file(client)
  const text = `${Schema.encodeSync(json)(at)}\n`
  return Effect.acquireRelease(
    Effect.try({
      try: () => fs.writeFileSync(name, text, { mode: 0o600 }),
      catch: (thrown) =>
        new CommandError({ message: `The file ${name} cannot be written: ${systemWords(codeOf(thrown))}.` })
    }),
    () =>
      Effect.ignore(
        Effect.try(() => {
          if (fs.readFileSync(name, "utf8") === text) fs.rmSync(name)
        })
      )
  )
}

/** Where the service of this client listens, if there is one; one that was killed has left its file behind. @since 0.1.0 @category combinators */
export const find = (client: ClientPaths): Effect.Effect<Option.Option<At>> =>
  Effect.option(
    Effect.flatMap(
      Effect.try(() => fs.readFileSync(file(client), "utf8")),
      Schema.decode(json)
    )
  )
