import { randomUUID } from 'node:crypto'
import type { OutgoingMessage } from '../hl7/outgoing-message.ts'
import { english } from '../english.ts'
import { Hl7Error } from '../hl7/hl7-error.ts'
import type { ReceivedReply } from '../http-client/connection.ts'
import { secretFileError, secretFileFailed } from '../http-client/failures.ts'
import type { HttpRequest } from '../http-client/http-message.ts'
import type { UndiciClient } from '../http-client/undici-client.ts'
import { HIDDEN, secretsInHeader } from '../redactor.ts'
import { SecretFile, type Secret } from '../secret-file.ts'
import { basicCredentials } from './basic-credentials.ts'
import { ExpressionTimeout, MOST_EVALUATION_SECONDS } from './expression-timeout.ts'
import { headerValueProblem } from './http-header-problem.ts'
import { messageUuid } from './message-uuid.ts'
import { buildRequestBody, type FormField, type RequestBodySettings } from './request-body.ts'

/** What a value may be computed from, for each attempt. */
export interface ValueContext {
  message: OutgoingMessage
  /** The flow's message object. */
  input: unknown
  /** One for each message and place, in all attempts of the message. */
  uuid: (place: string) => string
}

/**
 * A header or form field whose value is fixed at deploy, read from a file or computed for each attempt.
 * Without a value, it is omitted.
 */
export interface NamedValue {
  name: string
  value: Secret | ((context: ValueContext) => MaybeText | Promise<MaybeText>)
  /** It is computed from variables. */
  isOfVariables?: boolean
  /** Of Basic authentication: the value is the password. */
  user?: string | undefined
}

type MaybeText = string | undefined

/** Where the access token goes: RFC 6750 §2.1 (header), §2.2 (body of a form), §2.3 (query). */
export type TokenPlacement = 'header' | 'body' | 'query'

export interface ReceiverSettings extends RequestBodySettings {
  url: URL
  /** Undefined: there is none. */
  backupUrl?: URL | undefined
  tokenPlacement: TokenPlacement
  /** Header for the token; `Authorization` by default. */
  authHeader: string
  /** Scheme before the token; if empty, the token is sent alone. */
  authScheme: string
  headers: readonly NamedValue[]
  formFields: readonly NamedValue[]
  /** Product token of the User-Agent header (RFC 9110 §10.1.5). */
  userAgent: string
}

/** A message to make a request for. */
export interface Shipment extends Omit<ValueContext, 'uuid'> {
  /** What tells the message from all others, in all its attempts. Default: it is sent once. */
  identity?: string | undefined
  /** Instead of the configured URL; the caller has checked that the origin is the same. */
  url?: URL | undefined
  /** It goes to the backup, unless it has a URL of its own. */
  isForBackup?: boolean
  token?: string | undefined
  /** What stands for the value of a field, also for a template: of a request that is only shown. No secret is read for it. */
  hide?: (value: string) => string
}

/** A request ready to be sent. Sending does not change it, so it can be sent again. */
export interface PreparedRequest {
  readonly url: URL
  /** With names as they were entered. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** What was made for this message: values of headers and fields, URL, template. */
  readonly values: () => string[]
  /** Credentials in headers that were made for this message, and what was made of variables there. */
  readonly secrets: readonly string[]
}

/** How messages are sent. */
export const METHOD = 'POST'

/** HL7's own types first; other types are read too. */
const ACCEPT =
  'application/hl7-v2, application/hl7-v2+er7, x-application/hl7-v2+er7, text/plain;q=0.9, application/json;q=0.9, */*;q=0.8'

/**
 * The server that receives the messages: builds requests, sends them, and reads the answers' bytes.
 */
export class Receiver {
  readonly #settings: ReceiverSettings
  readonly #client: UndiciClient

  constructor(settings: ReceiverSettings, client: UndiciClient) {
    this.#settings = settings
    this.#client = client
  }

