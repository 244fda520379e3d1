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
): Promise<Answer | HttpError> {
  const answer = await send()
  return answer instanceof HttpError && answer.isStale && mayRepeat(answer) ? send() : answer
}
