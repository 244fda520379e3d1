import type { AlertCode } from '../../src/delivery/alerts.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import { pauseValues } from '../../src/delivery/reporter.ts'
import type { Stands } from '../../src/delivery/standing.ts'
import { ERROR_CODES } from '../../src/hl7/error-codes.ts'
import type { Refusing } from '../../src/queue/figures.ts'
import type { TokenStatus } from '../../src/oauth2/token-status.ts'
import type { Told } from '../../src/told.ts'
import type { EndingCertificate } from './certificate-watch.ts'
import { MESSAGE_FAULTS, type Full } from './not-accepted.ts'
import { verdictTold } from './verdict-told.ts'
import type { ConditionCode, Level } from '../../src/codes.ts'

/** Everything that conditions follow from. */
export interface ConditionFacts {
  delivery: DeliveryState
  stands: Stands
  /** Undefined if the receiver wants no token. */
  token: TokenStatus | undefined
  alerts: ReadonlySet<AlertCode>
  /** The code of the error with which the last message was not accepted, while it holds; `''` for none. */
  refusal: string
  /** A message was not accepted because the queue or its disk was full, and there is not much room yet. */
  full: Full | undefined
  /** The certificate that ends first, if it ends soon. */
  ending: EndingCertificate | undefined
  /** For how long nothing has come in, in seconds, if that is too long at this time; else undefined. */
  quietSeconds: number | undefined
  /** *Retrying* needs somebody after so many milliseconds. */
  alertAfterMs: number
  /** Wall clock, milliseconds. */
  now: number
}

/** A condition that holds. */
export interface Condition {
  code: ConditionCode
  level: Level
  /** Wall clock, milliseconds. */
  since: number
  /** What it is, in a sentence. */
  told: Told
}

interface Entry {
  code: Exclude<ConditionCode, 'CONFIG' | 'STOPPED' | 'IDLE'>
  holds: (facts: ConditionFacts) => boolean
  /** A function where it depends on how long it has held, in milliseconds. */
  level: Level | ((facts: ConditionFacts, heldMs: number) => Level)
  /** Where it is known better than by watching. */
  since?: (facts: ConditionFacts) => number | undefined
  told: (facts: ConditionFacts) => Told
}

/** A type that is refused for so long needs somebody, in milliseconds. */
const REFUSING_MS = 15 * 60_000

/**
 * All conditions, in the order in which they are told of each level. Codes of a status stand in the same order; those
 * that are never the `code` are in `BESIDE`. What needs a person, the order of nodes, heading, badge, advice, alerts and
 * figures follow from this list and are decided nowhere else.
 */
