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

/**
 * When it is closed it calls `onClose`, which is to end the responses that have no end; then it waits until no connection has a
 * request, and cuts those that have one after `graceMs`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (onClose: () => void): Http.Server => {
  const server = Http.createServer(limits)
  server.maxConnections = mostConnections
  const close = server.close.bind(server)
  server.close = (done) => {
    onClose()
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
