import type { NodeAPI } from 'node-red'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import type { Seen } from '../../src/delivery/operator.ts'
import type { Edit, HowAgain, HowEdited, OnSent } from '../../src/delivery/sending-again.ts'
import type { Trial } from '../../src/delivery/trial.ts'
import { printable } from '../../src/printable.ts'
import type { LeftChoice, SuspendedChoice } from '../../src/queue/queue-types.ts'
import type { FlowMessage } from '../flow/flow-messages.ts'
import { notSetUp } from '../settings/node-errors.ts'
import {
  deployedOutNodes,
  outParts,
  type DeliveryControl,
  type OutParts,
  type Unusable
} from '../flow/out-parts.ts'
import type {
  AllStates,
  BulkAnswer,
  CountAnswer,
  HostAnswer,
  NamedNode,
  NodeState
} from './answers.ts'
import { allMessagesRoutes } from './all-messages.ts'
import {
  againAnswer,
  contentOf,
  countsAnswer,
  eventAnswer,
  messageWithStory,
  namedAnswer,
  pageAnswer,
  triedAnswer
} from './message-answers.ts'
import { countExported, exported, exportReason } from './export-messages.ts'
import { metrics } from './metrics-route.ts'
import { nameOf } from './name-of.ts'
import { byNeed, nodeState, placesOf, stoppedState } from './node-state.ts'
import { PERMISSIONS } from './permissions.ts'
import {
  discardChoice,
  eventQuery,
  exportChoice,
  fieldValues,
  hostIn,
  messageQuery,
  oneNodeQuery,
  pauseIn,
  resendChoice,
  waitingChoice,
  type Choice
} from './queries.ts'
import { MOST_FOLLOWED, type AskedOf } from './questions.ts'
import type { Handlers } from './register-routes.ts'
import { refused, RouteError } from './route-error.ts'
import type { OutRouteName } from './route-table.ts'
import { stoppedQueues } from './stopped-queues.ts'
import { nodeTestRoute, tokenTestRoute } from './test-routes.ts'
import { iso } from './times.ts'

/** What answers the route of the node of the token server. */
export function tokenRoutes(RED: NodeAPI): Handlers<'testToken'> {
  return tokenTestRoute(RED)
}

