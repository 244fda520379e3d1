import type { Node, NodeStatus } from 'node-red'
import type { Codes } from '../src/codes.ts'
import type { AlertCode } from '../src/delivery/alerts.ts'
import type { DeliveryState } from '../src/delivery/delivery-state.ts'
import { english, type Key } from '../src/english.ts'
import { printable } from '../src/printable.ts'
import type { TokenStatus } from '../src/oauth2/token-status.ts'
import { causeWords, durationText, type TabText } from '../src/told.ts'
import type { CertificateOwner } from './operations/answers.ts'
import { MESSAGE_FAULTS } from './operations/refusals.ts'

/** What a status is made from. */
export interface StatusFacts {
  delivery: DeliveryState
  /** Undefined if the receiver wants no token. */
  token: TokenStatus | undefined
  alerts: ReadonlySet<AlertCode>
  /** The code of the error with which the last message was refused, while it holds; `''` for none. */
  refusal: string
  /** The certificate that ends first of those that end soon, and in how many days. */
  certificate?: { of: CertificateOwner; days: number } | undefined
}

/** Looks a text up in the language of the runtime. */
export type Translate = (key: Key<'forms'>, values?: Record<string, string>) => string

/** By this name a Status node tells one status from another. */
export type StatusCode = keyof Codes['status']

/** The mark before the text of a status. */
interface Dot {
  fill: Fill
  shape: 'dot' | 'ring'
}

/** A status as this node shows it. */
export interface CodedStatus extends NodeStatus {
  /** The first that holds, in the order of `CONDITIONS`. */
  code: StatusCode
  /** All that hold, in that order. */
  codes: StatusCode[]
}

type Fill = 'red' | 'yellow' | 'blue' | 'green' | 'grey'

/** Something that is so, and how it shows. */
interface Condition {
  code: Exclude<StatusCode, 'CONFIG'>
  holds: (facts: StatusFacts) => boolean
  fill: Fill
  /** Of those that hold, the text of the lowest place comes first: what keeps messages from leaving. */
  place: number
  text: (facts: StatusFacts, translate: Translate, now: number) => string
  /** Whether it is said behind another text: in any case, or if there is room. */
  beside?: 'always' | 'if it fits'
}

/**
 * Everything that a status can say. The order is that of the codes: what pages somebody comes first.
 * The worst colour wins. The order of the texts (`place`) is another one: the person who is called wants to
 * know the cause of what is happening now, then what waits for a person, and last what is past.
 */
