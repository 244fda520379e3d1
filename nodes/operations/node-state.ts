import type { Node, NodeAPI } from 'node-red'
import { printable } from '../../src/printable.ts'
import type { Pause } from '../../src/queue/queue-event.ts'
import { toldInEnglish } from '../../src/told-in-english.ts'
import type { Told } from '../../src/told.ts'
import { notSetUp } from '../settings/node-errors.ts'
import { adviceOf } from '../flow/advice.ts'
import { CONFIG, STOPPED } from '../flow/condition-table.ts'
import { byUrgency, shownSince, type Condition } from '../flow/conditions.ts'
import { deployedOutNodes, outParts, type Unusable } from '../flow/out-parts.ts'
import type { TurnedAwayNow } from '../flow/turned-away.ts'
import { contactOf } from '../settings/contact.ts'
import type { ConditionAnswer, NodeState } from './answers.ts'
import { nameOf } from './name-of.ts'
import { configsOf } from './orphaned-queues.ts'
import { heldFor, type StoppedQueue } from './stopped-queues.ts'
import { iso } from './times.ts'

/** Where the nodes are in the flows: read once for an answer about all of them. */
export type Places = ReadonlyMap<string, Place>

interface Place {
  name: string
  flow: string
  host: string
  contact: string
}

interface Known {
  id: string
  type: string
  name?: unknown
  label?: unknown
  z?: string
  url?: unknown
  contact?: unknown
}

/** The nodes of the flows, disabled ones included. */
export function placesOf(RED: NodeAPI): Places {
  const known = new Map<string, Known>()
  for (const config of configsOf(RED)) known.set(config.id, config)
  const places = new Map<string, Place>()
  for (const { id, type, name, z = '', url, contact } of known.values()) {
    if (type !== 'hl7-https-out') continue
    places.set(id, {
      name: nameOf(name),
      flow: flowName(known, z),
      host: hostOf(url),
      contact: contactOf(contact)
    })
  }
  // The instances of a subflow have nodes of their own.
  for (const node of deployedOutNodes.values()) {
    if (places.has(node.id)) continue
    const template = (node as { _alias?: string })._alias
    const { url, contact } = known.get(template ?? '') ?? {}
    places.set(node.id, {
      name: nameOf(node.name),
      flow: flowName(known, node.z),
      host: hostOf(url),
      contact: contactOf(contact)
    })
  }
  return places
}

function flowName(known: ReadonlyMap<string, Known>, z: string): string {
  const flow = known.get(z)
  if (flow === undefined) return ''
  const subflow = known.get(flow.type.replace(/^subflow:/, ''))
  return printable(nameOf(flow.label) || nameOf(flow.name) || nameOf(subflow?.name))
}

function hostOf(url: unknown): string {
  const { host = '' } = typeof url === 'string' ? (URL.parse(url) ?? {}) : {}
  return printable(host)
}

/** What is shown of one node. */
export async function nodeState(RED: NodeAPI, node: Node, places: Places): Promise<NodeState> {
  const parts = outParts.get(node)
  const place = places.get(node.id)
  const named = { id: node.id, name: printable(nameOf(node.name)), flow: place?.flow ?? '' }
  if (parts === undefined || !('delivery' in parts)) {
    // Messages of an earlier run, when it was set up.
    const queued = await heldFor(RED, node.id)
    const { host = '', contact = '' } = place ?? {}
    return { ...EMPTY, ...named, host, contact, queued, ...configState(parts, queued) }
  }
  const { conditions, contact, contentDays, delivery, giveUp, history, isNakWired, names } = parts
  // Until its queue is open, a node does not know what waits in it. A failure is in the state.
  await delivery.openToRead().catch(() => undefined)
  const look = delivery.state()
  const { diskSilentMs, failing, failure, fault, lastOutcome, longestWaitMs, ...others } = look
  const { isOutage, ownLimitMs, suspendedFor, retry, ...state } = others
  const now = Date.now()
  const token = parts.tokens()?.status
  const held = conditions.current()
  const told = toldOf(held)
  const { isDurable } = delivery
  const known = { ...parts.facts(), names, contact, contentDays, giveUp, isDurable, isNakWired }
  const advice = adviceOf(held, known)
  const { note } = conditions
  return {
    ...EMPTY,
    ...named,
    ...state,
    host: names.host,
    backupHost: names.backup,
    ...told,
    reason: toldInEnglish(told),
    since: iso(shownSince(held, state.state)),
    conditions: held.map(conditionAnswer),
    note: note === undefined ? null : { ...note, at: iso(note.at) },
    perMinute: history.perMinute,
    latencyMs: history.latencyMs,
    lastHour: {
      ...history.lastHour,
      givenUp: history.lastHour.failed,
      turnedAway: parts.turnedAway.lastHour
    },
    turnedAway: turnedAwayAnswer(parts.turnedAway.current),
    oldestAgeMs: Math.round(state.oldestAgeMs),
    lastAckAt: iso(history.lastAckAt),
    retry: retry === null ? null : { attempts: retry.attempts, nextAt: iso(now + retry.waitMs) },
    paused: state.paused === null ? null : pauseAnswer(state.paused),
    backup:
      state.backup === null
        ? null
        : {
            since: iso(state.backup.since || undefined),
            host: printable(state.backup.host),
            by: state.backup.by,
            waiting: state.backup.waiting
          },
    token:
      token === undefined
        ? null
        : { state: token.state, validUntil: 'validUntil' in token ? iso(token.validUntil) : null },
    contact,
    searchFields: parts.searchFields,
    rules: parts.sender.settings.courier.rules.text,
    contentDays: parts.contentDays,
    advice: withText(advice),
    certificates: parts.certificates.all().map(({ of, validTo }) => ({ of, validTo: iso(validTo) }))
  }
}

