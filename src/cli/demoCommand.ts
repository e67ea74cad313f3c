/** `wtclient demo`: a tower, a session from it, and a breach that it punishes, on this machine. @since 0.1.0 */
import * as Command from "@effect/cli/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as TowerClient from "../layers/backup/TowerClient.js"
import * as KeyFile from "../layers/KeyFile.js"
import * as NodeWatchtower from "../layers/NodeWatchtower.js"
import * as RevokedStates from "../layers/testing/RevokedStates.js"
import * as BlobType from "../schema/BlobType.js"
import type * as Chain from "../schema/Chain.js"
import { blobTypeOf } from "../schema/Channel.js"
import * as TowerUri from "../schema/TowerUri.js"
import { ClientDb } from "../services/ClientDb.js"
import { SessionNegotiator } from "../services/SessionNegotiator.js"
import { TowerCandidates } from "../services/TowerCandidates.js"
import { CommandError } from "./support/CliError.js"
import { clientFlags, type Defaults, databaseName } from "./support/clientPaths.js"
import { withClient } from "./support/failure.js"
import * as flags from "./support/flags.js"
import { listSessions } from "./support/listSessions.js"
import * as LocalTower from "./support/localTower.js"
import { negotiateOnce } from "./support/negotiateOnce.js"
import { type Proposal, policyFlags, proposalOf } from "./support/policyFlags.js"
import { punishedBackup } from "./support/punishedBackup.js"
import { printSessions, printSessionsJson, sessionJson } from "./support/sessionViews.js"
import { acquired } from "./support/stats.js"
import { summaries } from "./support/summaries.js"
import { json } from "./support/views.js"
import { writeKeyFile } from "./support/writeKeyFile.js"

const defaults: Defaults = {
  network: { bitcoin: "regtest", decred: "simnet" },
  dataDir: ".wtclient-demo",
  // The demo uses its own files only.
  readsEnvironment: false
}

/** Which kind of channel has its backups in sessions of this policy. */
const channelTypeOf = ({ policy: { blobType } }: Proposal) => {
  const type = (["anchors", "legacy", "taproot", "taprootFinal"] as const).find((one) => blobTypeOf(one) === blobType)
  const message = `The demo has no channel whose backups are of blob type ${BlobType.nameOf(blobType)}.`
  return type === undefined ? new CommandError({ message }) : Effect.succeed(type)
}

/** Backs up in sessions of the policy of the demo's session. */
const towerClient = (proposal: Proposal) => {
  // Both members of the union go the same way; an array of their policies needs to see one of them.
  const { chain, policy } = proposal as Extract<Proposal, { readonly chain: Chain.BitcoinChain }>
  return TowerClient.layer({ chain, policies: [policy] })
}

/** The command. @since 0.1.0 @category constructors */
export const demo = Command.make("demo", { ...clientFlags, ...policyFlags, json: flags.switches.json }, (given) =>
  withClient(
    given,
    (client) =>
      Effect.scoped(
        Effect.gen(function* () {
          const proposal = yield* proposalOf(given, client.chain)
          const type = yield* channelTypeOf(proposal)
          const fs = yield* FileSystem.FileSystem
          const print = given.json ? () => Effect.void : (text: string) => Console.log(text)
          yield* print(
            `effect-watchtower on ${client.chain.name} ${client.chain.network}; its files are in ${client.folder}`
          )

          const tower = yield* LocalTower.open(client, { remembers: true }).pipe(
            // Another demo is running: this one's tower takes another port.
            Effect.catchIf(
              (error) => error._tag === "ListenFailed" && error.reason === "PortInUse",
              () => LocalTower.open(client, { port: 0, remembers: true })
            )
          )
          yield* print(`\n1. A tower listens on this machine\n   ${TowerUri.print(tower.uri)}`)

          const isNew = !(yield* Effect.orElseSucceed(fs.exists(client.key.path), () => false))
          if (isNew) yield* writeKeyFile(client, yield* KeyFile.generate)
          yield* print(
            `\n2. The client has ${isNew ? "a new key" : "its key from the last time"}\n   ${client.key.path}`
          )

          yield* Effect.gen(function* () {
            const candidates = yield* TowerCandidates
            const negotiator = yield* SessionNegotiator
            const db = yield* ClientDb
            const { id } = yield* candidates.add(tower.uri.publicKey, tower.uri.address)
            yield* print(
              `\n3. The client knows the tower: it is tower ${id} of its database\n   ${databaseName(client)}`
            )
            yield* print("\n4. The negotiator gets a session, over TCP, brontide and wtwire")
            const session = yield* negotiateOnce(negotiator, "a session", (line) => print(`   ${line}`))
            const held = acquired(yield* db.countClientSessions)
            if (!given.json) {
              yield* print(`\n5. Sessions held: ${held}\n`)
              yield* printSessions(listSessions(db), { chain: client.chain, isFull: false })
            }
            // Each run has one session more, and so a channel of its own.
            const states = yield* RevokedStates.make({ chain: client.chain, type, number: held })
            const { channel, justice } = yield* TowerClient.TowerClient.pipe(
              Effect.flatMap((towerClient) =>
                punishedBackup({ chain: client.chain, client: towerClient, states, tower }, print)
              ),
              Effect.provide(towerClient(proposal))
            )
            if (given.json) {
              yield* printSessionsJson(listSessions(db), [
                `{"session":${json(sessionJson(session))},"held":`,
                `,"channel":${json(channel)},"justice":${json(justice)}}`
              ])
            }
          }).pipe(Effect.provide(NodeWatchtower.layer({ ...proposal, key: client.key, database: client.database })))
        })
      ),
    defaults
  )
).pipe(Command.withDescription(summaries.demo))
