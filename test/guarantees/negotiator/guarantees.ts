/** The guarantees of one run of a negotiator that hold in every world. */
import { all } from "../guarantee.js"
import * as Closing from "./closing.js"
import * as Connections from "./connections.js"
import type { Context } from "./context.js"
import * as Delivery from "./delivery.js"
import * as Keys from "./keys.js"
import * as Pace from "./pace.js"
import * as Progress from "./progress.js"
import * as Rounds from "./rounds.js"
import * as Status from "./status.js"
import * as Waits from "./waits.js"

export const make = (context: Context) => {
  const progress = Progress.make(context)
  const guarantees = [Delivery, Rounds, Keys, Connections, Closing, Waits, Pace, Status]
  return all([...guarantees.map(({ make }) => make(context, progress)), progress])
}
