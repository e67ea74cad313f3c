/**
 * Towers through a real Tor, in a network of its own on this machine (support/torNetwork.ts). Needs tor and tor-gencert.
 */
import { assert, describe, layer } from "@effect/vitest"
import { type Duration, Effect, Logger, LogLevel, Redacted, type Scope } from "effect"
import * as NodeWatchtower from "../../src/layers/NodeWatchtower.js"
import * as SocksSocketDialer from "../../src/layers/SocksSocketDialer.js"
import * as FixedKeyRing from "../../src/layers/testing/FixedKeyRing.js"
import * as Chain from "../../src/schema/Chain.js"
import * as NegotiationError from "../../src/schema/NegotiationError.js"
import { CommitHeight } from "../../src/schema/RevokedState.js"
import { RootKey } from "../../src/schema/RootKey.js"
import { hostPort, TowerAddress } from "../../src/schema/TowerAddress.js"
import { TowerCandidates } from "../../src/services/TowerCandidates.js"
import { TowerClient } from "../../src/services/TowerClient.js"
import { newClient } from "../cli/wtclient.js"
import { namesResolved } from "../layers/net/namesResolved.js"
import { closedAddress } from "../layers/net/sockets.js"
import * as Channel from "./support/channel.js"
import * as Client from "./support/client.js"
import { temporary } from "./support/folder.js"
import * as Gate from "./support/gate.js"
import { note } from "./support/matrix.js"
import * as Outcome from "./support/outcome.js"
import * as Record from "./support/record.js"
import type { TorControl } from "./support/torControl.js"
import { TorNetwork } from "./support/torNetwork.js"
import { isMissing, type TorError } from "./support/torProcess.js"
import * as Tower from "./support/tower.js"

if (isMissing !== undefined) console.warn(`The tests of Tor are skipped: ${isMissing}.`)

const chain = Chain.bitcoinRegtest
const root = RootKey.Seed({ bytes: Redacted.make(Uint8Array.from({ length: 32 }, (_, index) => index + 1)) })
const proxyAt = (port: number) => ({ host: "127.0.0.1", port })
const dialerAt = (port: number) => SocksSocketDialer.make(proxyAt(port))

/** A connection that Tor has made for a user. */
interface Stream {
  readonly target: string
  readonly user: string
  readonly circuit: string
}

/** Watches a Tor: which connections it makes for its users from now on. */
const watched = (control: TorControl) =>
  Effect.gen(function* () {
    yield* control.ask("SETEVENTS STREAM")
    return Effect.gen(function* () {
      // What has happened before it is asked is told before it answers.
      yield* control.ask("GETINFO version")
      const asked = new Map<string, Pick<Stream, "target" | "user">>()
      const made: Array<Stream> = []
      for (const event of control.events()) {
        const [, id = "", state, circuit = "", target = ""] = /^STREAM (\d+) (\w+) (\d+) (\S+)/.exec(event) ?? []
        const [, user = ""] = /SOCKS_USERNAME="(\w*)"/.exec(event) ?? []
        // Its own, to read directories, have other purposes.
        if (state === "NEW" && event.includes("PURPOSE=USER")) asked.set(id, { target, user })
        const known = asked.get(id)
        if (state === "SUCCEEDED" && known !== undefined) made.push({ ...known, circuit })
      }
      return made
    })
  })

/** All lead there, and no two of them have a user name or a circuit in common. */
const assertApart = (streams: ReadonlyArray<Stream>, target: TowerAddress) => {
  assert.deepStrictEqual([...new Set(streams.map((stream) => stream.target))], [target])
  assert.lengthOf(new Set(streams.map(({ user }) => user)), streams.length)
  assert.lengthOf(new Set(streams.map(({ circuit }) => circuit)), streams.length)
}

/** Why a round with a tower at that address, and none other, gave no session. */
const failureOf = (port: number, address: TowerAddress, dialTimeout?: Duration.DurationInput) =>
  Effect.gen(function* () {
    const dialer = yield* dialerAt(port)
    const client = yield* Client.make(dialTimeout === undefined ? { dialer } : { dialer, dialTimeout })
    yield* client.add({ publicKey: FixedKeyRing.publicKeyOf(1), address })
    const negotiator = yield* client.negotiator(Client.proposal(chain))
    return NegotiationError.causes(yield* Effect.flip(negotiator.negotiate)).map((failure) =>
      failure._tag === "DialFailed" ? `${failure.reason}, ${failure.proxy?.fault}` : failure._tag
    )
  })

