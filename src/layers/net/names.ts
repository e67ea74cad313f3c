/**
 * Looks up the addresses of host names, so that no name delays another one.
 *
 * With `dns.lookup` it would: each look-up occupies one of the four threads of libuv until the system's resolver gives up,
 * and cannot be cancelled. A few names whose server is silent then delay every other name, every file operation and the end
 * of the process. Here each look-up has a resolver of its own, with sockets on the event loop. Callers that ask for the
 * same name at the same time share a look-up; it is cancelled when the last of them is interrupted. So there are never more
 * look-ups than names that callers wait for.
 *
 * As with `dns.lookup`, `/etc/hosts` is read first, then the name servers and search domains of `/etc/resolv.conf` are
 * asked. Other sources that a system may have (multicast DNS, NIS) are not used.
 *
 * @since 0.1.0
 */
import { Resolver } from "node:dns/promises"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { firstOf } from "../concurrency/firstOf.js"
import { scoped } from "../concurrency/scoped.js"

/**
 * The addresses of a name. `known`: at least one, IPv6 and IPv4 in turn, IPv6 first. `late`: those of the family that had
 * not answered yet.
 *
 * @since 0.1.0
 * @category models
 */
export interface Found {
  readonly known: ReadonlyArray<string>
  readonly late: Effect.Effect<ReadonlyArray<string>>
}

/** How long the answer for one family waits for that of the other (RFC 8305, Resolution Delay). */
const resolutionDelay = "50 millis"

const errorOf = (thrown: unknown): NodeJS.ErrnoException =>
  thrown instanceof Error ? thrown : new Error(String(thrown))

/** The text of a system file; empty when there is no such file. */
const read = (file: string): string => {
  try {
    return Fs.readFileSync(file, "utf8")
  } catch (thrown) {
    const error = errorOf(thrown)
    // Without file descriptors no look-up can work either, and this error says why.
    if (error.code === "EMFILE" || error.code === "ENFILE") throw error
    return ""
  }
}

/**
 * The addresses that the text of a hosts file has for a name, in the order of the file. As in glibc, a name of `::1` is
 * also a name of 127.0.0.1.
 *
 * @since 0.1.0
 * @category combinators
 */
export const inHosts = (text: string, name: string): ReadonlyArray<string> => {
  const addresses = text.split("\n").flatMap((line) => {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/)
    if (Net.isIP(address) === 0 || !names.some((one) => one.toLowerCase() === name.toLowerCase())) return []
    return address === "::1" ? [address, "127.0.0.1"] : [address]
  })
  return [...new Set(addresses)]
}

/**
 * The names to ask the name servers for, in turn, by the text of `resolv.conf` and the name of this machine: with as many
 * dots as `ndots` says, the name as it is comes before the search domains, else after them; with a dot at its end there is
 * nothing to search (resolv.conf(5)).
 *
 * @since 0.1.0
 * @category combinators
 */
export const inDomains = (text: string, machine: string, name: string): ReadonlyArray<string> => {
  if (name.endsWith(".")) return [name.slice(0, -1)]
  const settings = text.split("\n").map((line) => line.trim().split(/\s+/))
  const [, ...domains] =
    settings.findLast(([key]) => key === "search" || key === "domain") ?? machine.split(/\.(.+)/, 2)
  const options = settings.flatMap(([key, ...values]) => (key === "options" ? values : []))
  const ndots = Number(options.findLast((option) => /^ndots:\d+$/.test(option))?.slice("ndots:".length) ?? 1)
  const searched = domains
    .map((domain) => `${name}.${domain}`.replace(/\.+$/, ""))
    .filter(({ length }) => length <= 253)
  return [...new Set(name.split(".").length - 1 >= ndots ? [name, ...searched] : [...searched, name])]
}

/** What the name servers answer for one family: the addresses, or why there are none. */
interface Answer {
  readonly addresses: ReadonlyArray<string>
  readonly failure?: NodeJS.ErrnoException
}

const answered = (asked: Promise<ReadonlyArray<string>>): Promise<Answer> =>
  asked.then(
    (addresses) => ({ addresses }),
    (thrown: unknown) => ({ addresses: [], failure: errorOf(thrown) })
  )

const hasAddress = ({ addresses }: Answer) => addresses.length > 0

/** With these failures the next search domain is tried. */
const isNotThere = ({ failure }: Answer) => ["ENOTFOUND", "ENODATA", "ESERVFAIL"].includes(failure?.code ?? "")

