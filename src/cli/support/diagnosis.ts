/**
 * What is the matter with a tower, step by step: the connection, the tower's key, its Init. A key that is thrown away stands in
 * for a session key, and no session is asked for, so nothing is left at the tower and no key of the client is shown.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HdKeyRing from "../../layers/HdKeyRing.js"
import * as KeyFile from "../../layers/KeyFile.js"
import { altruistSessions, defaults } from "../../layers/negotiator/Rules.js"
import type * as BlobType from "../../schema/BlobType.js"
import * as Chain from "../../schema/Chain.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import type { KeyRingError } from "../../schema/KeyRingError.js"
import { OnionWithoutProxy, type PermanentTowerFailure, UnexpectedMessage } from "../../schema/NegotiationError.js"
import * as TowerAddress from "../../schema/TowerAddress.js"
import type { TowerUri } from "../../schema/TowerUri.js"
import { type DialFailed, initOfNode, type TransportError } from "../../schema/TransportError.js"
import { checkInit } from "../../schema/wire/CheckInit.js"
import { Init } from "../../schema/wire/Init.js"
import { familyTowerSession } from "../../services/KeyRing.js"
import { TowerTransport } from "../../services/TowerTransport.js"

/** What a tower can fail with here. @since 0.1.0 @category errors */
export type Failure = TransportError | UnexpectedMessage | PermanentTowerFailure | OnionWithoutProxy | KeyRingError

/** What was found. `millis` counts from the beginning; a step that was not reached is not there. @since 0.1.0 @category models */
export interface Diagnosis {
  readonly uri: TowerUri
  readonly steps: ReadonlyArray<{ readonly step: "connected" | "actTwo" | "init"; readonly millis: number }>
  readonly init: Init | undefined
  /** The feature bits that the blob type needs, and that the tower does not announce. */
  readonly missing: ReadonlyArray<number>
  readonly failure: Failure | undefined
}

/** Bits come in pairs: the even one requires what the odd one offers. */
const announces = ({ features }: Init, bit: number): boolean => features.includes(bit) || features.includes(bit + 1)

/** Looks at a tower. @since 0.1.0 @category constructors */
export const diagnose = (
  uri: TowerUri,
  chain: Chain.AnyChain,
  blobType: BlobType.BlobType
): Effect.Effect<Diagnosis, InvalidOptions, TowerTransport> =>
  Effect.gen(function* () {
    const { connect, route } = yield* TowerTransport
    const began = yield* Clock.currentTimeMillis
    const steps: Array<Diagnosis["steps"][number]> = []
    const reached = (step: Diagnosis["steps"][number]["step"]) =>
      Effect.map(Clock.currentTimeMillis, (now) => void steps.push({ step, millis: now - began }))
    const found: { init?: Init } = {}

    const conversation = Effect.gen(function* () {
      if (TowerAddress.kind(uri.address) === "onion" && route === "clear") return yield* new OnionWithoutProxy()
      const keyRing = yield* HdKeyRing.make({ ...(yield* KeyFile.generate), chain })
      const locator = { family: familyTowerSession, index: 0 } as const
      const connection = yield* connect({
        tower: uri.publicKey,
        address: uri.address,
        publicKey: yield* keyRing.deriveKey(locator),
        ecdh: (point) => keyRing.ecdh(locator, point),
        onProgress: reached
      })
      yield* connection.send(new Init({ features: defaults.features(chain, blobType), chainHash: chain.chainHash }))
      const reply = yield* connection.receive
      if (reply._tag !== "Init") return yield* new UnexpectedMessage({ expected: "Init", received: reply._tag })
      yield* reached("init")
      found.init = reply
      yield* checkInit(chain, reply)
    }).pipe(Effect.scoped)

    const failure = yield* Effect.matchEffect(conversation, {
      onFailure: (error) => (error._tag === "InvalidOptions" ? Effect.fail(error) : Effect.succeed(error)),
      onSuccess: () => Effect.succeed(undefined)
    })
    const { init } = found
    return {
      uri,
      steps,
      init,
      missing: init === undefined ? [] : Chain.clientFeatures(chain, blobType).filter((bit) => !announces(init, bit)),
      failure
    }
  })

const dialFaults: Record<DialFailed["reason"], string> = {
  Refused: "Closed",
  Timeout: "Silent",
  Unreachable: "Unreachable",
  NameNotFound: "NameNotFound",
  NameTimeout: "ResolverSilent",
  Proxy: "ProxyFailed",
  Other: "NotConnected",
  ProxyUnavailable: "ProxyUnavailable",
  NetworkDown: "NoNetwork",
  NotAllowed: "Firewall",
  OutOfResources: "OutOfResources"
}

const ofDial = ({ address, proxy, reason, tried = [] }: DialFailed): string => {
  if (proxy !== undefined) return `Proxy${proxy.fault}`
  const all = tried.length > 0 ? tried.map(({ ip }) => ip) : [TowerAddress.hostPort(address).host]
  return reason === "Unreachable" && all.every((ip) => ip.includes(":")) ? "Ipv6Only" : dialFaults[reason]
}

/** The fault's name, for programs; "none" where the tower is well. @since 0.1.0 @category combinators */
export const faultOf = ({ failure, missing }: Pick<Diagnosis, "failure" | "missing">): string => {
  if (failure === undefined)
    return missing.length === 0 ? "none" : missing.includes(altruistSessions) ? "NoAltruistSessions" : "NoBlobType"
  switch (failure._tag) {
    case "DialFailed":
      return ofDial(failure)
    case "HandshakeFailed": {
      if (failure.speaks !== undefined) return `Speaks${failure.speaks === "mail or FTP" ? "Mail" : failure.speaks}`
      const byReason = {
        BadVersion: "NotBrontide",
        BadKey: "NotBrontide",
        BadMac: "WrongKey",
        Ended: "WrongKey",
        Timeout: "Mute"
      }
      return byReason[failure.reason]
    }
    case "ConnectionEnded":
      return "HungUp"
    case "MessageTimeout":
      return "NoInit"
    case "GarbledFrame":
      return "Garbled"
    case "MalformedMessage":
      return failure.type === initOfNode ? "LightningNode" : "Malformed"
    case "UnexpectedMessage":
      return "NoInit"
    case "PermanentTowerFailure":
      return failure.reason
    case "OnionWithoutProxy":
      return "OnionWithoutProxy"
    case "KeyRingError":
      return "KeyRing"
  }
}

/** The verdict in plain words. @since 0.1.0 @category combinators */
export const verdictOf = (
  { failure, missing }: Pick<Diagnosis, "failure" | "missing">,
  blobTypeName: string
): string => {
  if (failure !== undefined) return failure.message
  if (missing.length === 0) return "This is a tower of this chain, and its key is right."
  return missing.includes(altruistSessions)
    ? "This tower gives no sessions without a reward, and no others are asked for."
    : `This tower takes no sessions of the type ${blobTypeName}: it is too old, or is set up so.`
}
