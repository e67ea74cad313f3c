/** How much the benches of sessions measure. A user's process runs for long: 1,500 sessions are mostly code that is warm. */
export const sessions = Number(process.env.SESSIONS ?? 1500)

/** Sessions before that, which are not counted. */
export const warmUp = Number(process.env.WARM ?? 20)

export const runs = Number(process.env.RUNS ?? 3)
