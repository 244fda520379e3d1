import type { Node, NodeStatus } from 'node-red'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import { english, type Key } from '../../src/english.ts'
import { printable } from '../../src/printable.ts'
import { causeSaid, durationText, type TabText } from '../../src/told.ts'
import {
  BESIDE,
  CONDITION_CODES,
  failureCode,
  type Condition,
  type ConditionFacts
} from './conditions.ts'
import type { CertificateOwner, ConditionCode } from '../../src/codes.ts'

/** Looks a text up in the language of the runtime. */
export type Translate = (key: Key<'forms'>, values?: Record<string, string>) => string

/** The mark before the text of a status. */
interface Dot {
  fill: Fill
  shape: 'dot' | 'ring'
}

/** A status as this node shows it. */
export interface CodedStatus extends NodeStatus {
  /** By this name a Status node tells one status from another: the first of `codes` that is none of `BESIDE`. */
  code: ConditionCode
  /** All that hold, in the order of `CONDITION_CODES`; behind those of `BESIDE` alone, `IDLE`. */
  codes: ConditionCode[]
}

type Fill = 'red' | 'yellow' | 'blue' | 'green' | 'grey'

/** How a condition shows below a node. */
interface Look {
  fill: Fill
  /** Of those that hold, the text of the lowest rank comes first: what keeps messages from leaving. */
  rank: number
  text: (facts: ConditionFacts, translate: Translate) => string
  /** Whether it is said behind another text: in any case, or if there is room. */
  beside?: 'always' | 'if it fits'
}

/**
 * The worst color wins. The order of the texts is another one than that of the codes: the person who is called wants to
 * know the cause of what is happening now, then what waits for a person, and last what is past.
 */
const LOOKS: Readonly<Record<Exclude<ConditionCode, 'CONFIG' | 'STOPPED'>, Look>> = {
  PAUSED: {
    fill: 'red',
    rank: 1,
    text: ({ delivery }, translate) =>
      translate('status.paused', { queued: String(delivery.queued) })
  },
  TOKEN: { fill: 'yellow', rank: 2, text: tokenText },
  RETRYING: {
    fill: 'yellow',
    rank: 3,
    text: ({ delivery }, translate) => {
      const { cause = '', attempts = 0 } = delivery.retry ?? {}
      const values = { cause: causeText(cause, translate), attempt: String(attempts + 1) }
      return counted(translate('status.retrying', values), delivery, 1)
    }
  },
  ERROR: {
    fill: 'red',
    rank: 4,
    text: (facts, translate) =>
      translate('status.error', { code: causeText(failureCode(facts), translate) }),
    beside: 'always'
  },
  SUSPENDED: {
    fill: 'yellow',
    rank: 5,
    text: ({ delivery }, translate) =>
      translate('status.suspended', { suspended: String(delivery.suspended) }),
    beside: 'always'
  },
  FULL: { fill: 'red', rank: 6, text: (_facts, translate) => translate('status.full') },
  QUEUE_WAIT: {
    fill: 'yellow',
    rank: 7,
    text: ({ delivery }, translate) =>
      translate('status.queueWait', { wait: duration(delivery.longestWaitMs) }),
    beside: 'if it fits'
  },
  QUEUE_COUNT: {
    fill: 'yellow',
    rank: 8,
    text: ({ delivery }, translate) =>
      translate('status.queueCount', { queued: String(delivery.queued) })
  },
  QUIET: {
    fill: 'yellow',
    rank: 9,
    text: ({ quietSeconds = 0 }, translate) =>
      translate('status.quiet', { time: duration(quietSeconds * 1000) }),
    beside: 'if it fits'
  },
  GIVEN_UP: {
    fill: 'yellow',
    rank: 10,
    text: ({ stands }, translate) =>
      translate('status.givenUp', { count: String(stands.givenUp?.count ?? 0) })
  },
  REFUSING: {
    fill: 'yellow',
    rank: 11,
    text: ({ stands }, translate) =>
      translate('status.refusing', { type: printable(stands.refusing[0]?.type ?? '', 12) }),
    beside: 'if it fits'
  },
  BACKUP: {
    fill: 'yellow',
    rank: 12,
    text: (_facts, translate) => translate('status.backup'),
    beside: 'if it fits'
  },
  CERTIFICATE: {
    fill: 'yellow',
    rank: 13,
    text: ({ ending }, translate) =>
      ending === undefined
        ? ''
        : translate(CERTIFICATE_TEXTS[ending.of], { days: String(Math.max(0, ending.daysLeft)) }),
    beside: 'if it fits'
  },
  INVALID: {
    fill: 'yellow',
    rank: 14,
    text: ({ refusal }, translate) =>
      refusal === 'HL7_INVALID_MESSAGE'
        ? translate('status.invalid')
        : translate('status.error', { code: printable(refusal) })
  },
  NAK: {
    fill: 'yellow',
    rank: 15,
    text: ({ delivery }, translate) => translate('status.nak', { code: lastCode(delivery) })
  },
  SENDING: {
    fill: 'blue',
    rank: 16,
    text: ({ delivery: { queued } }, translate) =>
      `${translate('status.sending')}${queued > 0 ? ` (${queued})` : ''}`
  },
  ACK: {
    fill: 'green',
    rank: 17,
    text: ({ delivery }, translate) => translate('status.ack', { code: lastCode(delivery) }).trim()
  },
  IDLE: {
    fill: 'grey',
    rank: 18,
    text: ({ delivery: { queued } }, translate) =>
      queued === 0 ? '' : translate('status.queued', { queued: String(queued) })
  }
}