/** A node that does not run, or a queue file without one. */
export function stoppedState(queue: StoppedQueue, places: Places): NodeState {
  const { held, id, stopped, template = '' } = queue
  const told = STOPPED.told(held, stopped)
  // In a subflow, it is known by the node in its template.
  const place = places.get(id) ?? places.get(template)
  const { name = '', flow = '', host = '', contact = '' } = place ?? {}
  return {
    ...EMPTY,
    id,
    name: printable(name),
    flow,
    host,
    contact,
    advice: withText(STOPPED.advice(held ?? 0, stopped)),
    state: 'stopped',
    queued: held ?? 0,
    conditions: [
      { code: STOPPED.code, level: STOPPED.level, since: null, ...told, text: toldInEnglish(told) }
    ],
    ...told,
    reason: toldInEnglish(told)
  }
}

/** What needs a person comes first; of equals, the one whose oldest message waits longest. */
export function byNeed(a: NodeState, b: NodeState): number {
  const [first = NOTHING] = a.conditions
  const [second = NOTHING] = b.conditions
  return byUrgency(first, second) || b.oldestAgeMs - a.oldestAgeMs || (a.id < b.id ? -1 : 1)
}

const NOTHING: Pick<Condition, 'code' | 'level'> = { code: 'IDLE', level: 'fine' }

function pauseAnswer({ at, by, host, reason, until }: Pause): NonNullable<NodeState['paused']> {
  return {
    at: iso(at || undefined),
    by,
    reason,
    ...(until !== undefined && { until: iso(until) }),
    ...(host !== undefined && { host: printable(host) })
  }
}

function turnedAwayAnswer(turnedAway: TurnedAwayNow | undefined): NodeState['turnedAway'] {
  if (turnedAway === undefined) return null
  const { count, since, until, why } = turnedAway
  return { count, since: iso(since), until: iso(until), why }
}

function conditionAnswer({ code, level, since, told }: Omit<Condition, 'row'>): ConditionAnswer {
  return { code, level, since: iso(since), ...told, text: toldInEnglish(told) }
}

function withText(advice: Told | undefined): NodeState['advice'] {
  return advice === undefined ? null : { ...advice, text: toldInEnglish(advice) }
}

function configState(parts: Unusable | undefined, queued: number): Partial<NodeState> & Told {
  const problems = parts?.problems ?? []
  const told = CONFIG.told(problems)
  const conditions = parts?.conditions() ?? []
  const since = iso(conditions.find(({ code }) => code === 'CONFIG')?.since)
  return {
    ...told,
    advice: withText(CONFIG.advice(problems, queued)),
    state: 'config',
    since,
    conditions: conditions.map(conditionAnswer),
    reason: toldInEnglish(told),
    lastError: {
      code: 'HL7_CONFIG',
      text: notSetUp(problems),
      at: since ?? new Date().toISOString()
    },
    lastHour: { ...EMPTY.lastHour, turnedAway: parts?.turnedAway.lastHour ?? 0 },
    turnedAway: turnedAwayAnswer(parts?.turnedAway.current)
  }
}

/** Why a node is as it is; `ok` if there is nothing to say. */
function toldOf([first]: readonly Condition[]): Told {
  return first === undefined || first.level === 'fine' ? { kind: 'ok', values: {} } : first.told
}

const EMPTY: NodeState = {
  id: '',
  name: '',
  flow: '',
  host: '',
  backupHost: '',
  state: 'idle',
  since: null,
  kind: 'ok',
  values: {},
  reason: '',
  queued: 0,
  unconfirmed: 0,
  inFlight: 0,
  retrying: 0,
  awaiting: 0,
  suspended: 0,
  acked: 0,
  naked: 0,
  failed: 0,
  perMinute: 0,
  lastHour: { acked: 0, naked: 0, failed: 0, givenUp: 0, turnedAway: 0 },
  turnedAway: null,
  oldestAgeMs: 0,
  lastAckAt: null,
  lastError: null,
  retry: null,
  paused: null,
  backup: null,
  token: null,
  contentDays: 0,
  certificates: [],
  latencyMs: { p50: 0, p95: 0, p99: 0 },
  contact: '',
  rules: '',
  searchFields: [],
  advice: null,
  conditions: [],
  note: null
}
