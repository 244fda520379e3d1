import type { ConditionCode, Level } from '../../src/codes.ts'
import type { DeliveryState } from '../../src/delivery/delivery-state.ts'
import type { Stands } from '../../src/delivery/standing.ts'
import type { Key } from '../../src/english.ts'
import { pauseValues } from '../../src/delivery/reporter.ts'
import { ERROR_CODES } from '../../src/hl7/error-codes.ts'
import type { TokenStatus } from '../../src/oauth2/token-status.ts'
import { printable } from '../../src/printable.ts'
import type { Refusing } from '../../src/queue/figures.ts'
import type { Told } from '../../src/told.ts'
import type { FlowsStopped } from '../settings/flows-state.ts'
import { configTold, isOfCredentials } from '../settings/node-errors.ts'
import {
  adviceAtRest,
  diskSilent,
  ended,
  givenUp,
  nakUnwired,
  isBothOut,
  isDiskSilent,
  onBackup,
  pastError,
  paused,
  queueFault,
  repeatTurnedAway,
  retryTrouble,
  suspension,
  tokenFailing,
  tokenTrouble,
  type Advise
} from './advice.ts'
import type { ConditionFacts } from './condition-facts.ts'
import { MESSAGE_FAULTS } from './not-accepted.ts'
import {
  causeText,
  CERTIFICATE_TEXTS,
  counted,
  duration,
  lastCode,
  type Translate
} from './status-texts.ts'
import { turnedAwayTold, type TurnedAwayNow } from './turned-away.ts'
import { verdictTold } from './verdict-told.ts'

/** Everything that is decided about a condition of a node that runs. */
export interface Row {
  code: ConditionCode
  /** A function where it depends on how long it has held, in milliseconds. */
  level: Level | ((facts: ConditionFacts, heldMs: number) => Level)
  /** Of a code that earlier flows do not know: it is never the `code` of a status, see `BESIDE`. */
  isOnlyInCodes?: true
  /** It is expected, and not said, of a node that somebody has paused until a time. */
  isExpectedInPause?: true
  /** It is told behind the others of its level, for as long as this says so. */
  isToldLast?: (facts: ConditionFacts) => boolean
  /** @param above so many of the rows above hold */
  holds: (facts: ConditionFacts, above: number) => boolean
  /** Where it is known better than by watching. */
  since?: (facts: ConditionFacts) => number | undefined
  told: (facts: ConditionFacts) => Told
  look: Look
  /** Not taken if something keeps messages from leaving: see `adviceOf`. */
  advice?: Advise
  shown: Shown
}

/** How a condition shows below a node. Of several that hold, the worst color wins. */
interface Look {
  fill: Fill
  /**
   * The text of the lowest rank comes first: the person who is called wants to know the cause of what is happening now,
   * then what waits for a person, and last what is past.
   */
  rank: number
  text: (facts: ConditionFacts, translate: Translate) => string
  /** Whether it is said behind another text: in any case, or if there is room. */
  beside?: 'always' | 'if it fits'
}

export type Fill = 'red' | 'yellow' | 'blue' | 'green' | 'grey'

/**
 * As what page and tab show a node of which this is the most urgent condition: by the condition's own word, a key in
 * `sidebar.json`, or by what the node does, which its `state` says. They look for `state.CODE` there, since
 * scripts for the browser have nothing of this table.
 */
type Shown = Extract<Key<'tab'>, `state.${ConditionCode}` | `token.${string}`> | 'what it does'

/** Somebody is needed if a login, an address, a certificate or a token is refused for so long, in milliseconds. */
const REFUSED_MS = 60_000
/** So long after Node-RED has ended unexpectedly it may well do so again, in milliseconds. */
const ENDED_AGAIN_MS = 60 * 60_000
/** The same of refused messages. */
const REFUSING_MS = 15 * 60_000

/**
 * All conditions of a node that runs, in the order in which they are told of each level, and in which its `codes` stand.
 * What needs a person, the order of nodes, heading, badge, alerts and figures follow from this list, too.
 */