/** The answers for IPv6 and IPv4 of the first name that has an address, as soon as one of them has. */
const search = async (resolver: Resolver, names: ReadonlyArray<string>): Promise<ReadonlyArray<Promise<Answer>>> => {
  let failure: NodeJS.ErrnoException | undefined
  for (const name of names) {
    const asked = [answered(resolver.resolve6(name)), answered(resolver.resolve4(name))]
    if (hasAddress(await Promise.race(asked))) return asked
    const answers = await Promise.all(asked)
    if (answers.some(hasAddress)) return asked
    failure = answers.find((answer) => !isNotThere(answer))?.failure ?? answers[0]?.failure
    if (!answers.every(isNotThere)) break
  }
  throw failure
}

interface LookUp {
  readonly resolver: Resolver
  readonly answers: Promise<ReadonlyArray<Promise<Answer>>>
  /** The number of callers that wait for it. */
  waiting: number
}

/** The look-ups in progress, by name. */
const lookUps = new Map<string, LookUp>()

const forget = (name: string, lookUp: LookUp) => {
  if (lookUps.get(name) === lookUp) lookUps.delete(name)
}

const begin = (name: string): LookUp => {
  const resolver = new Resolver()
  const lookUp = {
    resolver,
    answers: search(resolver, inDomains(read("/etc/resolv.conf"), Os.hostname(), name)),
    waiting: 0
  }
  lookUps.set(name, lookUp)
  const over = () => forget(name, lookUp)
  // A caller that comes after the end begins a new look-up. The handler of the failure is needed for a look-up that is
  // cancelled: its rejection would be unhandled and end the process.
  void lookUp.answers.then((answers) => Promise.all(answers)).then(over, over)
  return lookUp
}

/** A look-up of the name servers, shared while the scope is open. */
const join = (name: string) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const lookUp = lookUps.get(name) ?? begin(name)
        lookUp.waiting += 1
        return lookUp
      },
      catch: errorOf
    }),
    (lookUp) =>
      Effect.sync(() => {
        lookUp.waiting -= 1
        if (lookUp.waiting > 0) return
        forget(name, lookUp)
        lookUp.resolver.cancel()
      })
  )

/** The lists in one, an element of each in turn. */
const inTurn = (lists: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> =>
  Array.from({ length: Math.max(...lists.map(({ length }) => length)) }).flatMap((_, at) =>
    lists.flatMap((list) => list.slice(at, at + 1))
  )

const isLocalhost = (name: string) => /(^|\.)localhost\.?$/i.test(name)

/**
 * Looks up a name; what is still asked for when the scope closes is cancelled. Fails with the code of the resolver: for
 * example `ENOTFOUND`, or `ECONNREFUSED` when no name server can be reached. No timeout of its own but the resolver's.
 *
 * @since 0.1.0
 * @category constructors
 */
export const lookUp = (name: string): Effect.Effect<Found, NodeJS.ErrnoException, Scope.Scope> =>
  Effect.gen(function* () {
    const written = yield* Effect.try({ try: () => inHosts(read("/etc/hosts"), name), catch: errorOf })
    // RFC 6761: it is this machine, also where no file says so.
    const here = written.length === 0 && isLocalhost(name) ? ["::1", "127.0.0.1"] : written
    if (here.length > 0) {
      const families = [6, 4].map((family) => here.filter((address) => Net.isIP(address) === family))
      return { known: inTurn(families), late: Effect.succeed([]) }
    }
    const { answers } = yield* join(name)
    const asked = yield* Effect.tryPromise({ try: () => answers, catch: errorOf })
    const found: Array<ReadonlyArray<string>> = asked.map(() => [])
    const all = Effect.promise(() =>
      Promise.all(
        asked.map(async (answer, family) => {
          found[family] = (await answer).addresses
        })
      )
    )
    yield* firstOf(all, Effect.sleep(resolutionDelay))
    const known = inTurn(found)
    return { known, late: Effect.map(all, () => found.flat().filter((address) => !known.includes(address))) }
  })

/**
 * The `lookup` option of a socket's `connect`, for sockets that others connect; cancelled when the socket closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const lookupOf =
  (socket: Net.Socket): Net.LookupFunction =>
  (name, options, callback) => {
    const cancel = Effect.runCallback(scoped(lookUp(name)), {
      onExit: Exit.match({
        onFailure: (cause) => callback(errorOf(Cause.squash(cause)), ""),
        onSuccess: ({ known }) => {
          const all = known.map((address) => ({ address, family: Net.isIP(address) }))
          if (options.all) callback(null, all)
          else callback(null, all[0]?.address ?? "", all[0]?.family)
        }
      })
    })
    socket.once("close", () => cancel())
  }
