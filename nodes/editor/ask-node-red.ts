import {
  GET_TIMEOUT_MS,
  refusalOf,
  RequestError,
  routeRequest
} from '../operations/route-request.ts'
import type { QuestionOf } from '../operations/questions.ts'
import type { AnswerOf, ParamsOf, RouteName } from '../operations/route-table.ts'

/**
 * Asks a route of Node-RED.
 *
 * @param params what stands for the names in its path
 * @param question its query or its body; of a query, what is empty is left out
 * @throws {RequestError} if Node-RED answers with an error, or does not answer; a GET ends after 15 seconds
 */
export async function askNodeRed<Name extends RouteName>(
  name: Name,
  params: ParamsOf<Name>,
  question: QuestionOf<Name>
): Promise<AnswerOf<Name>> {
  const response = await open(name, params, question)
  const answer = await jsonIn(response)
  if (response.ok && answer !== undefined) return answer as AnswerOf<Name>
  throw refusal(response, answer)
}

/** With the session of the editor, which `fetch` would not send. jQuery would follow a server in front of Node-RED to its login. */
async function open<Name extends RouteName>(
  name: Name,
  params: ParamsOf<Name>,
  question: QuestionOf<Name>
): Promise<Response> {
  const { method, url, body } = routeRequest(name, params, question)
  const token = tokenOfEditor()
  const headers = {
    ...(body !== undefined && { 'Content-Type': 'application/json' }),
    ...(token !== undefined && { Authorization: `Bearer ${token}` })
  }
  const more = body === undefined ? { signal: AbortSignal.timeout(GET_TIMEOUT_MS) } : { body }
  try {
    return await fetch(url, { method, headers, cache: 'no-store', redirect: 'manual', ...more })
  } catch {
    throw new RequestError(0, undefined)
  }
}

/** @throws {RequestError} if the answer is cut; undefined if it is no JSON */
async function jsonIn(response: Response): Promise<unknown> {
  const text = await response.text().catch(() => {
    throw new RequestError(0, undefined)
  })
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function refusal(response: Response, answer: unknown): RequestError {
  const { isOfFront, status } = refusalOf(response, answer)
  // Of a Node-RED without a login, the editor has no user.
  const isOther = status === 401 && RED.settings.user === undefined
  return new RequestError(status, answer, isOfFront || isOther)
}

function tokenOfEditor(): string | undefined {
  return RED.settings.get('auth-tokens')?.access_token
}
