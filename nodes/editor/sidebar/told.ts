import type { Told } from '../../operations/answers.ts'
import { causeWords } from '../../operations/cause.ts'
import { clockTime, duration, type Text } from './times.ts'

/** So much of a text from outside is shown, in characters. */
const MAX_SHOWN = 300

/** How the tab says things: the texts of a language, and what time it is. */
export interface Speech {
  text: Text
  language: string
  /** Wall clock of the runtime, milliseconds. */
  now: () => number
}

/** Cuts what comes from outside. */
export function cut(text: string, length = MAX_SHOWN): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

type Values = Readonly<Record<string, string | number>>

/** Kinds whose sentence is put together from several texts, or depends on what is known. */
const SPECIAL: Readonly<Record<string, (values: Values, speech: Speech) => string>> = {
  ok: () => '',
  verdict: ({ ackCode = '', errors = '', status = 0, cause = '', rule = '' }, { text }) => {
    const noAck = status === 0 ? String(cause) : text('told.no-ack', { status })
    return [
      ackCode === '' ? noAck : [ackCode, errors].filter(Boolean).join(' '),
      rule === '' ? '' : text('told.by-rule', { rule })
    ]
      .filter(Boolean)
      .join(' · ')
  },
  'paused-by': ({ by = '', reason = '' }, speech) =>
    [byWhom(String(by), speech), quoted(reason, speech)].filter(Boolean).join(': '),
  paused: ({ reason = '' }, speech) =>
    [speech.text('told.paused'), quoted(reason, speech)].filter(Boolean).join(': '),
  retrying: (values, { text }) =>
    text(values['seconds'] === 0 ? 'told.retrying-now' : 'told.retrying', causeIn(values, text)),
  suspended: (values, { text }) =>
    text(values['rule'] === '' ? 'told.suspended-twice' : 'told.suspended', values),
  discarded: (values, { text }) =>
    text(values['count'] === undefined ? 'told.discarded' : 'told.discarded-count', values),
  recovered: ({ seconds = 0 }, { text }) =>
    text('told.recovered', { time: duration(Number(seconds) * 1000, text) }),
  certificate: ({ of = '', days = 0 }, { text }) =>
    text(Number(days) < 0 ? 'certificate.expired' : 'certificate.ends', {
      of: text(`certificate.${String(of).replace(' ', '-')}`),
      left: text('age.d', { count: Number(days) })
    })
}

/**
 * The words of this language for what the runtime told, or its own English ones for a kind that
 * there are none for: the runtime may be newer than a page that has been open for days.
 */
export function told({ kind, values }: Told, english: string, speech: Speech): string {
  const special = Object.hasOwn(SPECIAL, kind) ? SPECIAL[kind] : undefined
  if (special !== undefined) return cut(special(values, speech))
  const key = `told.${kind}`
  const found = speech.text(key, causeIn(timesIn(values, speech), speech.text))
  return cut(found === key || found === '' ? english : found)
}

/** Who did something, in words; an empty string if nobody is known. */
export function byWhom(by: string, { text }: Speech): string {
  if (by === '') return ''
  if (by === 'flow' || by === 'rule') return text(`by.${by}`)
  return text('by.user', { user: cut(by, 80) })
}

function quoted(reason: string | number, { text }: Speech): string {
  return reason === '' ? '' : text('told.quoted', { reason: cut(String(reason)) })
}

function timesIn(values: Values, { language, now }: Speech): Values {
  const shown = Object.entries(values).map(([name, value]) => {
    const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)
    return [name, isTime ? clockTime(value, now(), language) : value]
  })
  return Object.fromEntries(shown) as Values
}

function causeIn(values: Values, text: Text): Values {
  const cause = causeWords(String(values['cause'] ?? ''), (status) =>
    text('told.no-ack', { status })
  )
  return { ...values, cause }
}
