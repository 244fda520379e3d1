import type { Request, Response } from 'express'
import type { NodeAPI } from 'node-red'
import { printable } from '../../src/printable.ts'
import type { MessagesPage } from '../../src/delivery/operator.ts'
import type { Settlement } from '../../src/delivery/settlement.ts'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import { knownState, type MessageRow } from '../../src/queue/message-row.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { notSetUp } from '../node-errors.ts'
import { deployedOutNodes, outParts, type OutParts, type Unusable } from '../out-parts.ts'
import type {
  AllStates,
  BulkAnswer,
  EventPage,
  History,
  MessageContent,
  MessageAnswer,
  MessagePage,
  NodeState
} from './answers.ts'
import { byUrgency, nodeState, placesOf, stoppedState } from './node-state.ts'
import {
  BadRequest,
  discardChoice,
  eventQuery,
  fieldQuery,
  messageQuery,
  resendChoice,
  wholeNumber,
  type ResendChoice
} from './queries.ts'
import { stoppedQueues } from './stopped-queues.ts'
import { iso } from './times.ts'
import { errorRow, eventTold, sentence, verdictTold } from './words.ts'

/** A request to a route with parameters in its path. */
export type AdminRequest = Request<Record<string, string>>
/** A handler whose rejection is answered, not thrown: an unhandled rejection would end Node-RED. */
type Handler = (request: AdminRequest, response: Response) => Promise<void>

const BASE = '/hl7-https-out'
/** Minutes of `history`: the default. */
const HOUR = 60

/** What a node knows that is not set up. */
const NO_HISTORY: History = { minutes: [] }
const NO_MESSAGES: MessagePage = { messages: [], more: false }
const NO_EVENTS: EventPage = { events: [] }

/** Routes for the state of the sending nodes and for the actions of an operator. */
export function registerOutRoutes(RED: NodeAPI): void {
  const may = (name: 'read' | 'write' | 'content'): ReturnType<typeof RED.auth.needsPermission> =>
    RED.auth.needsPermission(`hl7-https-out.${name}`)
  /** @param empty what a node that is not set up answers */
  const get = (path: string, empty: object, action: Action): void => {
    RED.httpAdmin.get(`${BASE}/:id${path}`, may('read'), guarded(withNode(action, empty)))
  }
  /** What an operator does is in Node-RED's audit log, whatever becomes of it. */
  const post = (
    path: string,
    name: string,
    action: Action,
    permission: 'write' | 'content' = 'write'
  ): void => {
    const run = withNode(action)
    RED.httpAdmin.post(
      `${BASE}/:id${path}`,
      may(permission),
      guarded((request, response) => {
        audit(RED, request, `hl7-https-out.${name}`)
        return run(request, response)
      })
    )
  }
  const stateOf: Action = (_node, { params }) => state(RED, params['id'])

  RED.httpAdmin.get(
    BASE,
    may('read'),
    guarded(async (_request, response) => {
      response.json(await allStates(RED))
    })
  )
  RED.httpAdmin.get(
    `${BASE}/:id`,
    may('read'),
    guarded(async ({ params }, response) => {
      const found = await state(RED, params['id'])
      if (found === undefined) notThere(response)
      else response.json(found)
    })
  )
  get('/history', NO_HISTORY, ({ history }, { query }): History => {
    const minutes = history.minutes(wholeNumber(query['minutes'], 'minutes', 1, 1440) ?? HOUR)
    return { minutes: minutes.map((minute) => ({ ...minute, at: iso(minute.at) ?? '' })) }
  })
  get('/messages', NO_MESSAGES, async (node, { query }, response): Promise<MessagePage> => {
    return pageAnswer(await node.delivery.find(messageQuery(query), untilGone(response)))
  })
  get('/events', NO_EVENTS, async ({ delivery }, { query }): Promise<EventPage> => {
    const events = await delivery.events(eventQuery(query))
    return {
      events: events.map((event) => {
        const told = eventTold(event)
        return { at: iso(event.at) ?? '', by: event.by, ...told, text: sentence(told) }
      })
    }
  })
  const show: Action = async (node, request) => {
    const shown = await messageContent(node, request.params['messageId'] ?? '')
    if (shown === undefined || (shown.request === null && shown.reply === null)) return shown
    audit(RED, request, 'hl7-https-out.content')
    const controlId = printable(shown.controlId)
    node.reporter.addEvent('content-shown', userOf(request), { controlId })
    return shown
  }
  RED.httpAdmin.get(`${BASE}/:id/messages/:messageId`, may('content'), guarded(withNode(show)))

  post('/pause', 'pause', async (node, request, response) => {
    const { reason } = (request.body ?? {}) as { reason?: unknown }
    await node.delivery.pause(userOf(request), typeof reason === 'string' ? reason : '')
    return stateOf(node, request, response)
  })
  post('/resume', 'resume', async (node, request, response) => {
    await node.delivery.resume(userOf(request))
    return stateOf(node, request, response)
  })
  post('/messages/:messageId/resend', 'resend', async (node, request, response) => {
    const ids = [messageIdOf(request.params['messageId'])]
    const choice = { suspended: { ids }, left: { ids }, firstAlone: false }
    const { found } = await resend(node, choice, userOf(request))
    return found === 0 ? undefined : stateOf(node, request, response)
  })
  post('/messages/:messageId/discard', 'discard', async (node, request, response) => {
    const ids = [messageIdOf(request.params['messageId'])]
    const found = await node.delivery.discard({ ids }, userOf(request))
    return found === 0 ? undefined : stateOf(node, request, response)
  })
  post('/messages/resend', 'resend', (node, request) =>
    resend(node, resendChoice(request.body), userOf(request))
  )
  post('/messages/discard', 'discard', async ({ delivery }, request): Promise<BulkAnswer> => {
    return { found: await delivery.discard(discardChoice(request.body), userOf(request)) }
  })
  const search: Action = async ({ delivery, searchFields }, { body }, response) => {
    const { values, query } = fieldQuery(body, searchFields)
    return pageAnswer(await delivery.findByField(values, query, untilGone(response)))
  }
  post('/messages/search', 'search', search, 'content')
}

