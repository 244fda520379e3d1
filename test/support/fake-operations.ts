import { DEFAULT_REPLY_RULES } from '../../src/rules/reply-rules.ts'
import type { Page, Route } from 'playwright-core'
import type {
  AllMessagesPage,
  BulkAnswer,
  ConditionAnswer,
  EventRow,
  HistoryMinute,
  MessageAnswer,
  MessageContent,
  MessageCountsAnswer,
  NodeState
} from '../../nodes/operations/answers.ts'
import { cursorText } from '../../nodes/operations/cursor.ts'
import type { ToldKind } from '../../src/told.ts'
import { type Permission, PERMISSIONS } from '../../nodes/operations/permissions.ts'
import type { Level } from '../../src/codes.ts'
import type { TestAnswer } from '../../nodes/tests/test-result.ts'

const MINUTE = 60_000

/** A time so many minutes ago. */
export const ago = (minutes: number): string =>
  new Date(Date.now() - minutes * MINUTE).toISOString()

/** What a page has no words for: the runtime is newer. */
export const NEWER = 'brand-new' as ToldKind

/** Sets `window.hacked` if a page treats it as markup. */
export const evil = `<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">`

/** A node to which nothing has happened. */
export function nodeState(id: string, state: Partial<NodeState> = {}): NodeState {
  return {
    ...{ id, name: id, flow: 'Admissions', host: `${id.toLowerCase()}.example.org` },
    ...{ state: 'idle', since: ago(90), kind: 'ok', values: {}, reason: '' },
    ...{ queued: 0, unconfirmed: 0, inFlight: 0, retrying: 0, awaiting: 0, suspended: 0 },
    ...{ acked: 0, naked: 0, failed: 0, perMinute: 0, oldestAgeMs: 0 },
    ...{ lastAckAt: ago(1), lastError: null, retry: null, paused: null, token: null },
    ...{ backup: null, backupHost: '' },
    ...{ certificates: [], latencyMs: { p50: 0, p95: 0, p99: 0 }, contact: '', advice: null },
    searchFields: [],
    rules: DEFAULT_REPLY_RULES,
    contentDays: 7,
    lastHour: { acked: 0, naked: 0, failed: 0, givenUp: 0, turnedAway: 0 },
    turnedAway: null,
    note: null,
    conditions: conditionsOf(state),
    ...state
  }
}

/** What the runtime would say holds of such a node. */
function conditionsOf(state: Partial<NodeState>): ConditionAnswer[] {
  const { advice = null, suspended = 0, token = null } = state
  const held: [boolean, ConditionAnswer['code'], Level][] = [
    [state.state === 'config', 'CONFIG', 'call'],
    [state.state === 'stopped', 'STOPPED', 'call'],
    [state.state === 'error', 'ERROR', 'call'],
    [suspended > 0, 'SUSPENDED', 'call'],
    [state.state === 'paused', 'PAUSED', 'call'],
    [token?.state === 'none' || token?.state === 'refresh failing', 'TOKEN', 'call'],
    [state.state === 'retrying', 'RETRYING', 'call'],
    [advice?.kind.startsWith('advice-certificate') === true, 'CERTIFICATE', 'watch'],
    [advice?.kind === 'advice-queue-count', 'QUEUE_COUNT', 'watch'],
    [advice?.kind === 'advice-queue-wait', 'QUEUE_WAIT', 'watch'],
    [state.state === 'sending', 'SENDING', 'fine'],
    [true, 'IDLE', 'fine']
  ]
  const { kind = 'ok', values = {}, reason: text = '', since = null } = state
  return held
    .filter(([holds]) => holds)
    .map(([, code, level]) => ({ code, level, since, kind, values, text }))
}

/** A message that is suspended. */
export function messageRow(id: string, row: Partial<MessageAnswer> = {}): MessageAnswer {
  return {
    ...{ id, controlId: `OB-${id}`, type: 'ADT^A01', state: 'suspended', attempts: 1 },
    ...{ acceptedAt: ago(18), settledAt: ago(17), outcome: null, ackCode: 'AE', status: 200 },
    ...{ rule: '@ERR-3:206=S', errorCode: '', kind: 'verdict', reason: '' },
    errors: [{ code: '206', severity: 'E', text: 'Application record locked' }],
    values: {},
    ...row
  }
}

