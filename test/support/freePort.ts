/** A port of this machine that is free now, for a program that is told where to listen. */
import { once } from "node:events"
import * as Net from "node:net"

export const freePort = async (): Promise<number> => {
  const server = Net.createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
}
