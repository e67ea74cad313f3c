/** What the service does, followed as it happens. @since 0.1.0 */
import { load, Refused, type Snapshot } from "./service.js"

/** What is known of the connection. @since 0.1.0 @category models */
export type Connection = "connecting" | "live" | "lost" | "signedOut"

/** What a follower is told. @since 0.1.0 @category models */
export interface Follower {
  readonly onConnection: (connection: Connection) => void
  readonly onSnapshot: (snapshot: Snapshot) => void
  /** The service answers, and not with what was asked for. */
  readonly onTrouble: (message: string) => void
}

/** After a load: a service that sends thousands of updates in a second has as many events. */
const pauseMs = 300

/** How soon a load or a stream that has failed is tried again. */
const retryMs = 1000

/** Rests end, and the counts move on, without an event. */
const refreshMs = 10_000

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Calls `work`, and once more where it was asked for in the meantime: requests during a call become one. */
const coalesced = (work: () => Promise<void>): (() => Promise<void>) => {
  let isAsked = false
  let isBusy = false
  return async () => {
    isAsked = true
    if (isBusy) return
    isBusy = true
    while (isAsked) {
      isAsked = false
      await work()
      await sleep(pauseMs)
    }
    isBusy = false
  }
}

/**
 * Follows the service until the page is closed. Each event makes everything be loaded again: so a gap in the stream, or a time without
 * a connection, leaves nothing behind that was true before. Answers how to load at once: what is done on the page is not always an
 * event.
 *
 * @since 0.1.0
 * @category combinators
 */
export const follow = ({ onConnection, onSnapshot, onTrouble }: Follower): (() => void) => {
  const reload = coalesced(() =>
    load().then(onSnapshot, (error: unknown) => {
      if (error instanceof Refused && error.status === 401) return onConnection("signedOut")
      if (error instanceof Refused) onTrouble(error.message)
      // A service that cannot be reached has ended the stream too, which loads again when it is back.
      if (error instanceof Refused) setTimeout(reload, retryMs)
    })
  )

  const connect = () => {
    const source = new EventSource("/v1/events")
    source.addEventListener("open", () => onConnection("live"))
    for (const name of ["Status", "Client", "Negotiator"]) source.addEventListener(name, reload)
    source.addEventListener("error", () => {
      onConnection("lost")
      // The browser tries again by itself, except where it got an answer that is no stream.
      if (source.readyState === EventSource.CLOSED) void reconnect()
    })
  }

  const reconnect = async () => {
    const status = await fetch("/v1/status").then(
      (response) => response.status,
      () => 0
    )
    if (status === 401) return onConnection("signedOut")
    await sleep(retryMs)
    connect()
  }

  connect()
  setInterval(() => {
    if (document.visibilityState === "visible") reload()
  }, refreshMs)
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") reload()
  })
  return reload
}