export const ROWS: readonly Row[] = [
  {
    code: 'ERROR',
    level: 'call',
    holds: (facts) => failureCode(facts) !== '',
    told: (facts) => ({ kind: 'error', values: { cause: failureCode(facts) } }),
    look: {
      fill: 'red',
      rank: 4,
      text: (facts, translate) =>
        translate('status.error', { code: causeText(failureCode(facts), translate) }),
      beside: 'always'
    },
    advice: (facts) => (facts.stands.givenUp === undefined ? pastError(facts) : givenUp(facts)),
    shown: 'what it does'
  },
  {
    // What hangs in it is not known to have failed: nothing is refused, and nothing goes on.
    code: 'DISK',
    level: 'call',
    isOnlyInCodes: true,
    holds: isDiskSilent,
    since: ({ delivery, now }) => now - delivery.diskSilentMs,
    told: ({ delivery }) => ({
      kind: 'disk',
      values: { seconds: seconds(delivery.diskSilentMs) }
    }),
    look: {
      fill: 'red',
      rank: 0,
      text: ({ delivery }, translate) =>
        translate('status.disk', { time: duration(delivery.diskSilentMs) })
    },
    advice: diskSilent,
    shown: 'state.DISK'
  },
  {
    code: 'ENDED',
    // Every node of this Node-RED tells it; one that had no message is neither the cause nor the victim.
    level: ({ now, stands: { ended: { held = 0, until = 0 } = {} } }) =>
      held > 0 && now - until < ENDED_AGAIN_MS ? 'call' : 'watch',
    isOnlyInCodes: true,
    // Once may be a power failure, or a container that was removed: an event says so.
    holds: ({ stands }) => (stands.ended?.count ?? 0) > 1,
    since: ({ stands }) => stands.ended?.since,
    told: ({ stands }) => ({ kind: 'ended', values: { count: stands.ended?.count ?? 0 } }),
    look: {
      fill: 'yellow',
      rank: 6,
      text: ({ stands }, translate) =>
        translate('status.ended', { count: String(stands.ended?.count ?? 0) }),
      beside: 'if it fits'
    },
    advice: ended,
    shown: 'state.ENDED'
  },
  {
    code: 'TURNED_AWAY',
    level: ({ turnedAway }) => turnedAwayLevel(turnedAway),
    isOnlyInCodes: true,
    holds: ({ turnedAway }) => turnedAway !== undefined,
    since: ({ turnedAway }) => turnedAway?.since,
    told: ({ turnedAway }) => turnedAwayTold(turnedAway),
    look: {
      fill: 'yellow',
      rank: 6,
      text: ({ turnedAway }, translate) =>
        translate('status.turnedAway', { count: String(turnedAway?.count ?? 0) }),
      beside: 'if it fits'
    },
    advice: (facts) => queueFault(facts) ?? repeatTurnedAway(facts),
    shown: 'state.TURNED_AWAY'
  },
  {
    code: 'GIVEN_UP',
    level: 'call',
    isOnlyInCodes: true,
    holds: ({ stands }) => stands.givenUp !== undefined,
    since: ({ stands }) => stands.givenUp?.since,
    told: ({ stands }) => ({ kind: 'given-up', values: { count: stands.givenUp?.count ?? 0 } }),
    look: {
      fill: 'yellow',
      rank: 10,
      text: ({ stands }, translate) =>
        translate('status.givenUp', { count: String(stands.givenUp?.count ?? 0) })
    },
    advice: givenUp,
    shown: 'state.GIVEN_UP'
  },
  {
    code: 'QUEUE_WAIT',
    level: 'watch',
    isExpectedInPause: true,
    holds: ({ alerts }) => alerts.has('QUEUE_WAIT'),
    told: ({ delivery }) => {
      return { kind: 'queue-wait', values: { seconds: seconds(delivery.longestWaitMs) } }
    },
    look: {
      fill: 'yellow',
      rank: 7,
      text: ({ delivery }, translate) =>
        translate('status.queueWait', { wait: duration(delivery.longestWaitMs) }),
      beside: 'if it fits'
    },
    advice: ({ delivery }) => ['advice-queue-wait', { seconds: seconds(delivery.longestWaitMs) }],
    shown: 'state.QUEUE_WAIT'
  },
  {
    code: 'QUEUE_COUNT',
    level: 'watch',
    isExpectedInPause: true,
    holds: ({ alerts }) => alerts.has('QUEUE_COUNT'),
    told: ({ delivery }) => ({ kind: 'queue-count', values: { count: delivery.queued } }),
    look: {
      fill: 'yellow',
      rank: 8,
      text: ({ delivery }, translate) =>
        translate('status.queueCount', { queued: String(delivery.queued) })
    },
    advice: () => ['advice-queue-count'],
    shown: 'state.QUEUE_COUNT'
  },
  {
    code: 'SUSPENDED',
    level: (_facts, heldMs) => callAfter(heldMs, REFUSING_MS),
    holds: ({ delivery }) => delivery.suspended > 0,
    told: ({ delivery }) =>
      delivery.suspendedFor === null
        ? { kind: 'ok', values: {} }
        : verdictTold(delivery.suspendedFor),
    look: {
      fill: 'yellow',
      rank: 5,
      text: ({ delivery }, translate) =>
        translate('status.suspended', { suspended: String(delivery.suspended) }),
      beside: 'always'
    },
    advice: suspension,
    shown: 'state.SUSPENDED'
  },
  {
    code: 'PAUSED',
    level: ({ delivery }) => (delivery.paused?.until === undefined ? 'call' : 'watch'),
    holds: ({ delivery }) => delivery.paused !== null,
    since: ({ delivery }) => delivery.paused?.at || undefined,
    told: ({ delivery }) =>
      delivery.paused === null
        ? { kind: 'ok', values: {} }
        : {
            kind: 'paused',
            values: { by: delivery.paused.by, ...pauseValues(delivery.paused) }
          },
    look: {
      fill: 'red',
      rank: 1,
      text: ({ delivery }, translate) =>
        translate('status.paused', { queued: String(delivery.queued) })
    },
    advice: paused,
    shown: 'what it does'
  },
  {
    // There is none, and messages wait, or would.
    code: 'TOKEN',
    level: (facts) => lastingLevel(facts, facts.lasting.tokenRefusedMs),
    holds: isTokenMissing,
    told: ({ token }) => ({ kind: 'no-token', values: { cause: troubleOf(token) } }),
    look: {
      fill: 'yellow',
      rank: 2,
      text: ({ delivery, token }, translate) =>
        counted(translate('status.noToken', { code: printable(troubleOf(token)) }), delivery)
    },
    advice: tokenTrouble,
    shown: 'token.none'
  },
  {
    // The one there is is still good, but cannot be renewed.
    code: 'TOKEN',
    level: ({ lasting }) => callAfter(lasting.tokenRefusedMs, REFUSED_MS),
    holds: ({ token }) => token?.state === 'refresh failing',
    told: ({ token }) => ({ kind: 'token-failing', values: { cause: troubleOf(token) } }),
    look: {
      fill: 'yellow',
      rank: 12,
      text: ({ now, token }, translate) => {
        const validMs = token?.state === 'refresh failing' ? token.validUntil - now : 0
        const values = { code: printable(troubleOf(token)), time: duration(validMs) }
        return translate('status.tokenFailing', values)
      },
      beside: 'if it fits'
    },
    advice: tokenFailing,
    shown: 'token.failing'
  },
  {
    code: 'QUIET',
    level: 'call',
    isOnlyInCodes: true,
    isExpectedInPause: true,
    holds: ({ quietSeconds }) => quietSeconds !== undefined,
    since: ({ stands }) => stands.lastInAt,
    told: ({ quietSeconds = 0 }) => ({ kind: 'quiet', values: { seconds: quietSeconds } }),
    look: {
      fill: 'yellow',
      rank: 9,
      text: ({ quietSeconds = 0 }, translate) =>
        translate('status.quiet', { time: duration(quietSeconds * 1000) }),
      beside: 'if it fits'
    },
    advice: ({ quietSeconds = 0 }) => ['advice-quiet', { seconds: quietSeconds }],
    shown: 'state.QUIET'
  },
  {
    code: 'CERTIFICATE',
    level: ({ ending }) => ending?.level ?? 'watch',
    holds: ({ ending }) => ending !== undefined,
    told: ({ ending }) => {
      return { kind: 'certificate', values: { of: ending?.of ?? '', days: ending?.daysLeft ?? 0 } }
    },
    look: {
      fill: 'yellow',
      rank: 13,
      text: ({ ending }, translate) =>
        ending === undefined
          ? ''
          : translate(CERTIFICATE_TEXTS[ending.of], { days: String(Math.max(0, ending.daysLeft)) }),
      beside: 'if it fits'
    },
    advice: ({ ending }) =>
      ending && ['advice-certificate', { of: ending.of, days: ending.daysLeft }],
    shown: 'state.CERTIFICATE'
  },
  {
    code: 'BACKUP',
    level: 'watch',
    holds: ({ delivery }) => delivery.backup !== null,
    since: ({ delivery }) => delivery.backup?.since || undefined,
    told: (facts) => ({
      kind: isBothOut(facts) ? 'both-out' : 'on-backup',
      values: { host: facts.delivery.backup?.host ?? '' }
    }),
    // Nothing goes there: that messages are retried says more.
    isToldLast: isBothOut,
    look: {
      fill: 'yellow',
      rank: 12,
      text: (_facts, translate) => translate('status.backup'),
      beside: 'if it fits'
    },
    advice: onBackup,
    shown: 'state.BACKUP'
  },
  {
    code: 'RETRYING',
    level: (facts) => lastingLevel(facts, facts.lasting.refusedMs),
    isExpectedInPause: true,
    holds: ({ delivery }) => delivery.retry !== null,
    told: ({ delivery: { retry } }) => {
      const { attempts = 0, cause = '', waitMs = 0 } = retry ?? {}
      const values = { cause, attempt: attempts + 1, seconds: Math.ceil(waitMs / 1000) }
      return { kind: 'retrying', values }
    },
    look: {
      fill: 'yellow',
      rank: 3,
      text: ({ delivery }, translate) => {
        const { cause = '', attempts = 0 } = delivery.retry ?? {}
        const values = { cause: causeText(cause, translate), attempt: String(attempts + 1) }
        return counted(translate('status.retrying', values), delivery)
      }
    },
    advice: retryTrouble,
    shown: 'what it does'
  },
  {
    code: 'REFUSING',
    level: ({ stands }, heldMs) => (isOfAll(stands) ? 'call' : callAfter(heldMs, REFUSING_MS)),
    isOnlyInCodes: true,
    holds: ({ stands }) => stands.refusing.length > 0,
    since: ({ stands }) => stands.refusing[0]?.since,
    told: ({ stands }) => ({
      kind: isOfAll(stands) ? 'refusing-all' : 'refusing',
      values: refusingValues(stands)
    }),
    look: {
      fill: 'yellow',
      rank: 11,
      text: ({ stands }, translate) =>
        translate('status.refusing', {
          type: isOfAll(stands)
            ? String(refusingValues(stands)['answer'])
            : printable(stands.refusing[0]?.type ?? '', 12)
        }),
      beside: 'if it fits'
    },
    advice: ({ contentDays, isNakWired, stands }) => [
      isOfAll(stands) ? 'advice-refusing-all' : 'advice-refusing',
      { ...refusingValues(stands), kept: contentDays, ...(!isNakWired && { unwired: 'yes' }) }
    ],
    shown: 'state.REFUSING'
  },
  {
    code: 'INVALID',
    level: 'watch',
    holds: ({ refusal }) => MESSAGE_FAULTS.has(refusal),
    told: ({ refusal }) => ({ kind: 'invalid', values: { cause: refusal } }),
    look: {
      fill: 'yellow',
      rank: 14,
      text: ({ refusal }, translate) =>
        refusal === 'HL7_INVALID_MESSAGE'
          ? translate('status.invalid')
          : translate('status.error', { code: printable(refusal) })
    },
    shown: 'state.INVALID'
  },
  {
    code: 'NAK',
    level: 'watch',
    holds: ({ delivery }) => delivery.lastOutcome?.outcome === 'nak',
    told: ({ delivery }) => ({ kind: 'nak', values: { answer: delivery.lastOutcome?.code ?? '' } }),
    look: {
      fill: 'yellow',
      rank: 15,
      text: ({ delivery }, translate) => translate('status.nak', { code: lastCode(delivery) })
    },
    advice: (facts) =>
      facts.delivery.lastOutcome?.outcome === 'nak' ? nakUnwired(facts) : undefined,
    shown: 'state.NAK'
  },
  {
    code: 'SENDING',
    level: 'fine',
    holds: ({ delivery }) => delivery.inFlight > 0,
    told: ({ delivery }) => ({ kind: 'sending', values: { count: delivery.queued } }),
    look: {
      fill: 'blue',
      rank: 16,
      text: ({ delivery: { queued } }, translate) =>
        `${translate('status.sending')}${queued > 0 ? ` (${queued})` : ''}`
    },
    shown: 'what it does'
  },
  {
    code: 'ACK',
    level: 'fine',
    holds: ({ delivery }) => delivery.lastOutcome?.outcome === 'ack',
    told: ({ delivery }) => ({ kind: 'ack', values: { answer: delivery.lastOutcome?.code ?? '' } }),
    look: {
      fill: 'green',
      rank: 17,
      text: ({ delivery }, translate) =>
        translate('status.ack', { code: lastCode(delivery) }).trim()
    },
    shown: 'what it does'
  },
  {
    code: 'IDLE',
    level: 'fine',
    holds: (_facts, above) => above === 0,
    told: ({ delivery }) => ({ kind: 'idle', values: { count: delivery.queued } }),
    look: {
      fill: 'grey',
      rank: 18,
      text: ({ delivery: { queued } }, translate) =>
        queued === 0 ? '' : translate('status.queued', { queued: String(queued) })
    },
    shown: 'what it does'
  }
]