/**
 * Resends suspended messages, and sends those again that have left.
 *
 * @throws {Refused} when the contents of all of them are gone
 */
async function resend(
  { delivery }: OutParts,
  { suspended, left, firstAlone }: ResendChoice,
  by: string
): Promise<BulkAnswer> {
  // First: what is resent now may have left a moment later.
  const again = left && (await delivery.sendAgain(left, by, firstAlone))
  const hasLeft = again !== undefined && again.found > 0
  const mayResend = suspended !== undefined && !(firstAlone && hasLeft)
  const found = mayResend ? await delivery.resend(suspended, by, firstAlone) : 0
  if (again === undefined || (suspended !== undefined && !hasLeft)) return { found }
  if (hasLeft && again.resent + found === 0) throw new Refused(NOT_KEPT)
  return { ...again, found: again.found + found }
}

/** A request that cannot be carried out as things are; the text says why. */
class Refused extends Error {}

const NOT_KEPT =
  'The contents of these messages are no longer kept, so they cannot be sent again. How long they are kept is a setting of the node (contentDays).'

/** What a route does with a node that is set up; undefined: there is no such message. */
type Action = (node: OutParts, request: AdminRequest, response: Response) => unknown

/** @param empty what a node that is not set up answers; without it, that is an error */
function withNode(action: Action, empty?: object): Handler {
  return async (request, response) => {
    const node = partsOf(request)
    if (node === undefined) notThere(response)
    else if ('delivery' in node) {
      const answer = await action(node, request, response)
      if (answer === undefined) response.status(404).json({ error: 'There is no such message.' })
      else response.json(answer)
    } else if (empty !== undefined) response.json(empty)
    else response.status(409).json({ error: notSetUp(node.problems) })
  }
}

/** Aborted when nobody waits for the answer any longer. */
function untilGone(response: Response): AbortSignal {
  const gone = new AbortController()
  response.on('close', () => {
    gone.abort()
  })
  return gone.signal
}

function partsOf({ params }: AdminRequest): OutParts | Unusable | undefined {
  const node = deployedOutNodes.get(params['id'] ?? '')
  return node && outParts.get(node)
}

/** Answers that a node is not there. */
export function notThere(response: Response): void {
  response.status(404).json({ error: 'There is no such node, or it is not deployed.' })
}

