/** What `wtclient doctor` finds where it is the network, the name servers or this machine. Needs Linux. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bundle } from "../database/support/process.js"
import { isMissing, sayIfMissing, scenes } from "./support/namespace.js"
import { loopback, route, silentLink } from "./support/setups.js"

sayIfMissing("the doctor in networks of its own")

const { alone, here } = await scenes("doctor.ts")
const program = await bundle("src/bin.ts")

afterAll(() => program.remove())

const ipv4 = `${loopback}; ${route("4", "10.9.9.1/24")}`

describe.skipIf(isMissing !== undefined)("wtclient doctor", () => {
  const network: ReadonlyArray<readonly [fault: string, address: string, setup: string, verdict: RegExp]> = [
    ["NoNetwork", "203.0.113.7:9911", ":", /this machine has no network/],
    ["NoNetwork", "tower.test:9911", ":", /this machine has no network, or none of its name servers is there/],
    ["Unreachable", "203.0.113.7:9911", `${ipv4}; ip route add unreachable 203.0.113.7`, /does not reach it\.$/],
    ["Ipv6Only", "six.test:9911", ipv4, /does not reach it \(2001:db8::7: /],
    ["Ipv6Only", "[2001:db8::7]:9911", ipv4, /does not reach it\.$/],
    ["NameNotFound", "none.test:9911", ipv4, /the host name is not known\.$/],
    ["Firewall", "203.0.113.7:9911", `${ipv4}; ip route add prohibit 203.0.113.7`, /a rule of this machine/],
    // Linux answers EINVAL, which says nothing to a person.
    ["NotConnected", "203.0.113.7:9911", `${ipv4}; ip route add blackhole 203.0.113.7`, /the connection failed\.$/]
  ]
  it.live.each(network)("finds %s at %s", ([fault, address, setup, verdict]) =>
    Effect.gen(function* () {
      const found = yield* alone({ setup }, "program", program.file, address)
      assert.deepInclude(found, { code: 1, fault })
      assert.match(String(Reflect.get(Object(found), "verdict")), verdict)
    })
  )

  it.live("finds OutOfResources where there is no port left", () =>
    Effect.gen(function* () {
      const setup = `${loopback}; echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range`
      assert.deepInclude(yield* alone({ setup }, "noPort", program.file), { code: 1, fault: "OutOfResources" })
    })
  )

  it.live("finds Silent where an address does not answer", () =>
    Effect.gen(function* () {
      const found = yield* alone({ setup: `${loopback}; ${silentLink}` }, "silent", "", "10.9.9.9:9911")
      assert.deepInclude(found, { code: 1, fault: "Silent" })
    })
  )

  it.live("finds ResolverSilent where no name server answers", () =>
    Effect.gen(function* () {
      const found = yield* alone({}, "silentResolver", "", "dead.test:9911")
      assert.deepInclude(found, { code: 1, fault: "ResolverSilent" })
    })
  )
})

describe("wtclient doctor", () => {
  it.live("finds OutOfResources where there is no descriptor left", () =>
    Effect.gen(function* () {
      const limited = ["bash", "-c", 'ulimit -n 64; exec "$@"', "bash"]
      const found = yield* here(limited, "noDescriptor", "", "127.0.0.1:1")
      assert.deepInclude(found, { code: 1, fault: "OutOfResources" })
    })
  )
})
