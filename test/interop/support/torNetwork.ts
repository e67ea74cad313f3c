/**
 * A whole Tor network on 127.0.0.1: a directory authority and five more relays, all of them exits; a client's Tor, whose SOCKS
 * ports are the proxies of the tests; and a Tor that has onion services. Nothing in it connects to anything but the loopback.
 *
 * One authority, since several vote over each other within seconds, and on a busy machine some miss that.
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { Context, Effect, Layer, Scope } from "effect"
import { hostPort, TowerAddress } from "../../../src/schema/TowerAddress.js"
import * as NameServer from "../../integration/net/support/nameServer.js"
import { freePort } from "../../support/freePort.js"
import { temporary } from "./folder.js"
import * as TorControl from "./torControl.js"
import * as TorProcess from "./torProcess.js"

/** Ports of a client's Tor. */
export interface Ports {
  /** SOCKS5 that says the codes of Tor (ExtendedErrors). */
  readonly socks: number
  /** SOCKS5 that says those of RFC 1928 only, as Tor does unless it is told otherwise. */
  readonly plainSocks: number
  readonly http: number
  readonly control: number
}

/** A client's Tor. It can be killed and started again, on the same ports. */
export interface Client {
  readonly ports: Ports
  /** Its control port, as long as the scope. */
  readonly control: Effect.Effect<TorControl.TorControl, TorProcess.TorError, Scope.Scope>
  readonly kill: Effect.Effect<void>
  /** Starts it again; comes back when it has circuits. */
  readonly start: Effect.Effect<void, TorProcess.TorError>
}

/** The one network of a file of tests. */
export class TorNetwork extends Context.Tag("test/TorNetwork")<
  TorNetwork,
  {
    readonly client: Client
    /** The ports of a Tor that finds none of its relays, and so never has a circuit. */
    readonly lonely: Effect.Effect<Ports, TorProcess.TorError, Scope.Scope>
    /** An onion service in front of a tower, as long as the scope; comes back when it can be found. */
    readonly onion: (tower: TowerAddress) => Effect.Effect<TowerAddress, TorProcess.TorError, Scope.Scope>
    /** The name that the exits' name server knows, as 127.0.0.1, and what it was asked for. */
    readonly names: { readonly known: string; readonly asked: ReadonlyArray<string> }
    /** A port that no exit connects to. */
    readonly refusedPort: number
  }
>() {
  static readonly layer = Layer.scoped(
    TorNetwork,
    Effect.suspend(() => start)
  )
}

const port = Effect.promise(freePort)

/** Runs a program to its end; answers what it printed. */
const output = (program: string, args: ReadonlyArray<string>, input = ""): Effect.Effect<string> =>
  Effect.async((resume) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] })
    let printed = ""
    child.stdout.on("data", (bytes) => {
      printed += String(bytes)
    })
    child.on("close", (code) =>
      resume(code === 0 ? Effect.succeed(printed) : Effect.dieMessage(`${program} ended with ${code}`))
    )
    child.stdin.end(input)
  })

interface Authority {
  readonly folder: string
  /** What only this one is told. */
  readonly settings: ReadonlyArray<string>
  /** How all others know it. */
  readonly line: string
}

/** Keys of a directory authority, in its folder. */
const authority = (folder: string, name: string): Effect.Effect<Authority> =>
  Effect.gen(function* () {
    const keys = `${folder}/keys`
    yield* Effect.sync(() => fs.mkdirSync(keys, { recursive: true, mode: 0o700 }))
    const [or, directory] = [yield* port, yield* port]
    const files = ["-i", `${keys}/authority_identity_key`, "-s", `${keys}/authority_signing_key`]
    const certificate = `${keys}/authority_certificate`
    yield* output(
      "tor-gencert",
      ["--create-identity-key", "-m", "12", ...files, "-c", certificate, "--passphrase-fd", "0"],
      "passphrase\n"
    )
    const asked = ["--quiet", "--list-fingerprint", "--ignore-missing-torrc"]
    const without = ["--defaults-torrc", "/dev/null", "-f", "/dev/null"]
    const itself = ["--DataDirectory", folder, "--Nickname", name, "--ORPort", `127.0.0.1:${or}`]
    const printed = yield* output("tor", [...asked, ...without, ...itself])
    const fingerprint = printed.replace(name, "").replaceAll(/\s/g, "")
    const [, v3 = ""] = /^fingerprint ([0-9A-F]+)$/m.exec(fs.readFileSync(certificate, "utf8")) ?? []
    return {
      folder,
      settings: [
        `Nickname ${name}`,
        "AuthoritativeDirectory 1",
        "V3AuthoritativeDirectory 1",
        `ORPort 127.0.0.1:${or}`,
        `DirPort 127.0.0.1:${directory}`,
        // The shortest that Tor takes.
        "TestingV3AuthInitialVotingInterval 5",
        "TestingV3AuthInitialVoteDelay 2",
        "TestingV3AuthInitialDistDelay 2",
        "V3AuthVotingInterval 10",
        "V3AuthVoteDelay 2",
        "V3AuthDistDelay 2",
        // At such a pace there are new random numbers every four minutes, and each puts the onion services into other directories:
        // who has the old consensus then finds none.
        "AuthDirSharedRandomness 0",
        // On a busy machine a relay that has not answered in time would be left out of a consensus, and onion services would move.
        "AuthDirTestReachability 0",
        // A relay is taken for what it says it is from its first minute on.
        "TestingDirAuthVoteExit *",
        "TestingDirAuthVoteGuard *",
        "TestingDirAuthVoteHSDir *",
        "MinUptimeHidServDirectoryV2 0"
      ],
      line: `DirAuthority ${name} orport=${or} v3ident=${v3} 127.0.0.1:${directory} ${fingerprint}`
    }
  })

