import type { QuestionOf } from './questions.ts'
import { ROUTES, type ParamsOf, type RouteName } from './route-table.ts'

/** So long a GET may take, in milliseconds: it must not hold up what is asked next. */
export const GET_TIMEOUT_MS = 15_000

/** A request to a route, as the editor and the page make it. */
export interface RouteRequest {
  method: 'GET' | 'POST'
  /** Relative to the editor, wherever that is. */
  url: string
  /** JSON; undefined for a GET. */
  body: string | undefined
}

/**
 * The request that asks a route.
 *
 * @param params what stands for the names in its path
 * @param question its query or its body; of a query, what is empty is left out
 */
export function routeRequest<Name extends RouteName>(
  name: Name,
  params: ParamsOf<Name>,
  question: QuestionOf<Name>
): RouteRequest {
  const { method, path } = ROUTES[name]
  const url = filledPath(path, params)
  return method === 'GET'
    ? { method, url: withQuery(url, question), body: undefined }
    : { method, url, body: JSON.stringify(question) }
}

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

/** Node-RED, or a server in front of it, refused a request. */
export class RequestError extends Error {
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number
  /** The parsed body of the answer; undefined if it is not JSON. */
  readonly answer: unknown
  /** A server in front of Node-RED wants a login of its own. */
  readonly isOfFront: boolean

  constructor(status: number, answer: unknown, isOfFront = false) {
    super(`Node-RED answered ${status}`)
    this.status = status
    this.answer = answer
    this.isOfFront = isOfFront
  }

  /** Its text: under `request` in the texts of the forms, under `trouble` in those of the tab. */
  get key(): 'notFound' | 'notAllowed' | 'noNodeRed' | 'failed' | 'frontLogin' | 'gaveUp' {
    if (this.isOfFront) return 'frontLogin'
    if (this.status === 504) return 'gaveUp'
    if (this.status === 404) return 'notFound'
    if (this.status === 401 || this.status === 403) return 'notAllowed'
    return this.status === 0 ? 'noNodeRed' : 'failed'
  }
}

/** Why a route was not answered as it should. The request must not have followed redirects. */
export function refusalOf(response: Response, answer: unknown): RequestError {
  return new RequestError(response.status, answer, isLoginInFront(response))
}

/** Node-RED redirects no route, answers with no web page, and wants tokens only: it is somebody else who asks for a login. */
function isLoginInFront({ headers, ok, status, type }: Response): boolean {
  if (type === 'opaqueredirect') return true
  const challenge = headers.get('WWW-Authenticate') ?? 'Bearer'
  if (status === 401 && !/^bearer/i.test(challenge)) return true
  const isPage = /^text\/html/i.test(headers.get('Content-Type') ?? '')
  return isPage && (ok || status === 401 || status === 403)
}