const CONDITIONS: readonly Condition[] = [
  {
    code: 'ERROR',
    holds: (facts) => failure(facts) !== '',
    fill: 'red',
    place: 4,
    text: (facts, translate) => translate('status.error', { code: failureText(facts, translate) }),
    beside: 'always'
  },
  {
    code: 'QUEUE_WAIT',
    holds: ({ alerts }) => alerts.has('QUEUE_WAIT'),
    fill: 'yellow',
    place: 6,
    text: ({ delivery }, translate) =>
      translate('status.queueWait', { wait: duration(delivery.longestWaitMs) }),
    beside: 'if it fits'
  },
  {
    code: 'QUEUE_COUNT',
    holds: ({ alerts }) => alerts.has('QUEUE_COUNT'),
    fill: 'yellow',
    place: 7,
    text: ({ delivery }, translate) =>
      translate('status.queueCount', { queued: String(delivery.queued) })
  },
  {
    code: 'SUSPENDED',
    holds: ({ delivery }) => delivery.suspended > 0,
    fill: 'yellow',
    place: 5,
    text: ({ delivery }, translate) =>
      translate('status.suspended', { suspended: String(delivery.suspended) }),
    beside: 'always'
  },
  {
    code: 'PAUSED',
    holds: ({ delivery }) => delivery.state === 'paused',
    fill: 'red',
    place: 1,
    text: ({ delivery }, translate) =>
      translate('status.paused', { queued: String(delivery.queued) })
  },
  {
    code: 'TOKEN',
    // Without a message that needs one, the next request may well succeed.
    holds: ({ delivery, token }) => token?.state === 'none' && delivery.state !== 'idle',
    fill: 'yellow',
    place: 2,
    text: ({ delivery, token }, translate) => {
      const code = token?.state === 'none' ? printable(token.code) : ''
      return counted(translate('status.noToken', { code }), delivery, 1)
    }
  },
  {
    code: 'TOKEN',
    holds: ({ token }) => token?.state === 'refresh failing',
    fill: 'yellow',
    place: 8,
    text: ({ token }, translate, now) =>
      token?.state === 'refresh failing'
        ? translate('status.tokenFailing', {
            code: printable(token.code),
            time: duration(token.validUntil - now)
          })
        : '',
    beside: 'if it fits'
  },
  {
    code: 'CERTIFICATE',
    holds: ({ certificate }) => certificate !== undefined,
    fill: 'yellow',
    place: 9,
    text: ({ certificate }, translate) =>
      certificate === undefined
        ? ''
        : translate(CERTIFICATE_TEXTS[certificate.of], {
            days: String(Math.max(0, certificate.days))
          }),
    beside: 'if it fits'
  },
  {
    code: 'RETRYING',
    holds: ({ delivery }) => delivery.retry !== null,
    fill: 'yellow',
    place: 3,
    text: ({ delivery }, translate) => {
      const { cause = '', attempts = 0 } = delivery.retry ?? {}
      const values = { cause: causeText(cause, translate), attempt: String(attempts + 1) }
      return counted(translate('status.retrying', values), delivery, 1)
    }
  },
  {
    code: 'INVALID',
    holds: ({ refusal }) => MESSAGE_FAULTS.has(refusal),
    fill: 'yellow',
    place: 10,
    text: ({ refusal }, translate) =>
      refusal === 'HL7_INVALID_MESSAGE'
        ? translate('status.invalid')
        : translate('status.error', { code: printable(refusal) })
  },
  {
    code: 'NAK',
    holds: ({ delivery }) => delivery.lastOutcome?.outcome === 'nak',
    fill: 'yellow',
    place: 11,
    text: ({ delivery }, translate) => translate('status.nak', { code: lastCode(delivery) })
  },
  {
    code: 'SENDING',
    holds: ({ delivery }) => delivery.inFlight > 0,
    fill: 'blue',
    place: 12,
    text: ({ delivery: { queued } }, translate) =>
      `${translate('status.sending')}${queued > 0 ? ` (${queued})` : ''}`
  },
  {
    code: 'ACK',
    holds: ({ delivery }) => delivery.lastOutcome?.outcome === 'ack',
    fill: 'green',
    place: 13,
    text: ({ delivery }, translate) => translate('status.ack', { code: lastCode(delivery) }).trim()
  }
]

/** If none of them holds. */
const IDLE: Condition = {
  code: 'IDLE',
  holds: () => true,
  fill: 'grey',
  place: 14,
  text: ({ delivery: { queued } }, translate) =>
    queued === 0 ? '' : translate('status.queued', { queued: String(queued) })
}

const CERTIFICATE_TEXTS: Record<CertificateOwner, Key<'forms'>> = {
  receiver: 'status.certificateReceiver',
  'token server': 'status.certificateTokenServer',
  client: 'status.certificateClient'
}

/** Every code with its dot, in the order in which the codes count. */
export const STATUS_DOTS: ReadonlyMap<StatusCode, Dot> = new Map([
  ['CONFIG', dot('red')],
  ...CONDITIONS.map(({ code, fill }): [StatusCode, Dot] => [code, dot(fill)]),
  ['IDLE', dot(IDLE.fill)]
])

/** Most characters of a text to which another is added that need not be there. */
const MOST_CHARACTERS = 40

/** The least time between two statuses, in milliseconds: each goes to every open editor. */
const MIN_INTERVAL_MS = 100