/** Three nodes in trouble and one that is well: what somebody sees who is called at night. */
export function nodesInTrouble(): NodeState[] {
  return [
    nodeState('Pharmacy', {
      ...{ state: 'paused', since: ago(10), kind: 'paused', queued: 50 },
      ...{ values: { by: 'admin', reason: 'upgrade' }, reason: 'Paused by admin: “upgrade”' },
      ...{ oldestAgeMs: 10 * MINUTE, lastAckAt: ago(10), acked: 1200 },
      paused: { at: ago(10), by: 'admin', reason: 'upgrade' },
      certificates: [{ of: 'receiver', validTo: ago(-300 * 24 * 60) }]
    }),
    nodeState('Laboratory', {
      ...{ since: ago(17), suspended: 8, kind: 'verdict', perMinute: 42, acked: 2400, naked: 3 },
      ...{ oldestAgeMs: 17 * MINUTE, lastAckAt: ago(0), state: 'sending', inFlight: 1 },
      values: {
        ...{ ackCode: 'AE', errors: '206 Application record locked', status: 200, cause: '' },
        rule: '@ERR-3:206=S'
      },
      reason: 'AE 206 Application record locked · rule @ERR-3:206=S',
      token: { state: 'ok', validUntil: ago(-42) },
      certificates: [{ of: 'receiver', validTo: ago(-9.5 * 24 * 60) }],
      latencyMs: { p50: 22, p95: 38, p99: 71 }
    }),
    nodeState('Registry', {
      ...{ state: 'retrying', since: ago(31), kind: 'retrying', queued: 120, retrying: 1 },
      ...{ values: { cause: '503', attempt: 12, seconds: 20 }, oldestAgeMs: 31 * MINUTE },
      reason: 'HTTP 503, try 12 in 20 s',
      ...{ lastAckAt: ago(31), acked: 812, retry: { attempts: 11, nextAt: ago(-0.33) } },
      token: { state: 'ok', validUntil: ago(-12) }
    }),
    nodeState('Radiology', {
      ...{ perMinute: 3, acked: 312, token: { state: 'ok', validUntil: ago(-55) } }
    })
  ]
}

/** Markup in every text that comes from outside; the node `n0` has a message and events. */
export function evilOperations(): FakeOperations {
  const operations = new FakeOperations(
    (['paused', 'verdict', NEWER] as const).map((kind, index) =>
      nodeState(`n${index}`, {
        ...{ kind, values: EVIL_VALUES, reason: evil, suspended: 1, state: 'paused' },
        ...{ name: evil, flow: evil, host: evil, contact: evil, searchFields: [evil] },
        paused: { at: ago(1), by: evil, reason: evil },
        lastError: { code: evil, text: evil, at: ago(1) },
        // Without advice, the rule stands by itself.
        advice: kind === 'verdict' ? null : { kind, values: EVIL_VALUES, text: evil }
      })
    )
  )
  operations.messages.set('n0', [
    messageRow('1', {
      ...{ values: EVIL_VALUES, reason: evil, controlId: evil, type: evil },
      ...{ ackCode: evil, rule: evil, errorCode: evil },
      errors: [{ code: evil, severity: evil, text: evil }]
    })
  ])
  operations.content = { request: `MSH|${evil}\rPID|${evil}`, reply: evil }
  operations.events.set(
    'n0',
    (['paused', NEWER] as const).map((kind) => ({
      ...{ at: ago(1), by: evil, kind, values: EVIL_VALUES, text: evil }
    }))
  )
  return operations
}

const EVIL_VALUES = {
  ...{ ackCode: evil, errors: evil, rule: evil, cause: evil, by: evil, reason: evil },
  ...{ server: evil, client: evil, said: evil, note: evil, contact: evil, queue: 'disk' }
}