/** What answers the routes of the sending nodes. */
export function outRoutes(RED: NodeAPI): Handlers<OutRouteName> {
  const stateOf = (id: string): Promise<NodeState> => {
    const node = deployedOutNodes.get(id)
    if (node === undefined) throw refused(404, 'refusal.noNode')
    return nodeState(RED, node, placesOf(RED))
  }
  return {
    metrics: () => metrics(RED),

    user: ({ user, may }) => ({
      name: user,
      permissions: PERMISSIONS.filter(may),
      hasEditor: (RED.settings as { disableEditor?: unknown }).disableEditor !== true
    }),

    nodes: () => allStates(RED),

    ...allMessagesRoutes,

    node: ({ params }) => stateOf(params.id),

    history({ params, question: { minutes: most = HOUR_MINUTES } }) {
      const node = deployedNode(params.id)
      if (!isSetUp(node)) return { minutes: [] }
      const minutes = node.history.minutes(most)
      const { turnedAway } = node
      return {
        minutes: minutes.map((minute) => ({
          ...minute,
          at: iso(minute.at),
          turnedAway: turnedAway.inMinute(minute.at)
        }))
      }
    },

    async events({ params, question }) {
      const node = deployedNode(params.id)
      if (!isSetUp(node)) return { events: [] }
      const events = await (await node.delivery.reader()).events(eventQuery(question))
      return { events: events.map(eventAnswer) }
    },

    async messages({ params, question, gone }) {
      const node = deployedNode(params.id)
      if (!isSetUp(node)) return { messages: [], more: false }
      const page = await (await node.delivery.reader()).find(oneNodeQuery(question), gone)
      return pageAnswer(page, params.id)
    },

    async messageCounts({ params, question, gone }) {
      const node = deployedNode(params.id)
      if (!isSetUp(node)) return { count: 0, types: [], rules: [], errors: [], more: false }
      const { limit: _, ...query } = messageQuery(question)
      return countsAnswer(await (await node.delivery.reader()).count(query, gone))
    },

    async message({ params, question, user, may, audit }) {
      const { delivery, reporter } = usableNode(params.id)
      const seq = numberIn(params.messageId)
      const known = await messageWithStory(delivery, seq)
      if (known === undefined) throw refused(404, 'refusal.noMessage')
      if (question.content === 'false' || !may('hl7-https-out.content')) return known
      const isWhole = question.content !== 'reply'
      const all = await contentOf(delivery, seq, isWhole && known.edited === true)
      const content = isWhole ? all : { reply: all.reply }
      if (Object.values(content).some((text) => text !== null)) {
        audit()
        reporter.contentShown(user, seq, known.controlId)
      }
      return { ...known, ...content }
    },

    async searchMessages({ params, question, gone }) {
      const { delivery, searchFields } = usableNode(params.id)
      const values = fieldValues(question, searchFields)
      const reader = await delivery.reader()
      const page = await reader.findByField(values, oneNodeQuery(question), gone)
      return pageAnswer(page, params.id)
    },

    async pause({ params, question, user }) {
      const { delivery } = usableNode(params.id)
      const { reason, ...more } = pauseIn(question, Date.now())
      await delivery.pause(user, reason, more)
      return stateOf(params.id)
    },

    pauseHost({ question, user }) {
      const host = hostIn(question)
      const { reason, ...more } = pauseIn(question, Date.now())
      return ofHost(host, async ({ delivery }) => {
        await delivery.pause(user, reason, { ...more, host })
        return true
      })
    },

    resumeHost({ question, user }) {
      const host = hostIn(question)
      return ofHost(host, ({ delivery }) => delivery.resumeHost(host, user))
    },

    note({ params, question: { text }, user }) {
      usableNode(params.id).note(text, user)
      return stateOf(params.id)
    },

    async resume({ params, user }) {
      await usableNode(params.id).delivery.resume(user)
      return stateOf(params.id)
    },

    async tryNow({ params, user }) {
      const { delivery, reporter, tokens } = usableNode(params.id)
      await delivery.openToRead()
      if (delivery.state().paused !== null) throw refused(409, 'refusal.paused')
      if (!mayTry(delivery)) {
        throw refused(429, 'refusal.triedBefore', { seconds: TRY_EVERY_MS / 1000 })
      }
      // First: the message that goes waits for its answer.
      if (tokens()?.status.state === 'none') tokens()?.tryNow()
      await delivery.tryNow()
      reporter.addEvent('tried', user)
      return stateOf(params.id)
    },

    async backup({ params, question: { to }, user }) {
      const { delivery } = usableNode(params.id)
      if (!(await delivery.turn(to, user))) throw refused(409, 'refusal.noBackup')
      return stateOf(params.id)
    },

    async resendMessage({ params, question, user, may, gone }) {
      const { again = false, payload, reason = '', state, wait = false } = question
      const node = usableNode(params.id)
      if (payload !== undefined && !may('hl7-https-out.content')) {
        throw refused(403, 'refusal.needsContent')
      }
      const { seq, trial } = await resendOne(node, numberIn(params.messageId), {
        ...(payload !== undefined && { payload }),
        by: user,
        reason,
        wait,
        isAgain: again,
        onlySuspended: state !== undefined
      })
      const first = wait ? await triedAnswer(trial, gone, true) : undefined
      const now = await stateOf(params.id)
      return { ...now, sent: String(seq), ...(first && { first: first.first }) }
    },

    suspendMessages({ params, question, user }) {
      return usableNode(params.id)
        .delivery.operator()
        .then((operator) => operator.suspend(waitingChoice(question), user))
    },

    resendMessages({ params, question, user, gone }) {
      const node = usableNode(params.id)
      const wanted = { ...question, choice: resendChoice(question) }
      if (question.dryRun === true) return countAgain(node, wanted)
      return question.firstAlone === true
        ? resendFirst(node, wanted, user, gone)
        : resend(node, wanted, user)
    },

    async discardMessages({ params, question, user }) {
      const { delivery } = usableNode(params.id)
      const choice = discardChoice(question)
      const operator = await delivery.operator()
      if (choice.kind === 'waiting') return operator.discardWaiting(choice.choice, user)
      const suspended = choice.kind === 'numbered' ? { ids: choice.ids } : choice.choice
      return { found: await operator.discard(suspended, user) }
    },

    async deleteContent({ params, question, user, may }) {
      const { delivery, reporter } = usableNode(params.id)
      if (!may('hl7-https-out.content')) throw refused(403, 'refusal.needsContent')
      const found = await (await delivery.operator()).deleteContents(question.ids)
      if (found > 0) reporter.addEvent('contents-deleted', user, { count: found })
      return { found }
    },

    async exportMessages({ params, question, user, gone }) {
      const node = usableNode(params.id)
      const choice = exportChoice(question)
      const { clear: isClear = false, dryRun, replies: withReplies = false } = question
      if (dryRun === true) return countExported(node.delivery, choice, gone)
      const reason = exportReason(question.reason)
      const how = { isClear, withReplies, node: params.id, now: Date.now() }
      return exported(node.delivery, choice, how, gone, (count) => {
        const values = { count, reason, ...(isClear && { clear: 1 }) }
        node.reporter.addEvent('exported', user, values)
      })
    },

    ...nodeTestRoute(RED)
  }
}