/** A token that cannot be renewed is still good, and is said behind what keeps messages from leaving. */
const RENEWAL_LOOK: Look = { fill: 'yellow', rank: 12, text: tokenText, beside: 'if it fits' }

const CERTIFICATE_TEXTS: Record<CertificateOwner, Key<'forms'>> = {
  receiver: 'status.certificateReceiver',
  'token server': 'status.certificateTokenServer',
  backup: 'status.certificateBackup',
  client: 'status.certificateClient'
}

/** Every code of a status with its dot, in the order in which the codes count. */
export const STATUS_DOTS: ReadonlyMap<ConditionCode, Dot> = new Map(
  CONDITION_CODES.flatMap((code): [ConditionCode, Dot][] => {
    if (code === 'STOPPED') return []
    return [[code, dot(code === 'CONFIG' ? 'red' : LOOKS[code].fill)]]
  })
)

/** Most characters of a text to which another is added that need not be there. */
const MOST_CHARACTERS = 40

/** The least time between two statuses, in milliseconds: each goes to every open editor. */
const MIN_INTERVAL_MS = 100

/** The line of text and the dot under a node. Changes in quick succession are shown as one. */
export class StatusLine {
  readonly #node: Node
  readonly #read: () => CodedStatus
  #shown = ''
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  /** On the monotonic clock: a wall clock set back would delay the status for as long. */
  #lastShown = -Infinity

  /** @param read the present status */
  constructor(node: Node, read: () => CodedStatus) {
    this.#node = node
    this.#read = read
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
    const status = this.#read()
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

/** The status for the conditions that hold; a pure function of its arguments. */
export function nodeStatus(
  conditions: readonly Pick<Condition, 'code'>[],
  facts: ConditionFacts,
  translate: Translate
): CodedStatus {
  const held = CONDITION_CODES.filter((code) => conditions.some((one) => one.code === code))
  const code = held.find((one) => !BESIDE.has(one)) ?? 'IDLE'
  const codes = held.includes(code) ? held : [...held, code]
  const looks = held.flatMap((one) => lookOf(one, facts) ?? [])
  const fill = looks.some((look) => look.fill === 'red') ? 'red' : (looks[0]?.fill ?? 'grey')
  const [first, ...others] = [...looks]
    .sort((a, b) => a.rank - b.rank)
    .map((look) => ({ ...look, said: look.text(facts, translate) }))
  let text = first?.said ?? ''
  for (const { beside, said } of others) {
    const longer = `${text} · ${said}`
    const fits = beside === 'always' || (beside !== undefined && longer.length <= MOST_CHARACTERS)
    // A message that failed is often followed by one that is retried for the same cause.
    if (fits && !text.startsWith(said)) text = longer
  }
  if (text === '') return { code, codes }
  return { ...dot(fill), text, code, codes }
}

function lookOf(code: ConditionCode, { token }: ConditionFacts): Look | undefined {
  if (code === 'CONFIG' || code === 'STOPPED') return undefined
  return code === 'TOKEN' && token?.state === 'refresh failing' ? RENEWAL_LOOK : LOOKS[code]
}

/** Full while all is well. */
function dot(fill: Fill): Dot {
  return { fill, shape: fill === 'blue' || fill === 'green' ? 'dot' : 'ring' }
}

/** `45 s`, `31 min`, `2 h 5 min`, `9 d`: the signs are the same in every language. */
function duration(ms: number): string {
  const signs: TabText = (key, values) =>
    key === 'age.d' ? `${values?.['count']} d` : english('tab', key, values)
  return durationText(ms, signs)
}

/** Why an attempt failed: `HTTP 503`, `no ACK (200)`, `ECONNREFUSED`. */
function causeText(cause: string, translate: Translate): string {
  return printable(causeSaid(cause, (status) => translate('status.noAck', { status })))
}

/** With the number of messages that wait or are on their way, if there are more than some. */
function counted(text: string, { queued, inFlight }: DeliveryState, some: number): string {
  const held = queued + inFlight
  return held > some ? `${text} (${held})` : text
}

function lastCode({ lastOutcome }: DeliveryState): string {
  return printable(lastOutcome?.code ?? '')
}

function tokenText({ delivery, now, token }: ConditionFacts, translate: Translate): string {
  if (token?.state === 'refresh failing') {
    const time = duration(token.validUntil - now)
    return translate('status.tokenFailing', { code: printable(token.code), time })
  }
  const code = token?.state === 'none' ? printable(token.code) : ''
  return counted(translate('status.noToken', { code }), delivery, 1)
}