/** The answers of the routes, without the nodes behind them. */
export class FakeOperations {
  nodes: NodeState[]
  messages = new Map<string, MessageAnswer[]>()
  events = new Map<string, EventRow[]>()
  /** What the search for a field finds, by its value. */
  patients = new Map<string, MessageAnswer[]>()
  content: Partial<MessageContent> = {}
  /** What becomes of messages of which the first goes alone. */
  tried: Pick<BulkAnswer, 'first' | 'resent'> = {}
  /** How many of those that are taken out of the queue are on their way. */
  inFlight = 0
  /** What a test message shows. */
  tested: TestAnswer = { status: 200, ack: { code: 'AA' } as never, action: 'C', elapsedMs: 31 }
  /** Node-RED takes so long to answer a POST. */
  slow: Promise<unknown> | undefined
  /** Of whoever is logged in. */
  permissions: readonly Permission[] = PERMISSIONS
  /** Reasons to refuse what is asked of one message: one for each request. */
  refusals: string[] = []
  /** What is downloaded. */
  file = 'FHS|1\rBTS|1|1 of 1|1~0~0\rFTS|1\r'
  /** Nodes that are too slow for a search of all. */
  silent: string[] = []
  /** Answers every request with it, if it is no 200. */
  status = 200
  /** Path and query of each GET, path and body of each POST. */
  readonly asked: string[] = []
  #answered = 0

  constructor(nodes = nodesInTrouble()) {
    this.nodes = nodes
  }

  /** Nobody waits for an answer. */
  get isAnswered(): boolean {
    return this.#answered >= this.asked.length
  }

  /** Puts itself in front of the routes of a page. */
  async serve(page: Page): Promise<void> {
    await page.route(
      // The page itself is real.
      (url) => /^\/hl7-https-out(\/(?!page\b)|$)/.test(url.pathname),
      async (route) => {
        await this.#fulfill(route).finally(() => {
          this.#answered++
        })
      }
    )
  }

  async #fulfill(route: Route): Promise<void> {
    const { pathname, search } = new URL(route.request().url())
    const body = route.request().postData()
    this.asked.push(`${pathname}${search}${body === null ? '' : ` ${body}`}`)
    if (body !== null) await this.slow
    const refusal = /\/messages\/\d+\/\w+$/.test(pathname) ? this.refusals.shift() : undefined
    if (refusal !== undefined) {
      await route.fulfill({ status: 400, json: { error: refusal } })
      return
    }
    if (pathname.endsWith('/export') && !(body ?? '').includes('"dryRun":true')) {
      await route.fulfill({
        contentType: 'application/hl7-v2; charset=utf-8',
        headers: { 'Content-Disposition': 'attachment; filename="hl7-fake.hl7"' },
        body: this.file
      })
      return
    }
    const answer = this.status === 200 ? this.#answer(pathname, search, body) : {}
    await route.fulfill({
      status: this.status === 200 && answer === undefined ? 404 : this.status,
      contentType: 'application/json',
      body: JSON.stringify(answer ?? { error: 'There is no such message.' })
    })
  }

  #answer(path: string, search: string, body: string | null): unknown {
    const [, , id = '', what = '', which = '', action = ''] = path
      .split('/')
      .map(decodeURIComponent)
    const query = new URLSearchParams(search)
    const node = this.nodes.find((one) => one.id === id)
    const known = this.messages.get(id) ?? []
    if (id === 'user') return { name: '', permissions: this.permissions, hasEditor: true }
    if (id === '') return { at: new Date().toISOString(), nodes: this.nodes }
    if (id === 'messages') return this.#allMessages(JSON.parse(body ?? '{}') as FoundBy)
    if (node === undefined) return undefined
    if (what === 'history') return { minutes: history(node, Number(query.get('minutes'))) }
    if (what === 'events') return { events: this.events.get(id) ?? [] }
    if (action === 'resend' && (body ?? '').includes('"wait":true')) {
      const row = known.find((one) => one.id === which)
      if (row && this.tried.first) row.state = 'acked'
      return { ...node, sent: which, first: this.tried.first }
    }
    if (action !== '') return { ...node, sent: which }
    if (what === 'pause' || what === 'resume' || what === 'try') return node
    if (what === 'test') return this.tested
    if (which === 'suspend' || (which === 'discard' && (body ?? '').includes('"state"'))) {
      const { ids = [] } = JSON.parse(body ?? '{}') as { ids?: string[] }
      for (const row of known) if (ids.includes(row.id)) row.state = 'suspended'
      return { found: ids.length, inFlight: this.inFlight }
    }
    if (which === 'export') {
      const { ids = [] } = JSON.parse(body ?? '{}') as { ids?: string[] }
      return { found: ids.length, withContent: ids.length }
    }
    if (which === 'resend' || which === 'discard') {
      const given = JSON.parse(body ?? '{}') as Record<string, unknown>
      const found = known.filter((row) => fits(row, given)).length
      return given['firstAlone'] === true ? { found, ...this.tried } : { found }
    }
    if (which === 'counts') {
      return countsOf(known.filter((row) => fits(row, Object.fromEntries(query))))
    }
    if (which !== '') {
      const row = known.find((one) => one.id === which)
      const { request = null, reply = null, ...rest } = this.content
      const asked = query.get('content')
      const texts = asked === 'false' ? {} : asked === 'reply' ? { reply } : { request, reply }
      return row && { ...row, attemptList: [], story: [], ...rest, ...texts }
    }
    const found = known.filter((row) => fits(row, Object.fromEntries(query)))
    const before = query.get('cursor')?.split(',')[2]
    const older =
      before === undefined ? found : found.filter((row) => Number(row.id) < Number(before))
    const limit = Number(query.get('limit') ?? 100)
    const messages = older.slice(0, limit)
    const last = messages.at(-1)
    const more = older.length > limit
    return { messages, more, ...(more && last && { next: cursorText(last, id) }) }
  }

  #allMessages({ field = '', value, controlId, controlIds }: FoundBy): AllMessagesPage {
    const wanted = controlIds ?? [controlId]
    const rows = this.nodes.flatMap(({ id, searchFields }) => {
      const known =
        value === undefined
          ? (this.messages.get(id) ?? []).filter((row) => wanted.includes(row.controlId))
          : searchFields.includes(field)
            ? (this.patients.get(value) ?? [])
            : []
      return known.map((row) => ({ ...row, node: id }))
    })
    const messages = rows.sort((one, other) => other.acceptedAt.localeCompare(one.acceptedAt))
    const known = new Set(messages.map((row) => row.controlId))
    return {
      messages,
      more: false,
      ...(this.silent.length > 0 && { silent: this.silent.map((id) => ({ id, name: id })) }),
      ...(controlIds && { unknown: controlIds.filter((one) => !known.has(one)) })
    }
  }
}