/** @throws {RouteError} if there is no such node */
function deployedNode(id: string): OutParts | Unusable {
  const node = deployedOutNodes.get(id)
  const parts = node && outParts.get(node)
  if (parts === undefined) throw refused(404, 'refusal.noNode')
  return parts
}

function isSetUp(node: OutParts | Unusable): node is OutParts {
  return 'delivery' in node
}

/** @throws {RouteError} if there is no such node, or it is not set up */
function usableNode(id: string): OutParts {
  const node = deployedNode(id)
  if (isSetUp(node)) return node
  throw new RouteError(409, notSetUp(node.problems))
}

/**
 * Does something with every node that sends to a host.
 *
 * @param act whether it was done
 * @throws {RouteError} if there is no such node
 */
async function ofHost(
  host: string,
  act: (parts: OutParts) => Promise<boolean>
): Promise<HostAnswer> {
  const nodes: NamedNode[] = []
  const failed: NamedNode[] = []
  let count = 0
  for (const node of deployedOutNodes.values()) {
    const parts = outParts.get(node)
    if (parts === undefined || !isSetUp(parts) || parts.names.host !== host) continue
    count++
    const named = { id: node.id, name: printable(nameOf(node.name)) }
    // One that cannot be stored does not keep the others from it.
    const isDone = await act(parts).catch(() => {
      failed.push(named)
      return false
    })
    if (isDone) nodes.push(named)
  }
  if (count === 0) throw refused(404, 'refusal.noNodeOfHost')
  return { nodes, ...(failed.length > 0 && { failed }) }
}

async function allStates(RED: NodeAPI): Promise<AllStates> {
  const places = placesOf(RED)
  const nodes = await Promise.all(
    [...deployedOutNodes.values()].map((node) => nodeState(RED, node, places))
  )
  for (const queue of await stoppedQueues(RED)) nodes.push(stoppedState(queue, places))
  return { at: new Date().toISOString(), nodes: nodes.sort(byNeed) }
}

/** A history is this long, unless it is said. */
const HOUR_MINUTES = 60
/** So often a node can be told to try at once, in milliseconds. */
const TRY_EVERY_MS = 10_000
const triedAt = new WeakMap<DeliveryControl, number>()

function mayTry(delivery: DeliveryControl): boolean {
  const now = performance.now()
  if (now - (triedAt.get(delivery) ?? -Infinity) < TRY_EVERY_MS) return false
  triedAt.set(delivery, now)
  return true
}

