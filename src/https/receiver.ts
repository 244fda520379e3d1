import type { OutgoingMessage } from '../hl7/outgoing-message.ts'
import { Hl7Error } from '../hl7/hl7-error.ts'
import type { HttpClient, HttpReply } from '../http-client/http-client.ts'
import { ExpressionLimit } from './expression-limit.ts'
import { headerValueProblem } from './header-values.ts'
import { buildRequestBody, type FormField, type RequestBodySettings } from './request-body.ts'

/** What a value may be made from, anew for each attempt. */
export interface ValueContext {
  message: OutgoingMessage
  /** The flow's message object. */
  input: unknown
}

/**
 * A header or form field whose value is fixed at deploy or made for each attempt; one without a
 * value is left out.
 */
export interface NamedValue {
  name: string
  value: string | ((context: ValueContext) => MaybeText | Promise<MaybeText>)
  /** Never to be shown. */
  secret?: boolean
}

type MaybeText = string | undefined

/** Where the access token goes: RFC 6750 §2.1 (header), §2.2 (body of a form), §2.3 (query). */
export type TokenPlacement = 'header' | 'body' | 'query'

export interface ReceiverSettings extends RequestBodySettings {
  url: URL
  method: 'POST' | 'PUT'
  tokenPlacement: TokenPlacement
  /** Header for the token; `Authorization` by default. */
  authHeader: string
  /** Scheme before the token; empty sends the bare token. */
  authScheme: string
  headers: readonly NamedValue[]
  formFields: readonly NamedValue[]
  /** Product token of the User-Agent header (RFC 9110 §10.1.5). */
  userAgent: string
}

/** One message on its way to the receiver. */
export interface Shipment extends ValueContext {
  /** Instead of the configured URL; the caller has checked that the origin is the same. */
  url?: URL | undefined
  token?: string | undefined
  responseTimeoutMs: number
  signal?: AbortSignal | undefined
}

export interface PreparedRequest {
  method: 'POST' | 'PUT'
  url: URL
  /** Under lower-case names, so that they can be looked up; they are sent as they were written. */
  headers: Record<string, string>
  body: Buffer
}

/** HL7's own types first; what comes instead is read as well. */
const ACCEPT =
  'application/hl7-v2, application/hl7-v2+er7, x-application/hl7-v2+er7, text/plain;q=0.9, application/json;q=0.9, */*;q=0.8'

/** The server that takes the messages: makes the request for one and reads the answer's bytes. */
export class Receiver {
  readonly #settings: ReceiverSettings
  readonly #client: HttpClient

  constructor(settings: ReceiverSettings, client: HttpClient) {
    this.#settings = settings
    this.#client = client
  }

  /**
   * Makes the request and sends it.
   *
   * @throws {Hl7Error} when a value of this message cannot be sent
   * @throws {HttpError} when there is no complete answer
   */
  async send(shipment: Shipment): Promise<HttpReply> {
    const { headers, ...request } = await this.#prepare(shipment)
    const { responseTimeoutMs, signal } = shipment
    return this.#client.request({
      ...request,
      headers: headers.asWritten(),
      responseTimeoutMs,
      signal
    })
  }

  /**
   * Makes the request without sending it.
   *
   * @throws {Hl7Error} when a value of this message cannot be sent
   */
  async prepare(shipment: Shipment): Promise<PreparedRequest> {
    const { headers, ...request } = await this.#prepare(shipment)
    return { ...request, headers: headers.inLowerCase() }
  }

  async #prepare(
    shipment: Shipment
  ): Promise<Omit<PreparedRequest, 'headers'> & { headers: HeaderList }> {
    const settings = this.#settings
    const { token } = shipment
    const fields = await evaluate(settings.formFields, shipment, 'form field')
    if (token !== undefined && settings.tokenPlacement === 'body') {
      fields.push({ name: 'access_token', value: token })
    }
    const { body, contentType } = await this.#body(shipment, fields)
    const headers = new HeaderList({
      Accept: ACCEPT,
      'User-Agent': settings.userAgent,
      Date: new Date().toUTCString(),
      'Content-Type': contentType
    })
    for (const { name, value } of await evaluate(settings.headers, shipment, 'header')) {
      const problem = headerValueProblem(value)
      if (problem !== undefined) {
        throw new Hl7Error(
          'HL7_INVALID_MESSAGE',
          `The value of the header ${name} cannot be sent: ${problem}.`
        )
      }
      headers.set(name, value)
    }
    let url = shipment.url ?? settings.url
    if (token !== undefined && settings.tokenPlacement === 'header') {
      const { authHeader, authScheme } = settings
      headers.set(authHeader, authScheme === '' ? token : `${authScheme} ${token}`)
    }
    if (token !== undefined && settings.tokenPlacement === 'query') {
      url = withQuery(url, 'access_token', token)
    }
    return { method: settings.method, url, headers, body }
  }

  async #body(shipment: Shipment, fields: FormField[]): ReturnType<typeof buildRequestBody> {
    try {
      return await buildRequestBody(shipment.message, this.#settings, fields, shipment.input)
    } catch (error) {
      if (error instanceof Hl7Error) throw error
      // What a JSONata expression throws can hold pieces of the message.
      const problem =
        error instanceof ExpressionLimit
          ? error.message
          : 'cannot be evaluated for this message, or gives nothing'
      throw new Hl7Error('HL7_CONFIG', `The JSON template ${problem}: check it in the node.`)
    }
  }
}

/** Headers that keep the letters of their names; of two with the same name the later one counts. */
class HeaderList {
  readonly #written = new Map<string, [name: string, value: string]>()

  constructor(headers: Record<string, string>) {
    for (const [name, value] of Object.entries(headers)) this.set(name, value)
  }

  set(name: string, value: string): void {
    this.#written.set(name.toLowerCase(), [name, value])
  }

  asWritten(): Record<string, string> {
    return Object.fromEntries(this.#written.values())
  }

  inLowerCase(): Record<string, string> {
    return Object.fromEntries([...this.#written].map(([lower, [, value]]) => [lower, value]))
  }
}

/** The URL with one more parameter; the others stay as they were written. */
function withQuery(url: URL, name: string, value: string): URL {
  const longer = new URL(url)
  const earlier = longer.search === '' ? '' : `${longer.search}&`
  longer.search = `${earlier}${name}=${encodeURIComponent(value)}`
  return longer
}

async function evaluate(
  values: readonly NamedValue[],
  context: ValueContext,
  what: string
): Promise<FormField[]> {
  const evaluated: FormField[] = []
  for (const { name, value } of values) {
    if (typeof value === 'string') evaluated.push({ name, value })
    else {
      try {
        const text = await value({ message: context.message, input: context.input })
        if (text !== undefined) evaluated.push({ name, value: text })
      } catch (error) {
        // What an expression throws can hold pieces of the message.
        const problem =
          error instanceof ExpressionLimit ? error.message : 'cannot be made for this message'
        throw new Hl7Error(
          'HL7_INVALID_MESSAGE',
          `The value of the ${what} ${name} ${problem}: check it in the node.`
        )
      }
    }
  }
  return evaluated
}
