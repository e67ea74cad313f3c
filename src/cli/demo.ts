/** `wtclient demo`: everything at work on this machine. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Chunk from "effect/Chunk"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as KeyFile from "../layers/KeyFile.js"
import * as NodeWatchtower from "../layers/NodeWatchtower.js"
import * as TowerUri from "../schema/TowerUri.js"
import { ClientDb } from "../services/ClientDb.js"
import { SessionNegotiator } from "../services/SessionNegotiator.js"
import { TowerCandidates } from "../services/TowerCandidates.js"
import * as flags from "./flags.js"
import { writeKeyFile } from "./init.js"
import { listSessions } from "./listSessions.js"
import * as Loopback from "./loopback.js"
import { explained } from "./open.js"
import { type Defaults, databaseName, placeFlags, placeOf } from "./place.js"
import { policyFlags, proposalOf } from "./policy.js"
import { narratedRound } from "./round.js"
import { summaries } from "./summaries.js"
import { json, sessionJson, sessionsTable } from "./views.js"

const defaults: Defaults = {
  network: { bitcoin: "regtest", decred: "simnet" },
  dataDir: ".wtclient-demo",
  // The demo keeps to its own files.
  databaseUrl: Config.succeed(Option.none())
}

/** The command. @since 0.1.0 @category constructors */
export const demo = Command.make("demo", { ...placeFlags, ...policyFlags, json: flags.switches.json }, (given) =>
  Effect.scoped(
    Effect.gen(function* () {
      const place = yield* placeOf(given, defaults)
      const proposal = yield* proposalOf(given, place.chain)
      const fs = yield* FileSystem.FileSystem
      const tell = given.json ? () => Effect.void : (text: string) => Console.log(text)
      yield* tell(`effect-watchtower on ${place.chain.name} ${place.chain.network}; its files are in ${place.folder}`)

      const tower = yield* Loopback.open(place).pipe(
        // Another demo runs; this one's tower takes a port of its own.
        Effect.catchIf(
          (error) => error._tag === "ListenFailed" && error.reason === "PortInUse",
          () => Loopback.open(place, { port: 0 })
        )
      )
      yield* tell(`\n1. A tower listens on this machine\n   ${TowerUri.print(tower.uri)}`)

      const isNew = !(yield* Effect.orElseSucceed(fs.exists(place.keyFile), () => false))
      if (isNew) yield* writeKeyFile(place, yield* KeyFile.generate)
      yield* tell(`\n2. The client has ${isNew ? "a new key" : "its key from the last time"}\n   ${place.keyFile}`)

      yield* Effect.gen(function* () {
        const candidates = yield* TowerCandidates
        const negotiator = yield* SessionNegotiator
        const db = yield* ClientDb
        const { id } = yield* candidates.add(tower.uri.publicKey, tower.uri.address)
        yield* tell(`\n3. The client knows the tower: it is tower ${id} of its database\n   ${databaseName(place)}`)
        yield* tell("\n4. The negotiator gets a session, over TCP, brontide and wtwire")
        const session = yield* narratedRound(negotiator, (line) => tell(`   ${line}`))
        const held = Chunk.toReadonlyArray(yield* Stream.runCollect(listSessions(db)))
        yield* tell(`\n5. Sessions held: ${held.length}\n\n${sessionsTable(held, place.chain)}`)
        if (given.json) yield* Console.log(json({ session: sessionJson(session), held: held.map(sessionJson) }))
      }).pipe(
        Effect.provide(NodeWatchtower.layer({ ...proposal, key: place.keyFile, database: place.database })),
        explained(place)
      )
    })
  )
).pipe(Command.withDescription(summaries.demo))