/** How one message is resent, or sent again. */
interface ResendOne extends Required<HowEdited> {
  /** What somebody writes in place of its text. */
  payload?: string
  /** Somebody waits for what becomes of it. */
  wait: boolean
  /** Not one that has left: somebody else was faster. */
  onlySuspended: boolean
}

/** A message that goes: of one that had left, a new one. */
interface SentOne {
  seq: number
  trial: Trial | undefined
}

/**
 * Resends a suspended message, or sends one again that has left; with another text if there is one.
 *
 * @returns the number of the message that goes, and what tells what becomes of it; undefined if nobody waits
 */
async function resendOne(node: OutParts, seq: number, how: ResendOne): Promise<SentOne> {
  const { delivery } = node
  const { by, onlySuspended, payload, wait } = how
  const known = await messageWithStory(delivery, seq)
  if (known === undefined) throw refused(404, 'refusal.noMessage')
  const isSuspended = known.state === 'suspended'
  if (onlySuspended && !isSuspended) throw refused(409, 'refusal.notSuspended')
  const operator = await delivery.operator()
  if (payload === undefined && !isSuspended) return sendOneAgain(operator, seq, how)
  // Before it is on its way.
  const trial = wait ? operator.watch(seq, known.controlId) : undefined
  try {
    if (payload !== undefined) {
      const sent = await editOne(node, { seq, isSuspended }, payload, how)
      if (sent === undefined) return { seq, trial }
      // The new message is another one.
      trial?.end()
      const watched = wait ? operator.watch(sent.seq, sent.controlId) : undefined
      return { seq: sent.seq, trial: watched }
    }
    const count = await operator.resend({ ids: [seq] }, by)
    if (count === 0) throw refused(409, 'refusal.notSuspended')
  } catch (error) {
    trial?.end()
    throw error
  }
  return { seq, trial }
}

/** The same of one that has left. @throws {RouteError} if it has not, was sent again before, or is not kept */
async function sendOneAgain(
  operator: Awaited<ReturnType<DeliveryControl['operator']>>,
  seq: number,
  { by, isAgain, wait }: ResendOne
): Promise<SentOne> {
  const how = { isAgain, hasCopies: true }
  const { notSent, trial } = await operator.sendFirstAgain({ ids: [seq] }, by, how)
  if (trial === undefined) {
    const [first] = notSent
    // Neither suspended nor gone.
    if (first === undefined) throw refused(409, 'refusal.notSuspended')
    throw refused(409, first.why === 'notKept' ? 'refusal.notKept' : 'refusal.sentBefore')
  }
  if (!wait) trial.end()
  return { seq: trial.seq, trial: wait ? trial : undefined }
}

/**
 * @returns the new message, of one that had left
 * @throws {RouteError} if the message cannot be edited, or the node would not have accepted such a text
 */
async function editOne(
  { edit }: OutParts,
  seen: Seen,
  payload: string,
  how: HowEdited
): Promise<Extract<Edit, { kind: 'sent' }> | undefined> {
  const done = await edit(seen, payload, how).catch((error: unknown) => {
    throw error instanceof DeliveryError ? new RouteError(400, error.message) : error
  })
  if (done.kind === 'late') throw refused(409, `refusal.${done.why}`)
  if (done.kind === 'not-editable') throw refused(409, 'refusal.notEditable')
  return done.kind === 'sent' ? done : undefined
}

/** What is asked of messages that are to be resent. */
type Resend = AskedOf<'resendMessages'> & { choice: Exclude<Choice, { kind: 'waiting' }> }

/** What a choice means of suspended messages, and of such that have left; of ids both. */
function partsOf({ choice }: Pick<Resend, 'choice'>): {
  suspended?: SuspendedChoice
  left?: LeftChoice
} {
  switch (choice.kind) {
    case 'numbered':
      return { suspended: { ids: choice.ids }, left: { ids: choice.ids } }
    case 'suspended':
      return { suspended: choice.choice }
    case 'left':
      return { left: choice.choice }
  }
}