/** A node whose settings cannot be used: it does not run, and there are no facts. */
export const CONFIG = {
  code: 'CONFIG',
  /** @param isUsed messages come in, or wait */
  level: (isUsed: boolean): Level => (isUsed ? 'call' : 'watch'),
  told: configTold,
  look: {
    fill: 'red',
    /** @param unset environment variables without a value, of which it names the first */
    text: ([name]: readonly string[], translate: Translate): string =>
      name === undefined
        ? translate('status.config')
        : translate('status.configVariable', { name: printable(name, 40) })
  },
  advice: (problems: readonly string[], waiting: number): Told =>
    problems.some(isOfCredentials)
      ? adviceAtRest('advice-credentials', waiting, { giveUpSeconds: 0 })
      : adviceAtRest('advice-config', waiting, configTold(problems).values),
  shown: 'what it does'
} as const

/** A queue file with messages whose node is disabled or deleted, or a node whose flows are stopped: nothing shows below it. */
export const STOPPED = {
  code: 'STOPPED',
  level: 'call',
  /**
   * @param held undefined if the file cannot be read
   * @param stopped why no node of the flows runs
   */
  told: (held: number | undefined, stopped?: FlowsStopped): Told => {
    if (stopped !== undefined) return { kind: whyStopped(stopped), values: missingIn(stopped) }
    return held === undefined
      ? { kind: 'stopped-unknown', values: {} }
      : { kind: 'stopped', values: { count: held } }
  },
  advice: (held: number, stopped?: FlowsStopped): Told =>
    stopped === undefined
      ? adviceAtRest('advice-stopped', held)
      : adviceAtRest(`advice-${whyStopped(stopped)}`, held, {
          ...missingIn(stopped),
          giveUpSeconds: 0
        }),
  shown: 'what it does'
} as const

