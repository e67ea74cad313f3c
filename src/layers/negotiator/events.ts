/**
 * The events of a negotiator, and its status as a fold over them.
 *
 * @since 0.1.0
 */
import type { Instant } from "../../schema/Ids.js"
import type { Happening } from "../../schema/NegotiatorEvent.js"
import type { NegotiatorStatus } from "../../schema/NegotiatorStatus.js"
import * as EventLog from "../support/eventLog.js"
import * as Status from "./status.js"

/** @since 0.1.0 @category models */
export interface Events extends EventLog.EventLog<Happening, NegotiatorStatus> {}

/** `now` is the negotiator's clock. @since 0.1.0 @category constructors */
export const make = (now: () => Instant): Events => EventLog.make(now, Status.initial, Status.after)
