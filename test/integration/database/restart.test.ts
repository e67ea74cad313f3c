/** What a negotiator knew of its towers when its program ended, the next one knows. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Context, Effect, type Scope } from "effect"
import { Fault } from "../../../src/layers/tower/LoopbackTower.js"
import { HexBytes } from "../../../src/schema/Ids.js"
import * as Policy from "../../../src/schema/Policy.js"
import * as Code from "../../../src/schema/wire/Code.js"
import { CreateSessionReply } from "../../../src/schema/wire/CreateSessionReply.js"
import { SessionNegotiator } from "../../../src/services/SessionNegotiator.js"
import * as Postgres from "../../layers/sql/postgres.js"
import { negotiating, policy } from "./support/negotiating.js"
import * as World from "./support/world.js"

const server = await Postgres.start()

afterAll(() => server?.stop())

const refusal = new CreateSessionReply({ code: Code.rejectBlobType, lastApplied: 0, data: HexBytes.make("") })
const refuses = Fault.Replace({ with: (decided) => (decided._tag === "CreateSessionReply" ? refusal : decided) })

const remembers = (place: Effect.Effect<World.Place, never, Scope.Scope>) =>
  Effect.gen(function* () {
    const world = yield* World.make("", yield* place)
    const [hostile, weak] = world.towers
    if (hostile === undefined || weak === undefined) return assert.fail()

    /** One round of a program that knows what the database knows. */
    const round = (uris: ReadonlyArray<string>) =>
      Effect.scoped(
        Effect.flatMap(negotiating({ where: world.where, towers: uris }), (context) =>
          Effect.either(Context.get(context, SessionNegotiator).negotiate)
        )
      )
    const standingOf = (tower: typeof hostile) =>
      Effect.gen(function* () {
        const { id } = yield* world.db.loadTower(tower.publicKey)
        const standings = yield* world.db.loadStandings(policy.blobType, Policy.keyOf(policy))
        return standings.get(id)
      })

    yield* hostile.setFault(refuses)
    yield* weak.setFault(Fault.HangUp({ before: "init" }))
    const first = yield* round(world.uris)
    assert.strictEqual(first._tag === "Left" ? first.left._tag : "", "FailedNegotiation")
    const refused = yield* standingOf(hostile)
    const failed = yield* standingOf(weak)
    assert.deepInclude(refused?.quarantine, { reason: "RejectBlobType" })
    assert.deepInclude(failed, {
      failedVisits: 1,
      attempts: 1,
      sessions: 0,
      failuresByKind: { ConnectionEnded: 1 }
    })
    assert.isDefined(failed?.lastVisit)

    // The next program leaves out the tower that refused, and counts on.
    yield* weak.setFault(undefined)
    const { served } = yield* hostile.connections
    const second = yield* round([])
    assert.strictEqual(second._tag === "Right" ? second.right.towerPublicKey : "", weak.publicKey)
    assert.strictEqual((yield* hostile.connections).served, served)
    assert.deepStrictEqual(yield* standingOf(hostile), refused)
    const given = yield* standingOf(weak)
    assert.deepInclude(given, {
      failedVisits: 0,
      attempts: 2,
      sessions: 1,
      failuresByKind: { ConnectionEnded: 1 }
    })
    assert.isDefined(given?.lastSession)
  })

describe("a program that begins again", () => {
  it.scopedLive("remembers its towers in SQLite", () => remembers(World.sqlite), 60_000)
  it.scopedLive.skipIf(server === undefined)(
    "remembers its towers in Postgres",
    () => remembers(World.postgres(server?.url ?? "")),
    60_000
  )
})
