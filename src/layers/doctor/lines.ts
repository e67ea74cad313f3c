/**
 * What the doctor has seen on the way to its verdict, in words.
 *
 * @since 0.1.0
 */
import * as BlobType from "../../schema/BlobType.js"
import * as Chain from "../../schema/Chain.js"
import type { AddressTime, DoctorStep } from "../../schema/DoctorReport.js"
import * as Excerpt from "../../schema/Excerpt.js"
import * as TowerAddress from "../../schema/TowerAddress.js"
import { dialFailures } from "../../schema/TransportError.js"
import type { Diagnosis } from "./diagnosis.js"
import type { Trial } from "./trial.js"

const kinds: Record<TowerAddress.Kind, string> = {
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  name: "a host name",
  onion: "an onion name"
}

const done: Record<DoctorStep, string> = {
  connected: "connected",
  actTwo: "the tower has the secret key of its public key",
  init: "the tower sent its Init"
}

const addressLine = ({ ip, millis, reason }: AddressTime): string =>
  reason === undefined ? `${ip}: connected after ${millis} ms` : `${ip}: ${dialFailures[reason]}, after ${millis} ms`

const trialLine = (trial: Trial): string => {
  const name = BlobType.nameOf(trial.blobType)
  switch (trial._tag) {
    case "Refused":
      return `${name}: gave no session. ${trial.failure.message}`
    case "Given":
      return `${name}: gave a session after ${trial.millis} ms, and deleted it again`
    case "Kept":
      return `${name}: gave a session after ${trial.millis} ms, and did not delete it again. ${trial.failure.message}`
  }
}

/** A line for each thing that was seen, in the order in which it was. @since 0.1.0 @category combinators */
export const linesOf = ({
  addresses,
  diagnosis: { init, steps, uri },
  trials
}: {
  readonly diagnosis: Diagnosis
  readonly addresses: ReadonlyArray<AddressTime>
  readonly trials: ReadonlyArray<Trial>
}): ReadonlyArray<string> => [
  `${uri.address} is ${kinds[TowerAddress.kind(uri.address)]}`,
  ...addresses.map(addressLine),
  ...steps.map(({ millis, step }) => `after ${millis} ms: ${done[step]}`),
  ...(init === undefined
    ? []
    : [
        `it watches ${Chain.nameOf(init.chainHash)}, and announces these feature bits: ${Excerpt.printFeatures(init.features.slice(0, Excerpt.maxFeatures), init.features.length)}`
      ]),
  ...trials.map(trialLine)
]
