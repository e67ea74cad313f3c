/**
 * A server of Node that ends within a moment. By itself Node waits for all connections, also for those that are silent or hold
 * back half a request, and no longer enforces its time limits then.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"

/** How long requests that are being answered may go on, in milliseconds. @since 0.1.0 @category models */
export const graceMs = 300

const pollMs = 20

/** Requests may not trickle in for ever, nor more of them than a sidecar has use for. */
const limits: Http.ServerOptions = { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 }

const mostConnections = 128

type Request = readonly [request: Http.IncomingMessage, response: Http.ServerResponse]

/**
 * Requests that nothing serves wait until something does: Node would take them, and never answer. So it is before the tower client is
 * there, and between two of them, when the service reads its configuration again.
 */
const holdUnserved = (server: Http.Server): void => {
  const held: Array<Request> = []
  server.on("request", (...one: Request) => {
    if (server.listenerCount("request") === 1) held.push(one)
  })
  server.on("newListener", (event, listener) => {
    if (event === "request") for (const one of held.splice(0)) listener(...one)
  })
}

/**
 * When it is closed it waits until no connection has a request, and cuts those that have one after `graceMs`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Http.Server => {
  const server = Http.createServer(limits)
  server.maxConnections = mostConnections
  holdUnserved(server)
  const close = server.close.bind(server)
  server.close = (done) => {
    close(done)
    const poll = setInterval(() => server.closeIdleConnections(), pollMs)
    const cut = setTimeout(() => server.closeAllConnections(), graceMs)
    server.once("close", () => {
      clearInterval(poll)
      clearTimeout(cut)
    })
    return server
  }
  return server
}
