import { GET_TIMEOUT_MS, refusalOf, RequestError, routeRequest } from '../../route-request.ts'
import { type Answered, fileIn } from '../save-file.ts'
import type { QuestionOf } from '../../questions.ts'
import type { AnswerOf, ParamsOf, RouteName } from '../../route-table.ts'

/** How Node-RED wants a user to log in. `nowhere`: only the editor could do it, and that is disabled. */
export type LoginKind = 'none' | 'password' | 'elsewhere' | 'nowhere' | LoginOffer

/** What somebody who set Node-RED up offers in place of a login, such as the way to an editor that is elsewhere. */
export interface LoginOffer {
  message: string
  label: string
  url: string
}

/** There is no session, or it has ended. */
export class LoginNeeded extends RequestError {}

/** The user's session with Node-RED: the one of the editor in this browser, which knows it by the same key. */
export class Session {
  /** Where the editor is, with a slash at the end. */
  readonly editor: URL
  readonly #key: string

  /** @param editor where the editor is, with a slash at the end */
  constructor(editor: URL) {
    this.editor = editor
    // As the editor names it: a Node-RED under another path of this host has its own.
    this.#key = `auth-tokens${editor.pathname.slice(0, -1).replaceAll('/', '-')}`
  }

  /** Whether there is a token; it may have run out. */
  get hasToken(): boolean {
    return this.#token !== undefined
  }

  /** @param changed called when somebody logs in or out in another tab of this browser */
  onChange(changed: () => void): void {
    addEventListener('storage', ({ key }) => {
      // Null: all was deleted.
      if (key === this.#key || key === null) changed()
    })
  }

  /**
   * Asks a route of Node-RED.
   *
   * @throws {LoginNeeded} if Node-RED wants a login
   * @throws {RequestError} if it answers with another error, or does not answer; a GET ends after 15 seconds
   */
  async ask<Name extends RouteName>(
    name: Name,
    params: ParamsOf<Name>,
    question: QuestionOf<Name>
  ): Promise<AnswerOf<Name>> {
    const { response, answer } = await this.#fetch(...requestOf(name, params, question))
    if (response.ok && answer !== undefined) return answer as AnswerOf<Name>
    throw routeRefusal(response, answer)
  }

  /**
   * The same of a route that answers with a file.
   *
   * @throws {LoginNeeded} and {RequestError}
   */
  async download<Name extends RouteName>(
    name: Name,
    params: ParamsOf<Name>,
    question: QuestionOf<Name>
  ): Promise<Answered> {
    const response = await this.#open(...requestOf(name, params, question))
    if (response.ok) return fileIn(response)
    throw routeRefusal(response, parsed(await response.text().catch(() => '')))
  }

  /**
   * How to log in.
   *
   * @throws {RequestError} if it is not Node-RED that answers
   */
  async loginKind(): Promise<LoginKind> {
    const { answer, response } = await this.#fetch('auth/login')
    if (!response.ok || answer === undefined) {
      const { isOfFront, status } = refusalOf(response, answer)
      // Everybody may ask Node-RED for this.
      throw new RequestError(status, answer, isOfFront || status === 401)
    }
    const { type, prompts, loginMessage } = (answer ?? {}) as Record<string, unknown>
    if (type === undefined) return 'none'
    const asks: unknown[] = Array.isArray(prompts) ? prompts : []
    const isPassword =
      type === 'credentials' && asks.some((ask) => (ask as { type?: unknown }).type === 'password')
    if (isPassword) return 'password'
    const offer = asks.map((ask) => offerIn(ask, loginMessage, this.editor)).find(Boolean)
    if (offer !== undefined) return offer
    const { response: page } = await this.#fetch('')
    return page.ok ? 'elsewhere' : 'nowhere'
  }

  /** @returns whether Node-RED accepted it, or what it says about that */
  async logIn(
    username: string,
    password: string
  ): Promise<true | { status: number; says: string }> {
    const { response, answer } = await this.#fetch('auth/token', {
      method: 'POST',
      body: new URLSearchParams({
        client_id: 'node-red-editor',
        grant_type: 'password',
        scope: '',
        username,
        password
      })
    })
    const { access_token: token, error_description: says } = (answer ?? {}) as Record<
      string,
      unknown
    >
    if (!response.ok || typeof token !== 'string') {
      return { status: response.status, says: typeof says === 'string' ? says : '' }
    }
    localStorage.setItem(this.#key, JSON.stringify(answer))
    return true
  }

  /** Ends the session, here and in the editor. */
  async logOut(): Promise<void> {
    const token = this.#token
    await this.#fetch('auth/revoke', {
      method: 'POST',
      body: new URLSearchParams({ token: token ?? '' })
    })
    localStorage.removeItem(this.#key)
  }

  get #token(): string | undefined {
    try {
      const stored = JSON.parse(localStorage.getItem(this.#key) ?? '{}') as {
        access_token?: unknown
      } | null
      return typeof stored?.access_token === 'string' ? stored.access_token : undefined
    } catch {
      // Something else wrote it, or this browser keeps nothing.
      return undefined
    }
  }

  /** @throws {RequestError} if there is no answer */
  async #fetch(url: string, init?: Asking): Promise<{ response: Response; answer: unknown }> {
    const response = await this.#open(url, init)
    try {
      return { response, answer: parsed(await response.text()) }
    } catch {
      throw new RequestError(0, undefined)
    }
  }

  /** @throws {RequestError} if there is no answer */
  async #open(url: string, init: Asking = {}): Promise<Response> {
    const token = this.#token
    const headers = {
      ...init.headers,
      ...(token !== undefined && { Authorization: `Bearer ${token}` })
    }
    try {
      const how = { cache: 'no-store', redirect: 'manual' } as const
      return await fetch(new URL(url, this.editor), { ...init, headers, ...how })
    } catch {
      throw new RequestError(0, undefined)
    }
  }
}

type Asking = Omit<RequestInit, 'headers'> & { headers?: Record<string, string> }

/** A GET ends after 15 seconds. */
function requestOf<Name extends RouteName>(
  name: Name,
  params: ParamsOf<Name>,
  question: QuestionOf<Name>
): [url: string, init: Asking] {
  const { method, url, body } = routeRequest(name, params, question)
  const more =
    body === undefined
      ? { signal: AbortSignal.timeout(GET_TIMEOUT_MS) }
      : { body, headers: { 'Content-Type': 'application/json' } }
  return [url, { method, ...more }]
}

function routeRefusal(response: Response, answer: unknown): RequestError {
  const refusal = refusalOf(response, answer)
  const { headers, status } = response
  // A user who may not do this is told so without it.
  return status === 401 && headers.has('WWW-Authenticate') && !refusal.isOfFront
    ? new LoginNeeded(401, answer)
    : refusal
}

/** Undefined for the button of Node-RED's own login. */
function offerIn(ask: unknown, message: unknown, editor: URL): LoginOffer | undefined {
  const { type, label, url } = (ask ?? {}) as Record<string, unknown>
  if (type !== 'button' || typeof url !== 'string') return undefined
  const target = URL.parse(url, editor)
  if (target === null || !/^https?:$/.test(target.protocol)) return undefined
  const isOwn = target.origin === editor.origin && target.pathname.endsWith('/auth/strategy')
  if (isOwn) return undefined
  return {
    message: typeof message === 'string' ? message : '',
    label: typeof label === 'string' && label !== '' ? label : target.host,
    url: target.href
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