const ENTRIES: readonly Entry[] = [
  {
    code: 'ERROR',
    holds: (facts) => failureCode(facts) !== '',
    level: 'call',
    told: (facts) => ({ kind: 'error', values: { cause: failureCode(facts) } })
  },
  {
    code: 'FULL',
    holds: ({ full }) => full !== undefined,
    level: 'call',
    told: () => ({ kind: 'full', values: {} })
  },
  {
    code: 'GIVEN_UP',
    holds: ({ stands }) => stands.givenUp !== undefined,
    level: 'call',
    since: ({ stands }) => stands.givenUp?.since,
    told: ({ stands }) => ({ kind: 'given-up', values: { count: stands.givenUp?.count ?? 0 } })
  },
  {
    code: 'QUEUE_WAIT',
    holds: ({ alerts }) => alerts.has('QUEUE_WAIT'),
    level: 'call',
    told: ({ delivery }) => {
      return { kind: 'queue-wait', values: { seconds: seconds(delivery.longestWaitMs) } }
    }
  },
  {
    code: 'QUEUE_COUNT',
    holds: ({ alerts }) => alerts.has('QUEUE_COUNT'),
    level: 'watch',
    told: ({ delivery }) => ({ kind: 'queue-count', values: { count: delivery.queued } })
  },
  {
    code: 'SUSPENDED',
    holds: ({ delivery }) => delivery.suspended > 0,
    level: 'call',
    told: ({ delivery }) =>
      delivery.suspendedFor === null
        ? { kind: 'ok', values: {} }
        : verdictTold(delivery.suspendedFor)
  },
  {
    code: 'PAUSED',
    holds: ({ delivery }) => delivery.paused !== null,
    level: ({ delivery }) => (delivery.paused?.until === undefined ? 'call' : 'watch'),
    since: ({ delivery }) => delivery.paused?.at || undefined,
    told: ({ delivery }) => {
      const { paused } = delivery
      return paused === null
        ? { kind: 'ok', values: {} }
        : { kind: 'paused', values: { by: paused.by, ...pauseValues(paused) } }
    }
  },
  {
    code: 'TOKEN',
    holds: ({ delivery, token }) => isTokenMissing(token, delivery),
    level: 'call',
    told: ({ token }) => ({ kind: 'no-token', values: { cause: troubleOf(token) } })
  },
  {
    code: 'TOKEN',
    holds: ({ token }) => token?.state === 'refresh failing',
    level: 'call',
    told: ({ token }) => ({ kind: 'token-failing', values: { cause: troubleOf(token) } })
  },
  {
    code: 'QUIET',
    holds: ({ quietSeconds }) => quietSeconds !== undefined,
    level: 'call',
    since: ({ stands }) => stands.lastInAt,
    told: ({ quietSeconds = 0 }) => ({ kind: 'quiet', values: { seconds: quietSeconds } })
  },
  {
    code: 'CERTIFICATE',
    holds: ({ ending }) => ending !== undefined,
    level: 'watch',
    told: ({ ending }) => {
      return { kind: 'certificate', values: { of: ending?.of ?? '', days: ending?.daysLeft ?? 0 } }
    }
  },
  {
    code: 'BACKUP',
    holds: ({ delivery }) => delivery.backup !== null,
    level: 'watch',
    since: ({ delivery }) => delivery.backup?.since || undefined,
    told: ({ delivery }) => ({ kind: 'on-backup', values: { host: delivery.backup?.host ?? '' } })
  },
  {
    code: 'RETRYING',
    holds: ({ delivery }) => delivery.retry !== null,
    level: ({ alertAfterMs }, heldMs) => (heldMs >= alertAfterMs ? 'call' : 'watch'),
    told: ({ delivery: { retry } }) => {
      const { attempts = 0, cause = '', waitMs = 0 } = retry ?? {}
      const values = { cause, attempt: attempts + 1, seconds: Math.ceil(waitMs / 1000) }
      return { kind: 'retrying', values }
    }
  },
  {
    code: 'REFUSING',
    holds: ({ stands }) => stands.refusing.length > 0,
    level: (_facts, heldMs) => (heldMs >= REFUSING_MS ? 'call' : 'watch'),
    since: ({ stands }) => stands.refusing[0]?.since,
    told: ({ stands }) => ({ kind: 'refusing', values: refusingValues(stands) })
  },
  {
    code: 'INVALID',
    holds: ({ refusal }) => MESSAGE_FAULTS.has(refusal),
    level: 'watch',
    told: ({ refusal }) => ({ kind: 'invalid', values: { cause: refusal } })
  },
  {
    code: 'NAK',
    holds: ({ delivery }) => delivery.lastOutcome?.outcome === 'nak',
    level: 'watch',
    told: ({ delivery }) => ({ kind: 'nak', values: { answer: delivery.lastOutcome?.code ?? '' } })
  },
  {
    code: 'SENDING',
    holds: ({ delivery }) => delivery.inFlight > 0,
    level: 'fine',
    told: ({ delivery }) => ({ kind: 'sending', values: { count: delivery.queued } })
  },
  {
    code: 'ACK',
    holds: ({ delivery }) => delivery.lastOutcome?.outcome === 'ack',
    level: 'fine',
    told: ({ delivery }) => ({ kind: 'ack', values: { answer: delivery.lastOutcome?.code ?? '' } })
  }
]