/** What is searched for in all nodes. */
interface FoundBy {
  field?: string
  value?: string
  controlId?: string
  controlIds?: string[]
}

function fits(row: MessageAnswer, wanted: Readonly<Record<string, unknown>>): boolean {
  const ids = wanted['ids'] as string[] | undefined
  if (ids !== undefined) return ids.includes(row.id)
  return (['controlId', 'type', 'rule', 'state'] as const).every(
    (name) => wanted[name] === undefined || row[name] === wanted[name]
  )
}

function countsOf(rows: readonly MessageAnswer[]): MessageCountsAnswer {
  const count = (values: readonly string[]): MessageCountsAnswer['types'] =>
    [...new Set(values)].map((value) => ({
      value,
      count: values.filter((one) => one === value).length
    }))
  return {
    count: rows.length,
    types: count(rows.map(({ type }) => type)),
    rules: count(rows.map(({ rule }) => rule)),
    errors: count(rows.flatMap(({ errors }) => errors.map(({ code }) => code))),
    more: false
  }
}

/** An hour that ends with the node's trouble. */
function history(node: NodeState, minutes: number): HistoryMinute[] {
  const stuck = node.state === 'paused' || node.state === 'retrying'
  const since = (Date.now() - Date.parse(node.since ?? '')) / MINUTE
  return Array.from({ length: minutes }, (_, index) => {
    const before = minutes - index
    const goes = !stuck || before > since
    const acked = goes ? 20 + Math.round(20 * Math.abs(Math.sin(index / 7))) : 0
    return {
      ...{ at: ago(before), acked, naked: index % 25 === 3 ? 1 : 0, failed: 0 },
      turnedAway: 0,
      queued: goes
        ? node.suspended
        : Math.round(((since - before) / since) * (node.queued + node.suspended)),
      p95: goes ? 30 + (index % 13) : 0
    }
  })
}
