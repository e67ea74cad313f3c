/** Makes a plan that fails smaller, as long as it still fails. */

/** Takes the first of the smaller plans that fails, again and again; at most `tries` plans are tried. */
export const shrink = <Plan>(
  plan: Plan,
  smaller: (plan: Plan) => Iterable<Plan>,
  fails: (plan: Plan) => boolean,
  tries = 1000
): Plan => {
  let best = plan
  let left = tries
  for (let found = true; found && left > 0; ) {
    found = false
    for (const candidate of smaller(best)) {
      if (left-- <= 0) break
      if (!fails(candidate)) continue
      best = candidate
      found = true
      break
    }
  }
  return best
}
