import type { Key, KeyUnder, Values } from './english.ts'
import { errorKind } from './hl7/error-codes.ts'

/** Something that operators are told: which sentence, and what is filled in. Each reader has it in their language. */
export interface Told {
  kind: ToldKind
  values: Values
}

/**
 * The key of a sentence under `told` in the catalogue of the tab. Two are none of them: `ok` says nothing, and a
 * `verdict` is put together from what is known.
 */
export type ToldKind = Sentence | 'ok' | 'verdict'

type Sentence = KeyUnder<'tab', 'told'>

/** Looks a text of the tab up, in one language. */
export type TabText = (key: Key<'tab'>, values?: Record<string, string | number>) => string

/** The sentence for what is told. The log, the routes and the tab all say it with this function. */
export function toldText({ kind, values }: Told, text: TabText): string {
  if (kind === 'ok') return ''
  if (kind === 'verdict') return verdictText(values, text)
  const sentence = text(`told.${sentenceOf(kind, values)}`, wordsOf(values, text))
  // Parts of advice may be empty and leave double spaces.
  if (kind.startsWith('advice-')) {
    const first = values['pause'] === undefined ? '' : text('advice.pauseFirst')
    return `${first} ${sentence}`.replace(/ {2,}/g, ' ').trim()
  }
  const { backup = '', reason = '', requestId = '' } = values
  const when = kind === 'paused' ? untilText(values, text) : ''
  const named = requestId === '' ? '' : requestIdText(String(requestId))
  const at = backup === '' ? '' : ` · ${text('phrase.backup', { host: backup })}`
  return sentence + at + when + named + (reason === '' ? '' : text('phrase.reason', { reason }))
}

/** How the receiver calls a request: the name of the header is what its support knows, in any language. */
function requestIdText(requestId: string): string {
  return ` · x-request-id: ${requestId}`
}

/** Until when, and that all nodes of a host are meant; empty if neither is known. */
function untilText({ host, until }: Values, text: TabText): string {
  const end = until === undefined ? '' : text('phrase.until', { until })
  return end + (host === undefined ? '' : text('phrase.allOfHost', { host }))
}

/** Which sentence it is: some kinds have several. */
function sentenceOf(kind: Sentence, values: Values): Sentence {
  const { by = '', clear, controlId, days, host, rule, seconds, until } = values
  if (kind === 'exported' && clear !== undefined) return 'exported-clear'
  if (kind === 'tested' && host !== undefined) return 'tested-at'
  if (kind === 'resumed' && until !== undefined) return 'resumed-on-time'
  if (kind === 'advice-paused' && until !== undefined) {
    return by === '' ? 'advice-paused-until' : 'advice-paused-by-until'
  }
  if (kind === 'paused' && by !== '') return 'paused-by'
  if (kind === 'advice-paused' && by !== '') return 'advice-paused-by'
  if (kind === 'advice-backup' && by !== '') return 'advice-backup-by'
  if (kind === 'advice-certificate' && Number(days) < 0) return 'advice-certificate-expired'
  if (kind === 'suspended' && rule === '') return 'suspended-twice'
  if (kind === 'retrying' && controlId !== undefined) return 'retrying-began'
  if (kind === 'retrying' && seconds === 0) return 'retrying-now'
  if (kind === 'certificate' && Number(days) < 0) return 'certificate-expired'
  return kind
}

/** `AE 206 Application record locked · rule @ERR-3:206=S` */
function verdictText(values: Values, text: TabText): string {
  const { ackCode = '', errors = '', status = 0, cause = '', rule = '' } = values
  const said =
    ackCode === ''
      ? causeText(String(cause || status), text)
      : [ackCode, errors].filter(Boolean).join(' ')
  return [said, rule === '' ? '' : text('phrase.rule', { rule })].filter(Boolean).join(' · ')
}

/** The values, and the words for those that are codes or times. */
function wordsOf(values: Values, text: TabText): Record<string, string | number> {
  const { by, cause, days, ms, of, seconds, turnedAway } = values
  const words: Record<string, string | number> = { ...values }
  if (by !== undefined) words['by'] = byText(String(by), text)
  if (cause !== undefined) words['cause'] = causeText(String(cause), text)
  if (of !== undefined) {
    words['of'] = text(`certificate.${String(of).replace(' ', '-')}` as Key<'tab'>)
  }
  if (turnedAway !== undefined) words['turnedAway'] = turnedAwayText(String(turnedAway), text)
  if (days !== undefined) words['left'] = text('age.d', { count: Number(days) })
  if (seconds !== undefined) words['time'] = exactDurationText(Number(seconds) * 1000, text)
  if (ms !== undefined) words['took'] = tookText(Number(ms), text)
  if (values['queue'] !== undefined) Object.assign(words, adviceWords(values, words, text))
  return words
}

