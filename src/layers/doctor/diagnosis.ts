/**
 * What is the matter with a tower, step by step: the connection, the tower's key, its Init, and where that is asked for, a
 * session. Keys that are thrown away stand in for session keys.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as BlobType from "../../schema/BlobType.js"
import * as Chain from "../../schema/Chain.js"
import type { DoctorStep } from "../../schema/DoctorReport.js"
import type { InvalidOptions } from "../../schema/InvalidOptions.js"
import * as TowerAddress from "../../schema/TowerAddress.js"
import type { TowerUri } from "../../schema/TowerUri.js"
import { type DialFailed, initOfNode } from "../../schema/TransportError.js"
import type { Init } from "../../schema/wire/Init.js"
import type { TowerTransport } from "../../services/TowerTransport.js"
import { altruistSessions } from "../negotiator/Rules.js"
import { type IntroductionFailure, introduce, throwAwayKey } from "./introduction.js"
import type { Trial, TrialFailure } from "./trial.js"

/** What was found. `millis` counts from the beginning; a step that was not reached is not there. @since 0.1.0 @category models */
export interface Diagnosis {
  readonly uri: TowerUri
  readonly steps: ReadonlyArray<{ readonly step: DoctorStep; readonly millis: number }>
  readonly init: Init | undefined
  /** The feature bits that the blob type needs, and that the tower does not announce. */
  readonly missing: ReadonlyArray<number>
  readonly failure: IntroductionFailure | undefined
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
    const began = yield* Clock.currentTimeMillis
    const steps: Array<Diagnosis["steps"][number]> = []
    const found: { init?: Init } = {}
    const introduction = Effect.gen(function* () {
      yield* introduce(uri, yield* throwAwayKey(chain), chain, blobType, {
        reached: (step) => Effect.map(Clock.currentTimeMillis, (now) => void steps.push({ step, millis: now - began })),
        onInit: (init) => {
          found.init = init
        }
      })
    }).pipe(Effect.scoped)
    const failure = yield* Effect.matchEffect(introduction, {
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
  // The doctor's dialer names the proxy and its fault; the type has room for one that does not.
  Proxy: "ProxyUnknown",
  Other: "NotConnected",
  ProxyUnavailable: "ProxyUnknown",
  NetworkDown: "NoNetwork",
  NotAllowed: "Firewall",
  OutOfResources: "OutOfResources"
}

const ofDial = ({ address, proxy, reason, tried = [] }: DialFailed): string => {
  if (proxy !== undefined) return `Proxy${proxy.fault}`
  const all = tried.length > 0 ? tried.map(({ ip }) => ip) : [TowerAddress.hostPort(address).host]
  return reason === "Unreachable" && all.every((ip) => ip.includes(":")) ? "Ipv6Only" : dialFaults[reason]
}

const ofFailure = (failure: TrialFailure): string => {
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
    case "SessionRejected":
      return "Rejected"
    case "KeyRingError":
      return "KeyRing"
    case "OnionWithoutProxy":
    case "TowerErrorMessage":
    case "SessionKeyAlreadyUsed":
    case "RewardScriptTooLong":
    case "VisitTimeout":
    case "Overtaken":
    case "NoTowerAddrs":
      return failure._tag
  }
}

/** What is looked at for a verdict. `trials`: the sessions that were asked for, that of the policy first. @since 0.1.0 @category models */
export interface Findings extends Pick<Diagnosis, "failure" | "missing"> {
  readonly trials?: ReadonlyArray<Trial>
}

/** The fault's name, for programs; "none" where the tower is well. @since 0.1.0 @category combinators */
export const faultOf = ({ failure, missing, trials: [first] = [] }: Findings): string => {
  if (failure !== undefined) return ofFailure(failure)
  switch (first?._tag) {
    case "Refused": {
      const { _tag } = first.failure
      return _tag === "MessageTimeout" || _tag === "UnexpectedMessage" ? "NoReply" : ofFailure(first.failure)
    }
    case "Kept":
      return "NotDeleted"
    case "Given":
      return "none"
    case undefined:
      return missing.length === 0 ? "none" : missing.includes(altruistSessions) ? "NoAltruistSessions" : "NoBlobType"
  }
}

/** The verdict in plain words. @since 0.1.0 @category combinators */
export const verdictOf = ({ failure, missing, trials = [] }: Findings, blobTypeName: string): string => {
  const [first] = trials
  if (failure !== undefined) return failure.message
  switch (first?._tag) {
    case "Refused":
      return first.failure.message
    case "Kept":
      return `The tower gave a session, which could not be deleted again. ${first.failure.message}`
    case "Given": {
      const given = trials.filter(({ _tag }) => _tag !== "Refused").map(({ blobType }) => BlobType.nameOf(blobType))
      return `This is a tower of this chain, its key is right, and it gives sessions of type ${given.join(", ")}.`
    }
    case undefined:
  }
  if (missing.length === 0) return "This is a tower of this chain, and its key is right."
  return missing.includes(altruistSessions)
    ? "This tower gives no sessions without a reward, and no others are asked for."
    : `This tower takes no sessions of the type ${blobTypeName}: it is too old, or is set up so.`
}
