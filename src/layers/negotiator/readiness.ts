/**
 * Whether a tower can be asked, by its standing.
 *
 * @since 0.1.0
 */
import type { Instant } from "../../schema/Ids.js"
import { Readiness } from "../../schema/Readiness.js"
import type { Standing } from "../../schema/Standing.js"
import type { Tower } from "../../schema/Tower.js"
import type { Settings } from "./Options.js"
import * as Rests from "./standingTransitions.js"

/** By the rests and quarantines of a negotiator with these settings. @since 0.1.0 @category combinators */
export const readinessOf = (
  { status }: Pick<Tower, "status">,
  standing: Standing,
  settings: Settings,
  now: Instant
): Readiness => {
  if (status === "inactive") return Readiness.IsDeactivated()
  const probe = Rests.probeAt(standing, settings)
  if (standing.quarantine !== undefined && probe !== undefined && probe > now) {
    return Readiness.IsLeftOut({ until: probe, reason: standing.quarantine.reason })
  }
  const until = Rests.restEnd(standing, settings)
  return until !== undefined && until > now ? Readiness.Rests({ until }) : Readiness.CanBeAsked()
}