const onionOfNobody = TowerAddress.make("k476uj63odwt4yzifh4qd6djgp2zcto2g7vub2t3zjhmivg7k56u6fid.onion:9911")
/** Its checksum is right, and its key is no point of the curve. */
const onionOfNoKey = TowerAddress.make("aiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab3did.onion:9911")

const nowhere = Effect.map(closedAddress, (address) => TowerAddress.make(address))

/** What can fail behind Tor, and what is said then: with the codes of Tor, and with those of RFC 1928. */
const failures: ReadonlyArray<
  readonly [
    what: string,
    address: Effect.Effect<TowerAddress, TorError, TorNetwork | Scope.Scope>,
    told: ReadonlyArray<string>,
    plainly: ReadonlyArray<string>
  ]
> = [
  [
    "an onion service that nobody has",
    Effect.succeed(onionOfNobody),
    ["Proxy, OnionNotFound"],
    ["Unreachable, HostUnreachable"]
  ],
  ["an onion name that is no key", Effect.succeed(onionOfNoKey), ["Proxy, OnionBadAddress"], ["Proxy, GeneralFailure"]],
  // Which of the two it is for a port where no program listens is an accident of Tor's: it looks at a stale errno.
  [
    "a tower in the clear that is down",
    nowhere,
    ["Proxy, GeneralFailure", "Refused, Refused"],
    ["Proxy, GeneralFailure", "Refused, Refused"]
  ],
  [
    "a port that no exit takes",
    Effect.map(TorNetwork, ({ refusedPort }) => TowerAddress.make(`127.0.0.1:${refusedPort}`)),
    ["Proxy, GeneralFailure"],
    ["Proxy, GeneralFailure"]
  ],
  [
    "a name that is not known",
    Effect.succeed(TowerAddress.make("unknown.test:9911")),
    ["Unreachable, HostUnreachable"],
    ["Unreachable, HostUnreachable"]
  ]
]

/** Where Tor is killed, and how the round can end then: what was written before has maybe arrived. */
const kills: ReadonlyArray<readonly [Gate.Moment, endings: ReadonlyArray<string>]> = [
  [{ when: "after", operation: "dial" }, ["HandshakeFailed(1 Ended)", "HandshakeFailed(2 Ended)"]],
  [{ when: "after", operation: "act three and Init" }, ["ConnectionEnded"]],
  [{ when: "after", operation: "CreateSession" }, ["ConnectionEnded", "session"]]
]