/** The line of text and the dot under a node. Changes in quick succession are shown as one. */
export class StatusLine {
  readonly #node: Node
  readonly #translate: Translate
  readonly #facts: () => StatusFacts
  #shown = ''
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  /** On the monotonic clock: a wall clock set back would delay the status for as long. */
  #lastShown = -Infinity

  constructor(node: Node, translate: Translate, facts: () => StatusFacts) {
    this.#node = node
    this.#translate = translate
    this.#facts = facts
  }

  /** The facts may have changed. */
  update(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    const wait = this.#lastShown + MIN_INTERVAL_MS - performance.now()
    if (wait <= 0) {
      this.#show()
      return
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#show()
    }, wait)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#node.status({})
  }

  #show(): void {
    this.#lastShown = performance.now()
    const status = statusOf(this.#facts(), this.#translate, Date.now())
    const shown = JSON.stringify(status)
    if (shown === this.#shown) return
    this.#shown = shown
    this.#node.status(status)
  }
}

/**
 * The status of a node whose settings cannot be used.
 *
 * @param unset environment variables without a value, of which it names the first
 */
export function misconfigured(translate: Translate, [name]: readonly string[] = []): CodedStatus {
  const text =
    name === undefined
      ? translate('status.config')
      : translate('status.configVariable', { name: printable(name, 40) })
  return { ...dot('red'), text, code: 'CONFIG', codes: ['CONFIG'] }
}

/** The status for some facts; a pure function of them. */
export function statusOf(facts: StatusFacts, translate: Translate, now: number): CodedStatus {
  const all = CONDITIONS.filter(({ holds }) => holds(facts))
  const first = all[0] ?? IDLE
  const texts = (all.length === 0 ? [IDLE] : [...all])
    .sort((a, b) => a.place - b.place)
    .map((condition) => ({ ...condition, said: condition.text(facts, translate, now) }))
  let text = texts[0]?.said ?? ''
  for (const { beside, said } of texts.slice(1)) {
    const longer = `${text} · ${said}`
    const fits = beside === 'always' || (beside !== undefined && longer.length <= MOST_CHARACTERS)
    // A message that failed is often followed by one that is retried for the same cause.
    if (fits && !text.startsWith(said)) text = longer
  }
  const codes = [...new Set(all.length === 0 ? [IDLE.code] : all.map(({ code }) => code))]
  const coded = { code: first.code, codes }
  if (text === '') return coded
  const fill = all.some((condition) => condition.fill === 'red') ? 'red' : first.fill
  return { ...dot(fill), text, ...coded }
}

/** Full while all is well. */
function dot(fill: Fill): Dot {
  return { fill, shape: fill === 'blue' || fill === 'green' ? 'dot' : 'ring' }
}

/** The code of an error that still holds; `''` for none. */
function failure({ delivery, refusal }: StatusFacts): string {
  return delivery.failing ?? (MESSAGE_FAULTS.has(refusal) ? '' : refusal)
}

function failureText(facts: StatusFacts, translate: Translate): string {
  return causeText(failure(facts), translate)
}

/** `45 s`, `31 min`, `2 h 5 min`, `9 d`: the signs are the same in every language. */
function duration(ms: number): string {
  const signs: TabText = (key, values) =>
    key === 'age.d' ? `${values?.['count']} d` : english('tab', key, values)
  return durationText(ms, signs)
}

/** Why an attempt failed: `HTTP 503`, `no ACK (200)`, `ECONNREFUSED`. */
function causeText(cause: string, translate: Translate): string {
  return printable(causeWords(cause, (status) => translate('status.noAck', { status })))
}

/** With the number of messages that wait or are on their way, if there are more than some. */
function counted(text: string, { queued, inFlight }: DeliveryState, some: number): string {
  const held = queued + inFlight
  return held > some ? `${text} (${held})` : text
}

function lastCode({ lastOutcome }: DeliveryState): string {
  return printable(lastOutcome?.code ?? '')
}
