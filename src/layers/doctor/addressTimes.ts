/**
 * How long it takes to connect to each address of a host name.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { AddressTime } from "../../schema/DoctorReport.js"
import * as TowerAddress from "../../schema/TowerAddress.js"
import { DialFailed } from "../../schema/TransportError.js"
import { within } from "../concurrency/firstOf.js"
import * as NodeSocketDialer from "../NodeSocketDialer.js"
import * as Names from "../net/names.js"

/** As long as a transport dials by default. */
const patience = "10 seconds"

const time = (ip: string, port: number): Effect.Effect<AddressTime> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const address = TowerAddress.TowerAddress.make(ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)
    const dialled = yield* NodeSocketDialer.make
      .dial(address)
      .pipe(
        Effect.scoped,
        (dial) => within(dial, patience, () => new DialFailed({ address, reason: "Timeout" })),
        Effect.either
      )
    const millis = (yield* Clock.currentTimeMillis) - began
    return { ip, millis, reason: Either.isLeft(dialled) ? dialled.left.reason : undefined }
  })

/** The addresses of the name in an address, all at once; none where it is no name, or is not found. @since 0.1.0 @category constructors */
export const addressTimes = (address: TowerAddress.TowerAddress): Effect.Effect<ReadonlyArray<AddressTime>> =>
  Effect.gen(function* () {
    if (TowerAddress.kind(address) !== "name") return []
    const { host, port } = TowerAddress.hostPort(address)
    const all = yield* Names.lookUp(host).pipe(
      Effect.flatMap(({ known, late }) => Effect.map(late, (others) => [...known, ...others])),
      Effect.scoped,
      (lookUp) => within(lookUp, patience, () => new DialFailed({ address, reason: "NameTimeout" }))
    )
    return yield* Effect.forEach(all, (ip) => time(ip, port), { concurrency: "unbounded" })
  }).pipe(
    // Why a name has no address is found by the connection, too, and told there.
    Effect.orElseSucceed(() => [])
  )