/** These are expected of a node that somebody has paused until a time. */
const SILENT_MEANWHILE: ReadonlySet<ConditionCode> = new Set<ConditionCode>([
  'QUEUE_WAIT',
  'QUEUE_COUNT',
  'RETRYING',
  'QUIET'
])

/** Conditions that are never the `code` of a status: flows that were made before go on as they did. */
export const BESIDE: ReadonlySet<ConditionCode> = new Set<ConditionCode>([
  'FULL',
  'GIVEN_UP',
  'QUIET',
  'REFUSING'
])

/** Every code of a deployed node, in order. */
export const CONDITION_CODES: readonly ConditionCode[] = [
  'CONFIG',
  ...new Set(ENTRIES.map(({ code }) => code)),
  'IDLE',
  'STOPPED'
]

/** The levels that a code can have. */
export function levelsOf(code: ConditionCode): readonly Level[] {
  if (code === 'CONFIG' || code === 'STOPPED') return ['call']
  const entry = ENTRIES.find((one) => one.code === code)
  if (entry === undefined) return ['fine']
  return typeof entry.level === 'string' ? [entry.level] : ['call', 'watch']
}

const RANK: Readonly<Record<Level, number>> = { call: 0, watch: 1, fine: 2 }

/**
 * The conditions that hold, the most urgent first; never empty.
 *
 * @param since since when a code has held, by what was seen so far
 */
export function conditionsOf(
  facts: ConditionFacts,
  since: (code: ConditionCode) => number
): Condition[] {
  const held: Condition[] = []
  const isExpected = facts.delivery.paused?.until !== undefined
  for (const { code, holds, level, since: known, told } of ENTRIES) {
    if (isExpected && SILENT_MEANWHILE.has(code)) continue
    if (!holds(facts) || held.some((one) => one.code === code)) continue
    const from = known?.(facts) ?? since(code)
    held.push({
      code,
      level: typeof level === 'string' ? level : level(facts, facts.now - from),
      since: from,
      told: told(facts)
    })
  }
  if (held.length === 0) {
    const told: Told = { kind: 'idle', values: { count: facts.delivery.queued } }
    held.push({ code: 'IDLE', level: 'fine', since: since('IDLE'), told })
  }
  return held.sort((a, b) => RANK[a.level] - RANK[b.level])
}

/** What comes first of two nodes, by their most urgent conditions. */
export function byUrgency(a: Pick<Condition, 'code' | 'level'>, b: typeof a): number {
  const place = ({ code }: typeof a): number => CONDITION_CODES.indexOf(code)
  return RANK[a.level] - RANK[b.level] || place(a) - place(b)
}

/** The code of an error that still holds; `''` for none. */
export function failureCode({ delivery, refusal }: ConditionFacts): string {
  return delivery.failing ?? (MESSAGE_FAULTS.has(refusal) ? '' : refusal)
}

/**
 * A message waits for a token, or the token server refuses: without a message that needs one, the next request may well
 * succeed where it was only away.
 */
function isTokenMissing(token: TokenStatus | undefined, { state }: DeliveryState): boolean {
  return token?.state === 'none' && (state !== 'idle' || token.permanent)
}

function troubleOf(token: TokenStatus | undefined): string {
  return token !== undefined && 'code' in token ? token.code : ''
}

/** Of the type that has been refused longest; how many types are refused besides. */
export function refusingValues({ refusing }: Stands): Told['values'] {
  const [first, ...others] = refusing
  if (first === undefined) return {}
  const { count, error, type } = first
  return { type, count, answer: answerOf(first), error, others: others.length }
}

/** `AE 103 Table value not found`: in codes, and the words that the standard has for them. */
export function answerOf({ ackCode, error }: Refusing): string {
  return [ackCode, error, ERROR_CODES.get(error)].filter(Boolean).join(' ')
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