type WhyStopped =
  Extract<Key<'tab'>, `told.flows-${string}`> extends `told.${infer Kind}` ? Kind : never

/** By what Node-RED calls it. */
const WHY_STOPPED: ReadonlyMap<string, WhyStopped> = new Map([
  ['safe-mode', 'flows-safe-mode'],
  ['missing-types', 'flows-missing-types'],
  ['missing-modules', 'flows-missing-modules'],
  ['credentials_load_failed', 'flows-unread']
])

function whyStopped({ why }: FlowsStopped): WhyStopped {
  return WHY_STOPPED.get(why) ?? 'flows-stopped'
}

function missingIn({ missing }: FlowsStopped): Told['values'] {
  return missing === '' ? {} : { missing: printable(missing, 200) }
}

function callAfter(lastedMs: number, limitMs: number): Level {
  return lastedMs >= limitMs ? 'call' : 'watch'
}

/** Of what keeps messages from getting through. @param refusedMs for so long, it does not pass by itself */
function lastingLevel({ callAfterMs, lasting }: ConditionFacts, refusedMs: number): Level {
  const isRefused = refusedMs >= REFUSED_MS
  return isRefused ? 'call' : callAfter(lasting.stuckMs, callAfterMs)
}

/** A node that has never worked is being set up. */
export function turnedAwayLevel(turnedAway: Pick<TurnedAwayNow, 'isTrial'> | undefined): Level {
  return turnedAway?.isTrial === true ? 'watch' : 'call'
}

