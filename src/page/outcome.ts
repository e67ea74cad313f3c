/** What came of something that was done on the page. @since 0.1.0 */

/** What was done, or why it could not be. @since 0.1.0 @category models */
export interface Outcome {
  readonly isError: boolean
  readonly text: string
}

/** Why a request failed, in words. @since 0.1.0 @category combinators */
export const failureWords = (error: unknown): string => {
  // What fetch throws where nothing answers.
  if (error instanceof TypeError) return "The service does not answer."
  return error instanceof Error ? error.message : String(error)
}

/** Does something, and says how it went. @since 0.1.0 @category combinators */
export const attempt = (work: () => Promise<unknown>, done: string): Promise<Outcome> =>
  work().then(
    () => ({ isError: false, text: done }),
    (error: unknown) => ({ isError: true, text: failureWords(error) })
  )