/** The parts that any advice may use: what is waiting and where, what was said, and whom to call. */
function adviceWords(
  values: Values,
  known: Record<string, string | number>,
  text: TabText
): Record<string, string> {
  const {
    arrived,
    attempt,
    blank,
    bound = 0,
    contact = '',
    controlId = '',
    handedOn = '',
    note = '',
    queue
  } = values
  const { operation = '', proves = 'secret', said = '', todo, waiting = 0 } = values
  const login = text(`advice.login.${proves === 'secret' ? 'secret' : 'other'}`)
  const where = queue === 'disk' ? 'disk' : 'memory'
  const quoted = (words: string | number): string =>
    words === '' ? '' : text('phrase.reason', { reason: words })
  const isTried = attempt !== undefined && controlId !== ''
  return {
    held: heldText(values, where, text),
    kept: text(`advice.kept.${where}`),
    call: contact === '' ? '' : text('advice.call', { contact }),
    hint: hintText(values['error'], text),
    note: quoted(note),
    said: quoted(said),
    tried: isTried ? text('advice.tried', { attempt, controlId }) : '',
    arrived: arrived === undefined ? '' : text('advice.arrived', { controlId: arrived }),
    handedOn:
      handedOn === ''
        ? ''
        : text('advice.handedOn', { times: values['times'] ?? '', controlId: handedOn }),
    alone: isTried && Number(waiting) > 1 ? text('advice.alone', { controlId }) : '',
    bound: Number(bound) === 0 ? '' : text('advice.bound', { count: Number(bound) }),
    blank: blank === undefined ? '' : text('advice.blank'),
    operation: operation === '' ? '' : ` ${operation}`,
    largest: operation === '' ? '' : text('advice.largest', { name: operation }),
    login,
    todo: todo === undefined ? '' : text(`advice.todo.${todo as Todo}`, { ...known, login }),
    again: againText(values, text),
    breaksOff:
      values['limitSeconds'] === undefined
        ? text('advice.breaksOff.atSomeTime')
        : text('advice.breaksOff.eachTime', {
            limit: exactDurationText(Number(values['limitSeconds']) * 1000, text)
          }),
    nak: text(`advice.nak.${values['unwired'] === undefined ? 'wired' : 'unwired'}`),
    why: whyText(values, known, text)
  }
}

const TURNED_AWAY: readonly KeyUnder<'tab', 'turnedAway'>[] = [
  'limit',
  'disk',
  'settings',
  'closing'
]

/** Why messages were turned away; a code as it is. */
function turnedAwayText(why: string, text: TabText): string {
  const known = TURNED_AWAY.find((one) => one === why)
  return known === undefined ? why : text(`turnedAway.${known}`)
}

type Todo = KeyUnder<'tab', 'advice.todo'>

/** Why messages have left for Catch, and what to do about that: what is said while they wait, without what waits. */
function whyText(values: Values, known: Record<string, string | number>, text: TabText): string {
  const { cause = '', operation = '', why } = values
  if (values['isOver'] !== undefined) return text('advice.causeThen', known)
  if (why === undefined) return cause === '' ? '' : text('advice.cause', known)
  const nothing = { held: '', call: '', said: '', tried: '', arrived: '', alone: '', blank: '' }
  const largest = operation === '' ? '' : text('advice.largest', { name: operation })
  const words = {
    ...known,
    ...nothing,
    largest,
    login: text('advice.login.secret'),
    operation: operation === '' ? '' : ` ${operation}`
  }
  return text(`told.${why as Sentence}`, words).trim()
}

/** How messages that have left come to the receiver after all; empty if it is not about such. */
function againText({ count, kept, uncertain }: Values, text: TabText): string {
  if (kept === undefined || count === undefined) return ''
  const many = Number(count)
  const days = text('age.d', { count: Number(kept) })
  return [
    uncertain === undefined ? '' : text('advice.mayBeThere', { count: many }),
    Number(kept) === 0
      ? text('advice.again.gone', { count: many })
      : text('advice.again.kept', { count: many, days })
  ].join(' ')
}

