import { HttpError } from './http-error.ts'

/**
 * Sends a request, and once more if the connection had been kept and turned out to be dead: most likely, the server
 * never read it.
 *
 * @param mayRepeat whether nothing speaks against that
 */
export async function withLiveConnection<Answer>(
  send: () => Promise<Answer | HttpError>,
  mayRepeat: (error: HttpError) => boolean
): Promise<{ answer: Answer | HttpError; isRepeated: boolean }> {
  const answer = await send()
  if (!(answer instanceof HttpError && answer.isStale && mayRepeat(answer))) {
    return { answer, isRepeated: false }
  }
  return { answer: await send(), isRepeated: true }
}
