/** So long a GET may take, in milliseconds: it must not hold up what is asked next. */
const GET_TIMEOUT_MS = 15_000

/**
 * POSTs JSON to Node-RED with the session of the editor, which `fetch` would not send.
 *
 * @param path relative to the editor
 * @returns the parsed answer
 * @throws {RequestError} if Node-RED answers with an error, or does not answer
 */
export function postToNodeRed(path: string, body: unknown): Promise<unknown> {
  return ask({
    url: path,
    type: 'POST',
    contentType: 'application/json',
    data: JSON.stringify(body)
  })
}

/**
 * The same with GET.
 *
 * @param path relative to the editor
 * @throws {RequestError} as above, and after 15 seconds without an answer
 */
export function getFromNodeRed(path: string): Promise<unknown> {
  return ask({ url: path, type: 'GET', timeout: GET_TIMEOUT_MS })
}

function ask(request: Omit<EditorRequest, 'dataType' | 'success' | 'error'>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    $.ajax({
      ...request,
      dataType: 'json',
      success: resolve,
      error: ({ status, responseJSON }) => {
        reject(new RequestError(status, responseJSON))
      }
    })
  })
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
