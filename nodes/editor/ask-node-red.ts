import {
  ROUTES,
  type AnswerOf,
  type ParamsOf,
  type QuestionOf,
  type RouteName
} from '../operations/route-table.ts'

/** So long a GET may take, in milliseconds: it must not hold up what is asked next. */
const GET_TIMEOUT_MS = 15_000

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
  const { method, path } = ROUTES[name]
  const url = filledPath(path, params)
  const request =
    method === 'GET'
      ? { url: withQuery(url, question), timeout: GET_TIMEOUT_MS }
      : { url, contentType: 'application/json', data: JSON.stringify(question) }
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

/** Relative to the editor, wherever that is. */
function filledPath(path: string, params: Readonly<Record<string, string>>): string {
  return path
    .slice(1)
    .replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
}

function withQuery(url: string, question: object): string {
  const given = Object.entries(question).filter(([, value]) => value !== undefined && value !== '')
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  return query.size === 0 ? url : `${url}?${query.toString()}`
}

/** Node-RED refused a request. */
export class RequestError extends Error {
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number
  /** The parsed body of the answer; undefined if it is not JSON. */
  readonly answer: unknown

  constructor(status: number, answer: unknown) {
    super(`Node-RED answered ${status}`)
    this.status = status
    this.answer = answer
  }

  /** Its text: under `request` in the texts of the forms, under `trouble` in those of the tab. */
  get key(): 'notDeployed' | 'notAllowed' | 'noNodeRed' | 'failed' {
    if (this.status === 404) return 'notDeployed'
    if (this.status === 401 || this.status === 403) return 'notAllowed'
    return this.status === 0 ? 'noNodeRed' : 'failed'
  }
}