function howAgain(
  { renew }: OutParts,
  { again = false, newIds = false }: Resend,
  onSent: OnSent
): HowAgain<FlowMessage> {
  return { isAgain: again, onSent, ...(newIds && { renew }) }
}

/** The ids of messages that are sent, if somebody wants to follow them. */
class Followed {
  readonly #isAsked: boolean
  readonly #ids: string[] = []

  constructor({ follow = false }: Resend) {
    this.#isAsked = follow
  }

  readonly add: OnSent = (seqs) => {
    if (this.#isAsked) {
      this.#ids.push(...seqs.slice(0, MOST_FOLLOWED - this.#ids.length).map(String))
    }
  }

  get answer(): Pick<BulkAnswer, 'ids'> {
    return this.#isAsked ? { ids: this.#ids } : {}
  }
}

/** What would be sent again. @throws {RouteError} if suspended messages are meant */
async function countAgain({ delivery, sender }: OutParts, wanted: Resend): Promise<CountAnswer> {
  const { left } = partsOf(wanted)
  if (left === undefined) {
    throw refused(400, 'refusal.oneOf', { name: 'state', list: 'acked, naked, failed' })
  }
  const { first, last, leftOut, ...counts } = await (
    await delivery.reader()
  ).countAgain(left, wanted.again === true)
  return {
    ...counts,
    orderKey: sender.settings.orderKey?.text ?? '',
    ...(leftOut > 0 && { leftOut }),
    first: first === undefined ? null : namedAnswer(first),
    last: last === undefined ? null : namedAnswer(last)
  }
}

/**
 * Resends suspended messages, and sends those again that have left.
 *
 * @throws {RouteError} when the contents of all of them are gone
 */
async function resend(node: OutParts, wanted: Resend, by: string): Promise<BulkAnswer> {
  const operator = await node.delivery.operator()
  const { suspended, left } = partsOf(wanted)
  // First: what is resent now may have left a moment later.
  const followed = new Followed(wanted)
  const again = left && (await operator.sendAgain(left, by, howAgain(node, wanted, followed.add)))
  const found = suspended === undefined ? 0 : await operator.resend(suspended, by, followed.add)
  if (again === undefined) return { found, ...followed.answer }
  const counts = { ...againAnswer(again), ...followed.answer }
  if (again.found === 0 && suspended !== undefined) {
    return { ...(again.leftOut > 0 && counts), ...followed.answer, found }
  }
  if (again.found > 0 && again.resent + found === 0) throw refused(409, 'refusal.notKept')
  return { ...counts, found: again.found + found }
}

/**
 * The same, but the first goes alone, and the answer says what became of it. Of ids, those that have left count, or
 * else those that are suspended.
 *
 * @param gone nobody waits for the answer any longer
 */
async function resendFirst(
  node: OutParts,
  wanted: Resend,
  by: string,
  gone: AbortSignal
): Promise<BulkAnswer> {
  const operator = await node.delivery.operator()
  const { suspended, left } = partsOf(wanted)
  const followed = new Followed(wanted)
  const how = howAgain(node, wanted, followed.add)
  const again = left && (await operator.sendFirstAgain(left, by, how))
  if (again !== undefined && (again.found > 0 || suspended === undefined)) {
    const { trial, ...counts } = again
    if (counts.found > 0 && trial === undefined) throw refused(409, 'refusal.notKept')
    const tried = await triedAnswer(trial, gone)
    return { ...againAnswer(counts), ...tried, ...followed.answer }
  }
  const { found, trial } = await operator.resendFirst(suspended ?? {}, by, followed.add)
  const tried = await triedAnswer(trial, gone)
  return { found, ...tried, ...followed.answer }
}

/** 0: there is no such message. */
function numberIn(messageId: string): number {
  return /^\d{1,15}$/.test(messageId) ? Number(messageId) : 0
}