  /**
   * Builds the request: evaluates what depends on the message, and packs the message.
   *
   * @throws {Hl7Error} if a value of this message cannot be sent
   * @throws {HttpError} `ERR_SECRET_FILE` if a secret cannot be read
   */
  async prepare(shipment: Shipment): Promise<PreparedRequest> {
    const settings = this.#settings
    const { hide = asItIs, identity = randomUUID(), input, message, token } = shipment
    const uuid = (place: string): string => messageUuid(identity, message.text, place)
    const context: ValueContext = { message, input, uuid }
    const isShown = shipment.hide !== undefined
    const evaluated = await evaluate(settings.formFields, context, 'field', isShown)
    const fields: FormField[] = evaluated.map((field) => ({ ...field, value: hide(field.value) }))
    if (token !== undefined && settings.tokenPlacement === 'body') {
      fields.push({ name: 'access_token', value: token })
    }
    const { body, contentType } = await buildRequestBody(settings, fields, context)
    const inQuery = token !== undefined && settings.tokenPlacement === 'query'
    const headers: Header[] = [
      ['Accept', ACCEPT],
      ['User-Agent', settings.userAgent],
      ['Date', new Date().toUTCString()],
      ['Content-Type', contentType]
    ]
    // Otherwise a cache could keep the answer with this URL (RFC 6750 §2.3).
    if (inQuery) headers.push(['Cache-Control', 'no-store'])
    const values = await evaluate(settings.headers, context, 'header', isShown)
    for (const { name, value, isInFile } of values) {
      const problem = isInFile && value === HIDDEN ? undefined : headerValueProblem(value)
      if (problem !== undefined) {
        if (isInFile) throw secretFileError(english('log', 'error.headerValue', { name }))
        throw new Hl7Error('HL7_INVALID_MESSAGE', english('log', 'error.headerValue', { name }))
      }
      headers.push([name, value])
    }
    if (token !== undefined && settings.tokenPlacement === 'header') {
      const { authHeader, authScheme } = settings
      headers.push([authHeader, authScheme === '' ? token : `${authScheme} ${token}`])
    }
    const url = shipment.url ?? this.#urlOf(shipment.isForBackup)
    return {
      url: inQuery ? withQuery(url, 'access_token', token) : url,
      headers: headersOf(headers),
      body,
      secrets: [
        ...evaluated.flatMap(({ value, isInFile }) => (isInFile ? [value] : [])),
        ...values.flatMap(({ isFixed, isInFile, isOfVariables, ...header }) => {
          const parts = isFixed && !isInFile ? [] : secretsInHeader(header)
          const isHidden = parts.length > 0 || isOfVariables || isInFile
          return isHidden ? [header.value, ...parts] : []
        })
      ],
      values: () => [
        ...madeOf(evaluated),
        ...(token !== undefined && settings.tokenPlacement === 'body' ? [token] : []),
        ...madeOf(values),
        ...(shipment.url === undefined ? [] : [url.pathname + url.search]),
        ...(settings.bodyTemplate === undefined ? [] : [body.toString()])
      ]
    }
  }

  /**
   * Opens a connection for the next request to the address, or the backup.
   *
   * @throws {HttpError} if none can be had
   */
  async connect(isForBackup: boolean, signal: AbortSignal): Promise<void> {
    await this.#client.connect(this.#urlOf(isForBackup), signal)
  }

  #urlOf(isForBackup = false): URL {
    const { backupUrl, url } = this.#settings
    return (isForBackup ? backupUrl : undefined) ?? url
  }

  /**
   * Sends a request and reads the whole answer. Only the network can fail here.
   *
   * @param limits.proof the header `DPoP`, made for this very request
   * @throws {HttpError} if there is no complete answer
   */
  send(
    { url, headers, body }: PreparedRequest,
    {
      proof,
      ...limits
    }: Pick<HttpRequest, 'responseTimeoutMs' | 'mostIdleMs' | 'signal'> & {
      proof?: string | undefined
    }
  ): Promise<ReceivedReply> {
    const proven = proof === undefined ? headers : { ...headers, DPoP: proof }
    return this.#client.request({ ...limits, method: METHOD, url, headers: proven, body })
  }
}

const asItIs = (value: string): string => value

type Header = [name: string, value: string]

/** Names keep their case; of two with the same name, the later one counts. */
function headersOf(headers: readonly Header[]): Record<string, string> {
  const byName = new Map(headers.map((header) => [header[0].toLowerCase(), header]))
  return Object.fromEntries(byName.values())
}

/** The URL with one more parameter; the others are kept as written. */
function withQuery(url: URL, name: string, value: string): URL {
  const longer = new URL(url)
  const earlier = longer.search === '' ? '' : `${longer.search}&`
  longer.search = `${earlier}${name}=${encodeURIComponent(value)}`
  return longer
}

/** A header or field with its value for one message. */
interface EvaluatedValue extends FormField {
  /** The same for every message. */
  isFixed: boolean
  isInFile: boolean
  isOfVariables: boolean
}

/** Those that were made for this message. */
function madeOf(values: readonly EvaluatedValue[]): string[] {
  return values.flatMap(({ value, isFixed }) => (isFixed ? [] : [value]))
}

/** What is said of a value that could not be had. */
const SLOW = { header: 'error.headerSlow', field: 'error.fieldSlow' } as const
const FAILED = { header: 'error.headerFailed', field: 'error.fieldFailed' } as const

/**
 * @param isShown what is only shown needs no secret
 * @throws {HttpError} if a secret cannot be read
 */
async function evaluate(
  values: readonly NamedValue[],
  context: ValueContext,
  what: 'header' | 'field',
  isShown: boolean
): Promise<EvaluatedValue[]> {
  const evaluated: EvaluatedValue[] = []
  for (const { name, value, isOfVariables = false, user } of values) {
    const facts = { name, isFixed: true, isInFile: false, isOfVariables }
    const sent = (secret: string): string =>
      user === undefined ? secret : basicCredentials(user, secret)
    if (typeof value === 'string') evaluated.push({ ...facts, value: sent(value) })
    else if (value instanceof SecretFile) {
      const text = isShown ? HIDDEN : sent(await value.read().catch(secretFileFailed))
      evaluated.push({ ...facts, value: text, isInFile: true })
    } else {
      try {
        const text = await value(context)
        if (text !== undefined) evaluated.push({ ...facts, value: text, isFixed: false })
      } catch (error) {
        // An error that an expression throws can contain parts of the message.
        const keys = error instanceof ExpressionTimeout ? SLOW : FAILED
        const values = { name, seconds: MOST_EVALUATION_SECONDS }
        throw new Hl7Error('HL7_INVALID_MESSAGE', english('log', keys[what], values))
      }
    }
  }
  return evaluated
}