describe.skipIf(isMissing !== undefined)("through Tor", () => {
  layer(TorNetwork.layer, { excludeTestServices: true, timeout: "5 minutes" })((it) => {
    // In a network as small as this a client now and then does not find an onion service, or does not meet it within a minute. A tower
    // client goes on until it does. All else goes through an exit, to towers in the clear.
    it.scoped(
      "a tower behind an onion service takes backups, with a circuit of its own for each dial",
      (context) =>
        Effect.gen(function* () {
          const { client, onion } = yield* TorNetwork
          const tower = yield* Tower.start("lnd")
          const address = yield* onion(tower.address)
          const streams = yield* watched(yield* client.control)
          const { channel, stateAt } = Channel.make(chain, "anchors", 1)
          const states = [0, 1, 2].map(stateAt)
          yield* Effect.gen(function* () {
            const candidates = yield* TowerCandidates
            yield* candidates.add(tower.publicKey, address)
            const towerClient = yield* TowerClient
            yield* towerClient.registerChannel(channel)
            for (const { sign, state } of states) yield* towerClient.backupState(state, sign)
            yield* towerClient.awaitBackup(channel.id, CommitHeight.make(2))
          }).pipe(
            Effect.provide(
              NodeWatchtower.towerClient({
                chain,
                key: { root },
                database: { filename: `${yield* temporary}/client.db` },
                proxy: proxyAt(client.ports.socks)
              })
            ),
            Logger.withMinimumLogLevel(LogLevel.None)
          )
          const hints = states.map(({ hint }) => hint)
          assert.sameMembers(
            (yield* tower.updates(hints)).map(({ hint }) => hint),
            hints
          )
          const made = yield* streams
          // One for the session, and one for the backups.
          assert.isAtLeast(made.length, 2)
          assertApart(made, address)
          note(
            context,
            tower.version,
            6,
            "an onion service, through Tor",
            `3 backups, ${made.length} dials and circuits`
          )
        }),
      300_000
    )

    it.scoped("a tower in the clear gives a session; its name is asked for by an exit, and not here", (context) =>
      Effect.gen(function* () {
        const { client, names } = yield* TorNetwork
        const tower = yield* Tower.start("lnd")
        const address = TowerAddress.make(`${names.known}:${hostPort(tower.address).port}`)
        const streams = yield* watched(yield* client.control)
        const resolved = yield* namesResolved
        const dialer = yield* dialerAt(client.ports.plainSocks)
        const ours = yield* Client.make({ dialer })
        yield* ours.add({ publicKey: tower.publicKey, address })
        const negotiator = yield* ours.negotiator(Client.proposal(chain))
        const { id } = yield* negotiator.negotiate
        assert.strictEqual((yield* tower.session(id)).id, id)
        yield* Effect.all([dialer.dial(address), dialer.dial(address), dialer.dial(address)], {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(resolved(), [])
        assert.include(names.asked, `A ${names.known}`)
        const made = yield* streams
        assert.lengthOf(made, 4)
        assertApart(made, address)
        note(context, tower.version, 2, "in the clear, through an exit of Tor", "a session; the exit resolves the name")
      })
    )

    it.scoped("the doctor finds nothing wrong with a tower behind an exit", () =>
      Effect.gen(function* () {
        const { client } = yield* TorNetwork
        const tower = yield* Tower.start("lnd")
        const { wtclient } = yield* newClient
        const uri = `${tower.publicKey}@${tower.address}`
        const { code, stderr, stdout } = yield* wtclient("doctor", uri, "--proxy", `127.0.0.1:${client.ports.socks}`)
        assert.deepStrictEqual([code, stderr], [0, ""])
        assert.match(stdout, /\nThis is a tower of this chain, and its key is right\.\n$/)
      })
    )

    for (const [what, address, told, plainly] of failures) {
      it.scoped(`tells ${what}, with and without the codes of Tor`, (context) =>
        Effect.gen(function* () {
          const { ports } = (yield* TorNetwork).client
          const target = yield* address
          const [withCodes, without] = yield* Effect.all(
            [failureOf(ports.socks, target), failureOf(ports.plainSocks, target)],
            { concurrency: 2 }
          )
          assert.lengthOf(withCodes, 1)
          assert.include(told, withCodes[0])
          assert.lengthOf(without, 1)
          assert.include(plainly, without[0])
          note(context, "Tor", "", what, `${withCodes[0]}; without Tor's codes ${without[0]}`)
        })
      )
    }

    it.scoped("tells a port of Tor that is not its SOCKS, and a Tor that has no network", (context) =>
      Effect.gen(function* () {
        const { client, lonely } = yield* TorNetwork
        const alone = yield* lonely
        const found = yield* Effect.all(
          [client.ports.control, client.ports.http, alone.socks].map((port) =>
            failureOf(port, onionOfNobody, "2 seconds")
          ),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(found, [["ProxyUnavailable, Silent"], ["ProxyUnavailable, Silent"], ["Timeout, Late"]])
        note(context, "Tor", "", "its control port, its HTTP port, and its SOCKS without a network", found.join("; "))
      })
    )

    for (const [moment, endings] of kills) {
      it.scoped(`gives one session when Tor was killed ${moment.when} ${moment.operation} and is back`, (context) =>
        Effect.gen(function* () {
          const { client } = yield* TorNetwork
          const tower = yield* Tower.start("lnd")
          const dialer = Gate.make(moment, client.kill, yield* dialerAt(client.ports.socks))
          const ours = yield* Client.make({ dialer })
          yield* ours.add({ publicKey: tower.publicKey, address: tower.address })
          const negotiator = yield* ours.negotiator(Client.proposal(chain))
          const end = Outcome.ofRound(yield* Effect.either(negotiator.negotiate))
          assert.include(endings, end)
          const meanwhile = Outcome.ofRound(yield* Effect.either(negotiator.negotiate))
          assert.strictEqual(meanwhile, "DialFailed(ProxyUnavailable)")
          yield* client.start
          if (end !== "session") yield* negotiator.negotiate
          assert.deepStrictEqual(
            (yield* tower.sessions).map(({ encoded }) => encoded),
            (yield* ours.db.listClientSessions()).map((session) => Record.encoded(session))
          )
          const what = `Tor is killed ${moment.when} ${moment.operation}`
          note(context, tower.version, 2, what, `${end}, ${meanwhile}, then a session`)
        })
      )
    }
  })
})
