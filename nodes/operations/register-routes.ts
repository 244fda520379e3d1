import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { NextFunction, Request, Response } from 'express'
import type { NodeAPI } from 'node-red'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import { english } from '../../src/english.ts'
import { printable } from '../../src/printable.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { ChoiceError } from '../flow/left-choice.ts'
import { Download } from './download.ts'
import { hasPermission, type Permission } from './permissions.ts'
import { QUESTIONS, type AskedOf } from './questions.ts'
import { refused, RouteError } from './route-error.ts'
import { ROUTES, type AnswerOf, type ParamsOf, type Route, type RouteName } from './route-table.ts'
import { readIn, type Schema } from './schema.ts'

/** A request to a route. */
export interface Asked<Name extends RouteName> {
  /** What stands for the names in the path. */
  params: ParamsOf<Name>
  /** The query of a GET, the body of a POST, as its schema reads it. */
  question: AskedOf<Name>
  /** Who is logged in; `''` if Node-RED asks nobody. */
  user: string
  /** Whether they have a permission, besides the one that the route asks for. */
  may: (permission: Permission) => boolean
  /** Aborted when nobody waits for the answer any longer. */
  gone: AbortSignal
  /** Writes to the audit log what was shown; what a POST asks for is there already. */
  audit: () => void
}

/**
 * What answers each of these routes.
 *
 * @throws {RouteError} and other errors, which are answered too
 */
export type Handlers<Names extends RouteName> = {
  [Name in Names]: (asked: Asked<Name>) => AnswerOf<Name> | Promise<AnswerOf<Name>>
}
type Handler = (asked: Asked<never>) => Promise<unknown>

/** What they say is for who has asked. */
const OF_THIS_PACKAGE = [RouteError, ChoiceError, DeliveryError, QueueError] as const
/** So many characters of what is known of an internal error are in the log. */
const MOST_LOGGED = 300

type AdminRequest = Request<Record<string, string>>
type Guard = (request: AdminRequest, response: Response, next: NextFunction) => void

/**
 * Registers routes of the table, each with its permission and its audit event.
 *
 * @param load What answers them: loaded with the first request, because Node-RED starts earlier without it.
 */
export function registerRoutes<Name extends RouteName>(
  RED: NodeAPI,
  names: readonly Name[],
  load: () => Promise<Handlers<Name>>
): void {
  for (const name of names) {
    const route: Route = ROUTES[name]
    // The page is registered by itself.
    if (route.permission === null) continue
    const handler: Handler = async (asked) => {
      // An update replaces the files of this package while Node-RED runs.
      const handlers = await load().catch(() => {
        throw refused(503, 'refusal.notLoaded')
      })
      return handlers[name](asked)
    }
    const guard = guardOf(RED, route.permission, route.permissionWith)
    const register = route.method === 'GET' ? 'get' : 'post'
    RED.httpAdmin[register](route.path, refuseForms, guard, (request: AdminRequest, response) => {
      // A rejection that nobody handles would end Node-RED.
      answer(RED, route, QUESTIONS[name], handler, request, response).catch((error: unknown) => {
        answerError(response, error)
        logInternal(RED, route, error)
      })
    })
  }
}

/**
 * Where nobody has to log in, a form of another site could act through the browser of an operator. It can send no JSON:
 * for that, a browser asks Node-RED first. What is no browser sends no origin.
 */
function refuseForms(
  { headers, method }: AdminRequest,
  response: Response,
  next: NextFunction
): void {
  const isJson = /^application\/json *(?:;|$)/i.test(headers['content-type'] ?? '')
  if (method !== 'POST' || headers.origin === undefined || isJson) next()
  else answerError(response, refused(415, 'refusal.notJson'))
}

function guardOf(
  { auth }: NodeAPI,
  permission: Permission,
  permissionWith: Route['permissionWith'] = {}
): Guard {
  const usual = auth.needsPermission(permission) as Guard
  const others = Object.fromEntries(
    Object.entries(permissionWith).map(([member, other]) => [
      member,
      auth.needsPermission(other) as Guard
    ])
  )
  return (request, response, next) => {
    const guard = choiceOf(request, others, isThere) ?? usual
    guard(request, response, next)
  }
}

/** The choice for the first of these members that the body has. */
function choiceOf<T>(
  { body }: AdminRequest,
  choices: Readonly<Record<string, T>> = {},
  isGiven: (member: unknown) => boolean
): T | undefined {
  const given = objectOf(body)
  return Object.entries(choices).find(([member]) => isGiven(given[member]))?.[1]
}

/** Also a flag that is not set: what it takes a permission to ask for is not asked for without it. */
const isThere = (member: unknown): boolean => member !== undefined
/** One that is not set changes nothing in what is done, and nothing in what is logged. */
const isMeant = (member: unknown): boolean => isThere(member) && member !== false