/** What an ERR-3 is about, by its code in table 0357; empty if that says nothing. */
function hintText(code: Values[string] | undefined, text: TabText): string {
  const kind = errorKind(String(code ?? ''))
  return kind === undefined ? '' : text(`advice.kind.${kind}`)
}

/** How many messages are waiting and what becomes of them, and how many are suspended besides. */
function heldText(values: Values, where: 'disk' | 'memory', text: TabText): string {
  const count = Number(values['waiting'] ?? 0)
  const suspended = Number(values['besides'] ?? 0)
  const given = Number(values['givenUp'] ?? 0)
  return text('advice.held', {
    wait: count === 0 ? '' : text(`advice.wait.${where}`, { count }),
    goesOn: count === 0 ? '' : goesOnText(count, values, text),
    besides: suspended === 0 ? '' : text('advice.besides', { count: suspended }),
    givenUp: given === 0 ? '' : text('advice.besidesGivenUp', { count: given })
  })
}

/** Until when they are retried, and what follows then; empty if they are not retried. */
function goesOnText(
  count: number,
  { ends = 'fail', giveUpSeconds, mostRetries }: Values,
  text: TabText
): string {
  if (giveUpSeconds === undefined) return ''
  const seconds = Number(giveUpSeconds)
  const time =
    seconds === 0
      ? ''
      : text('advice.when.time', { limit: exactDurationText(seconds * 1000, text) })
  const retries =
    mostRetries === undefined ? '' : text('advice.when.retries', { count: Number(mostRetries) })
  if (time === '' && retries === '') return text('advice.goesOn', { count })
  const when =
    time === '' || retries === '' ? time + retries : text('advice.when.first', { retries, time })
  const stop = time === '' ? '' : text('advice.stopClock')
  return `${text(`advice.ends.${ends as Ending}`, { count, when })} ${stop}`
}

type Ending = KeyUnder<'tab', 'advice.ends'>

/**
 * Who did something.
 *
 * @param by a user name, `flow`, `rule`, or `''` for nobody who is known
 */
export function byText(by: string, text: TabText): string {
  if (by === '') return ''
  if (by === 'flow' || by === 'rule') return text(`by.${by}`)
  return text('by.user', { user: by })
}

/** Why an attempt failed, or the queue did, in the words of the tab. */
export function causeText(cause: string, text: TabText): string {
  if (cause === 'SQLITE_FULL') return text('turnedAway.disk')
  return causeSaid(cause, (status) => text('phrase.noAck', { status }))
}

/**
 * Why an attempt failed: `HTTP 503`, `no ACK (200)`, `ECONNREFUSED`.
 *
 * @param cause a code, or an HTTP status
 * @param noAck the words for a 2xx status without an acknowledgement
 */
export function causeSaid(cause: string, noAck: (status: string) => string): string {
  if (!/^[1-5]\d\d$/.test(cause)) return cause
  return cause.startsWith('2') ? noAck(cause) : `HTTP ${cause}`
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `20 s`, `31 min`, `2 h 5 min`, `9 days`: whole units, rounded down. */
export function durationText(ms: number, text: TabText): string {
  const left = Math.max(0, ms)
  if (left < MINUTE) return text('age.s', { n: Math.floor(left / 1000) })
  if (left < HOUR) return text('age.min', { n: Math.floor(left / MINUTE) })
  if (left < DAY) {
    const rest = Math.floor((left % HOUR) / MINUTE)
    const hours = text('age.h', { n: Math.floor(left / HOUR) })
    return rest === 0 ? hours : `${hours} ${text('age.min', { n: rest })}`
  }
  return text('age.d', { count: Math.floor(left / DAY) })
}

/** The same with seconds, for sentences: `2 min 14 s`, `2 h 5 min 3 s`. */
export function exactDurationText(ms: number, text: TabText): string {
  const whole = durationText(ms, text)
  const seconds = Math.floor((ms % MINUTE) / 1000)
  if (ms < MINUTE || ms >= DAY || seconds === 0) return whole
  return `${whole} ${text('age.s', { n: seconds })}`
}

/** How long an attempt took: `120 ms`, `4 s`, `2 min 14 s`. */
export function tookText(ms: number, text: TabText): string {
  return ms < 1000 ? text('age.ms', { n: Math.round(ms) }) : exactDurationText(ms, text)
}