const refusedPort = 911

const ofRelay = (resolv: string): ReadonlyArray<string> => [
  "SocksPort 0",
  "Address 127.0.0.1",
  "AssumeReachable 1",
  "ExitRelay 1",
  // A rule for the loopback alone is not in what clients read of an exit. The next but one keeps it there all the same.
  `ExitPolicy reject *:${refusedPort},accept *:*`,
  "ExitPolicyRejectPrivate 0",
  "OutboundBindAddress 127.0.0.1",
  // The name servers of this machine are asked for nothing, also not whether they lie.
  `ServerDNSResolvConfFile ${resolv}`,
  "ServerDNSDetectHijacking 0"
]

/** Guards before guards leave too few of six relays for a circuit. */
const withoutVanguards = "VanguardsLiteEnabled 0"

const ofClient = ({ control, http, plainSocks, socks }: Ports): ReadonlyArray<string> => [
  `SocksPort 127.0.0.1:${socks} ExtendedErrors`,
  `SocksPort 127.0.0.1:${plainSocks}`,
  `HTTPTunnelPort 127.0.0.1:${http}`,
  `ControlPort 127.0.0.1:${control}`,
  // The towers of the tests listen on the loopback, and names lead there.
  "ClientRejectInternalAddresses 0",
  "ClientDNSRejectInternalAddresses 0",
  withoutVanguards
]

const clientPorts: Effect.Effect<Ports> = Effect.gen(function* () {
  return { socks: yield* port, plainSocks: yield* port, http: yield* port, control: yield* port }
})

const ready = "Bootstrapped 100%"

/** Adds an onion service to a Tor; it goes with the scope. */
const addOnion = (control: TorControl.TorControl, tower: TowerAddress) =>
  Effect.gen(function* () {
    const { port } = hostPort(tower)
    const add = Effect.flatMap(control.ask(`ADD_ONION NEW:ED25519-V3 Port=9911,127.0.0.1:${port}`), ([line = ""]) => {
      const [, service] = /^ServiceID=(.*)$/.exec(line) ?? []
      return service === undefined ? new TorProcess.TorError({ detail: line }) : Effect.succeed(service)
    })
    const service = yield* Effect.acquireRelease(add, (service) => Effect.ignore(control.ask(`DEL_ONION ${service}`)))
    const count = (events: ReadonlyArray<string>, what: string) =>
      events.filter((event) => event.startsWith(`HS_DESC ${what} ${service} `)).length
    // Who looks for it asks a few of the directories that are to have it, and takes their word that there is none.
    yield* control.until((events) => {
      const uploads = count(events, "UPLOAD")
      return uploads > 0 && count(events, "UPLOADED") + count(events, "FAILED") >= uploads
    })
    return TowerAddress.make(`${service}.onion:9911`)
  })

const start = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const folder = yield* temporary
  const known = "tower.test"
  const namePort = yield* port
  const { asked } = yield* NameServer.serve({ [known]: { A: ["127.0.0.1"] } }, namePort)
  const resolv = `${folder}/resolv.conf`
  yield* Effect.sync(() => fs.writeFileSync(resolv, `nameserver 127.0.0.1:${namePort}\n`))

  const voting = yield* authority(`${folder}/authority`, "authority")
  yield* TorProcess.start(voting.folder, [voting.line, ...ofRelay(resolv), ...voting.settings])
  const relays = yield* Effect.forEach(["relay1", "relay2", "relay3", "relay4", "relay5"], (name) =>
    Effect.flatMap(port, (or) =>
      TorProcess.start(`${folder}/${name}`, [
        voting.line,
        ...ofRelay(resolv),
        `Nickname ${name}`,
        `ORPort 127.0.0.1:${or}`
      ])
    )
  )
  // A Tor that gets a consensus without all relays waits at least ten seconds until it asks for the next one.
  for (const { said } of relays) yield* said(ready)

  const ports = yield* clientPorts
  const startClient = Effect.gen(function* () {
    const started = yield* TorProcess.start(`${folder}/client`, [voting.line, ...ofClient(ports)])
    yield* started.said(ready)
    return started
  }).pipe(Scope.extend(scope))
  const servicePort = yield* port
  const startService = Effect.gen(function* () {
    const settings = ["SocksPort 0", `ControlPort 127.0.0.1:${servicePort}`, withoutVanguards]
    const started = yield* TorProcess.start(`${folder}/service`, [voting.line, ...settings])
    yield* started.said(ready)
    return yield* TorControl.connect(servicePort)
  })
  const [first, service] = yield* Effect.all([startClient, startService], { concurrency: 2 })
  yield* service.ask("SETEVENTS HS_DESC")
  let running = first

  const lonely = Effect.gen(function* () {
    const ports = yield* clientPorts
    const nobody = "0".repeat(40)
    const [or, directory] = [yield* port, yield* port]
    const alone = yield* TorProcess.start(`${folder}/lonely`, [
      `DirAuthority nobody orport=${or} v3ident=${nobody} 127.0.0.1:${directory} ${nobody}`,
      ...ofClient(ports)
    ])
    yield* alone.said("Bootstrapped 0%")
    return ports
  })

  return TorNetwork.of({
    client: {
      ports,
      control: TorControl.connect(ports.control),
      kill: Effect.suspend(() => running.kill),
      start: Effect.map(startClient, (started) => {
        running = started
      })
    },
    lonely,
    onion: (tower) => addOnion(service, tower),
    names: { known, asked },
    refusedPort
  })
})