async function answer(
  RED: NodeAPI,
  { audit: usual, auditSays = [], auditWith, contentType, method }: Route,
  schema: Schema | null,
  handler: Handler,
  request: AdminRequest,
  response: Response
): Promise<void> {
  // Answers are of this moment, and some show a message.
  response.setHeader('Cache-Control', 'no-store')
  const chosen = choiceOf(request, auditWith, isMeant)
  const event = chosen === undefined ? usual : chosen
  const audit = (): void => {
    if (typeof event === 'string') writeAudit(RED, request, event, auditSays)
  }
  // What somebody does is in the log, whatever becomes of it.
  if (method === 'POST') audit()
  const given = objectOf(method === 'GET' ? request.query : request.body)
  const question = schema === null ? given : readIn(schema, given, method === 'GET')
  const answered = await handler({
    params: request.params,
    question: question as never,
    user: userOf(request),
    may: (permission) => hasPermission(request, permission),
    gone: goneSignal(response),
    audit
  })
  if (answered instanceof Download) await sendFile(response, answered)
  else if (contentType === undefined) response.json(answered)
  else {
    // Express would put the parameters of the type into another order.
    response.setHeader('Content-Type', contentType)
    response.end(answered)
  }
}

/** If it fails on the way, the connection is cut: nobody takes a part for the whole. */
async function sendFile(
  response: Response,
  { contentType, fileName, pieces }: Download
): Promise<void> {
  response.setHeader('Content-Type', contentType)
  response.setHeader('Content-Disposition', `attachment; filename="${fileName}"`)
  response.setHeader('X-Content-Type-Options', 'nosniff')
  await pipeline(Readable.from(pieces, { objectMode: false }), response)
}

/** What an internal error says may be something of the request: the log gets its kind, and where it was thrown. */
function logInternal(RED: NodeAPI, { method, path }: Route, error: unknown): void {
  if (OF_THIS_PACKAGE.some((kind) => error instanceof kind)) return
  const isError = error instanceof Error
  const { code, name }: { code?: unknown; name?: unknown } = isError ? error : { name: 'unknown' }
  // Nobody waits for the answer any longer.
  if (code === 'ERR_STREAM_PREMATURE_CLOSE' || name === 'AbortError') return
  const known = [name, code, placeOf(error)].filter((one) => typeof one === 'string')
  const what = printable(known.join(' ').trim(), MOST_LOGGED)
  RED.log.error(`hl7-https-out: ${english('log', 'refusal.internalAt', { method, path, what })}`)
}

/** Where an error was thrown; `''` if its stack does not begin with what it says, which would be taken for a place. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return ''
  const head = error.stack.indexOf(error.message)
  if (head === -1) return ''
  return /^\s*at (.*)$/m.exec(error.stack.slice(head + error.message.length))?.[1] ?? ''
}

/** Answers with a text that contains nothing of the request. */
function answerError(response: Response, error: unknown): void {
  if (response.headersSent) return
  if (error instanceof RouteError) {
    response.status(error.status).json({ error: error.message })
    return
  }
  const { status, text } = refusalOf(error)
  response.status(status).json({ error: text })
}

/** An error may contain parts of the request, or where files are: that is for the log only. */
function refusalOf(error: unknown): { status: number; text: string } {
  if (error instanceof ChoiceError) return { status: 400, text: error.message }
  if (error instanceof DeliveryError) {
    const { cause, code, message } = error
    // It was not stored, and the message names the file.
    return code === 'HL7_QUEUE_FAILED'
      ? { status: 409, text: queueText(cause?.code ?? code) }
      : { status: 409, text: message }
  }
  if (error instanceof QueueError) {
    return error.code === 'ERR_TOO_MANY'
      ? { status: 409, text: error.message }
      : { status: 500, text: queueText(error.code) }
  }
  return { status: 500, text: english('log', 'refusal.internal') }
}

function queueText(code: string): string {
  return english('log', 'refusal.queue', { code })
}

function goneSignal(response: Response): AbortSignal {
  const gone = new AbortController()
  response.on('close', () => {
    gone.abort()
  })
  return gone.signal
}

function userOf(request: AdminRequest): string {
  const { user } = request as { user?: { username?: unknown } }
  return typeof user?.username === 'string' ? printable(user.username) : ''
}

/** Node-RED adds user, address and path. */
function writeAudit(
  { log }: NodeAPI,
  request: AdminRequest,
  event: string,
  says: readonly string[]
): void {
  const { id = '', messageId } = request.params
  const about = messageId === undefined ? {} : { message: printable(messageId) }
  const body = objectOf(request.body)
  const said = says.flatMap((name): [string, string | boolean][] => {
    const value = body[name]
    if (typeof value === 'boolean') return [[name, value]]
    return typeof value === 'string' ? [[name, printable(value, MOST_SAID)]] : []
  })
  log.audit({ event, node: printable(id), ...about, ...Object.fromEntries(said) } as never, request)
}

/** So much of what somebody says is in the audit log. */
const MOST_SAID = 200

/** An empty one if it is none. */
function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Readonly<Record<string, unknown>>) : {}
}