async function state(RED: NodeAPI, id = ''): Promise<NodeState | undefined> {
  const node = deployedOutNodes.get(id)
  return node && nodeState(RED, node, placesOf(RED))
}

async function allStates(RED: NodeAPI): Promise<AllStates> {
  const places = placesOf(RED)
  const nodes = await Promise.all(
    [...deployedOutNodes.values()].map((node) => nodeState(RED, node, places))
  )
  for (const { id, held } of await stoppedQueues(RED)) nodes.push(stoppedState(id, held, places))
  return { at: new Date().toISOString(), nodes: nodes.sort(byUrgency) }
}

function pageAnswer({ messages, more }: MessagesPage): MessagePage {
  return { messages: messages.map(messageAnswer), more }
}

function messageAnswer(row: MessageRow): MessageAnswer {
  const { acceptedAt, attempts, changedAt, controlId, seq, type, verdict } = row
  const { ackCode, errorCode, errors, outcome, rule, status } = verdict
  const hasLeft = row.state === 'left'
  const told = verdictTold(verdict)
  return {
    id: String(seq),
    controlId,
    type,
    state: knownState(row),
    attempts,
    acceptedAt: iso(acceptedAt) ?? '',
    settledAt: hasLeft || row.state === 'suspended' ? iso(changedAt) : null,
    outcome: hasLeft && outcome !== '' ? outcome : null,
    ackCode,
    rule,
    errorCode,
    errors: errors.map(errorRow),
    status: status || null,
    ...told,
    reason: sentence(told)
  }
}

/** @returns undefined if nothing is known of such a message */
async function messageContent(
  { delivery }: OutParts,
  messageId: string
): Promise<MessageContent | undefined> {
  const seq = messageIdOf(messageId)
  const { messages } = await delivery.find({ before: seq + 1, limit: 1 })
  const [known] = messages
  if (known?.seq !== seq) return undefined
  const row = messageAnswer(known)
  try {
    const { content, outcome } = await delivery.read(seq)
    const { reply } = (outcome ?? {}) as Partial<Settlement>
    const text = reply === undefined ? null : reply.hl7 === '' ? reply.text : reply.hl7
    return { ...row, request: content.parcel?.message.text ?? null, reply: text }
  } catch (error) {
    // It has left.
    if (error instanceof QueueError && error.code === 'ERR_NOT_QUEUED') {
      return { ...row, request: null, reply: null }
    }
    throw error
  }
}

/** 0: there is no such message. */
function messageIdOf(text = ''): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}

/** Who is logged in; `''` if Node-RED asks nobody. */
export function userOf(request: AdminRequest): string {
  const { user } = request as { user?: { username?: unknown } }
  return typeof user?.username === 'string' ? printable(user.username) : ''
}

/** Writes to Node-RED's audit log, which adds user, address and path. */
export function audit(RED: NodeAPI, request: AdminRequest, event: string): void {
  const { id, messageId } = request.params
  const about = messageId === undefined ? {} : { message: printable(messageId) }
  RED.log.audit({ event, node: printable(id ?? ''), ...about } as never, request)
}

function isTooMany(error: unknown): error is QueueError {
  return error instanceof QueueError && error.code === 'ERR_TOO_MANY'
}

/** Answers if the handler rejects, with a text that contains nothing of the request. */
export function guarded(handler: Handler): (request: AdminRequest, response: Response) => void {
  return (request, response) => {
    // Answers are of this moment, and some show a message.
    response.setHeader('Cache-Control', 'no-store')
    handler(request, response).catch((error: unknown) => {
      if (response.headersSent) return
      if (error instanceof BadRequest) {
        response.status(400).json({ error: error.message })
        return
      }
      // Texts of these are safe to show.
      if (error instanceof Refused || error instanceof DeliveryError || isTooMany(error)) {
        response.status(409).json({ error: error.message })
        return
      }
      // An error may contain parts of the request, or where files are: that is for the log only.
      const text =
        error instanceof QueueError
          ? `The queue cannot be used (${error.code}): see Node-RED's log.`
          : 'The request failed because of an internal error.'
      response.status(500).json({ error: text })
    })
  }
}
