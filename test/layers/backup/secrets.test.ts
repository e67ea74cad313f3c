/**
 * B9 (docs/backups.md): no key, signature or opened blob is stored, logged, traced or thrown. Real keys, real blobs and a real file; each
 * secret is taken where it is made, and looked for in all that came out.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Stream } from "effect"
import * as BrontideTowerTransport from "../../../src/layers/BrontideTowerTransport.js"
import * as TowerClient from "../../../src/layers/backup/TowerClient.js"
import * as HdKeyRing from "../../../src/layers/HdKeyRing.js"
import * as JusticeKeys from "../../../src/layers/JusticeKeys.js"
import * as RoundRobinTowerCandidates from "../../../src/layers/RoundRobinTowerCandidates.js"
import * as SqliteClientDb from "../../../src/layers/SqliteClientDb.js"
import * as RevokedStates from "../../../src/layers/testing/RevokedStates.js"
import * as SocketPair from "../../../src/layers/testing/SocketPair.js"
import * as LoopbackTower from "../../../src/layers/tower/LoopbackTower.js"
import { HexBytes } from "../../../src/schema/Ids.js"
import { type Sign, SignError } from "../../../src/schema/RevokedState.js"
import { RootKey } from "../../../src/schema/RootKey.js"
import { SocketDialer } from "../../../src/services/SocketDialer.js"
import { TowerCandidates } from "../../../src/services/TowerCandidates.js"
import * as Capture from "../negotiator/secrets/capture.js"
import { find, type Secret } from "../negotiator/secrets/search.js"
import { addressOf, regtest } from "../negotiator/world.js"

describe("B9: a tower client shows no secret", () => {
  it.live("neither when all goes well nor when anything fails", () =>
    Effect.gen(function* () {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "secrets-"))
      const capture = Capture.make()
      const restoreConsole = capture.console()
      const secrets: Array<Secret> = []
      const seed = Uint8Array.from({ length: 32 }, (_, i) => (i * 83 + 7) % 251)
      secrets.push({ name: "seed", bytes: seed })
      const stored: Array<string> = []
      const readFiles = () => {
        for (const file of fs.readdirSync(folder)) stored.push(fs.readFileSync(path.join(folder, file), "latin1"))
      }
      const tower = yield* LoopbackTower.make({
        chain: regtest,
        secretKey: Redacted.make(Uint8Array.from({ length: 32 }, (_, i) => (i * 57 + 11) % 253))
      })
      const db = SqliteClientDb.layer({ filename: path.join(folder, "client.db") })
      const layer = TowerClient.layer({ chain: regtest, signTimeout: "1 second" }).pipe(
        Layer.provideMerge(
          Layer.mergeAll(
            db,
            HdKeyRing.layer({ root: RootKey.Seed({ bytes: Redacted.make(Uint8Array.from(seed)) }), chain: regtest }),
            Layer.provide(RoundRobinTowerCandidates.layer(), db),
            Layer.provide(
              BrontideTowerTransport.layer(),
              Layer.succeed(
                SocketDialer,
                SocketPair.dialer((end) => tower.serve(end))
              )
            )
          )
        ),
        Layer.provideMerge(capture.layer)
      )
      /** What is signed is a secret until the state is published. */
      const watched =
        (sign: Sign): Sign =>
        (request) =>
          Effect.tap(sign(request), (signature) =>
            Effect.sync(() => secrets.push({ name: "signature", bytes: Uint8Array.from(signature) }))
          )

      yield* Effect.gen(function* () {
        const client = yield* TowerClient.TowerClient
        const candidates = yield* TowerCandidates
        capture.keep(client)
        yield* Effect.forkScoped(
          Stream.runForEach(yield* client.events, (event) => Effect.sync(() => capture.keep(event)))
        )
        yield* Effect.forkScoped(
          Stream.runForEach(yield* client.statusChanges, (status) => Effect.sync(() => capture.keep(status)))
        )
        const { at, channel } = yield* RevokedStates.make({ chain: regtest, type: "anchors" })
        // The kit begins with the script that the justice transaction pays to, which is registered; then come keys and signatures.
        yield* client.registerChannel(channel)
        const told = <A, E>(effect: Effect.Effect<A, E>) =>
          effect.pipe(
            Effect.tapErrorCause((cause) =>
              Effect.andThen(
                Effect.sync(() => capture.keep(cause)),
                Effect.logError(cause)
              )
            ),
            Effect.withSpan("told"),
            Effect.exit
          )
        for (const height of [1, 2, 3]) {
          const { sign, state } = at(height)
          assert.strictEqual((yield* told(client.backupState(state, watched(sign))))._tag, "Success")
        }
        readFiles()
        yield* candidates.add(tower.publicKey, addressOf(1))
        yield* client.awaitBackup(channel.id, at(3).state.commitHeight)
        readFiles()
        // Signatures of another state's key, a signer that fails, one that never answers, and a transaction without the outputs.
        const failing: ReadonlyArray<readonly [HexBytes | undefined, Sign]> = [
          [undefined, watched(at(9).sign)],
          [undefined, ({ role }) => new SignError({ role, detail: "no" })],
          [undefined, () => Effect.never],
          [HexBytes.make("00".repeat(80)), watched(at(4).sign)]
        ]
        for (const [commitmentTransaction, sign] of failing) {
          const { state } = at(4)
          const given = commitmentTransaction === undefined ? state : { ...state, commitmentTransaction }
          assert.strictEqual((yield* told(client.backupState(given, sign)))._tag, "Failure")
        }
        const bad = JusticeKeys.fromSecrets({
          revocationSecret: Redacted.make(new Uint8Array(32).fill(0xff)),
          toRemoteSecret: Redacted.make(seed),
          localDelayKey: tower.publicKey
        })
        capture.keep(bad)
        readFiles()
      }).pipe(Effect.provide(layer), Effect.scoped)
      readFiles()
      restoreConsole()
      fs.rmSync(folder, { recursive: true })

      const signatures = secrets.filter(({ name }) => name === "signature")
      assert.isAtLeast(signatures.length, 6)
      const text = [...capture.texts()].join("\n")
      assert.include(text, "CopyMade")
      assert.isAbove(stored.join("").length, 10_000)
      assert.deepStrictEqual(find(text, secrets), [])
      assert.deepStrictEqual(find(stored.join("\n"), secrets), [])
    })
  )
})