/** The code of an error that still holds; `''` for none. */
function failureCode({ delivery, refusal }: ConditionFacts): string {
  return delivery.failing ?? (MESSAGE_FAULTS.has(refusal) ? '' : refusal)
}

/**
 * A message waits for a token, or the token server refuses, or was away twice: without a message that needs one, the next
 * request may well succeed where it was only away once.
 */
export function isTokenMissing({
  delivery,
  isTokenLost,
  token
}: Pick<ConditionFacts, 'isTokenLost' | 'token'> & {
  delivery: Pick<DeliveryState, 'state'>
}): boolean {
  return token?.state === 'none' && (delivery.state !== 'idle' || token.permanent || isTokenLost)
}

function troubleOf(token: TokenStatus | undefined): string {
  return token !== undefined && 'code' in token ? token.code : ''
}

/** Messages are refused alike without HL7, whatever their type. */
function isOfAll({ refusing: [first] }: Stands): boolean {
  return first?.status !== undefined
}

/** Of the type that has been refused longest; how many types are refused besides. */
function refusingValues({ refusing }: Stands): Told['values'] {
  const [first, ...others] = refusing
  if (first === undefined) return {}
  const { count, error, type } = first
  return { type, count, answer: answerOf(first), error, others: others.length }
}

/** `AE 103 Table value not found`: in codes, and the words that the standard has for them. */
export function answerOf({ ackCode, error, status }: Refusing): string {
  if (status !== undefined) return `HTTP ${status}`
  return [ackCode, error, ERROR_CODES.get(error)].filter(Boolean).join(' ')
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
