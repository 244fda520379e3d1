import { GET_TIMEOUT_MS, RequestError, routeRequest } from '../operations/route-request.ts'
import type { QuestionOf } from '../operations/questions.ts'
import type { AnswerOf, ParamsOf, RouteName } from '../operations/route-table.ts'

/**
 * Asks a route of Node-RED, with the session of the editor, which `fetch` would not send.
 *
 * @param params what stands for the names in its path
 * @param question its query or its body; of a query, what is empty is left out
 * @throws {RequestError} if Node-RED answers with an error, or does not answer; a GET ends after 15 seconds
 */
export function askNodeRed<Name extends RouteName>(
  name: Name,
  params: ParamsOf<Name>,
  question: QuestionOf<Name>
): Promise<AnswerOf<Name>> {
  const { method, url, body } = routeRequest(name, params, question)
  const request =
    body === undefined
      ? { url, timeout: GET_TIMEOUT_MS }
      : { url, contentType: 'application/json', data: body }
  return new Promise((resolve, reject) => {
    $.ajax({
      ...request,
      type: method,
      dataType: 'json',
      success: (answer) => {
        resolve(answer as AnswerOf<Name>)
      },
      error: ({ status, responseJSON }) => {
        reject(new RequestError(status, responseJSON))
      }
    })
  })
}
