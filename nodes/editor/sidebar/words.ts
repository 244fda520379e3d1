import type { EventRow, MessageRow, NodeState, Told } from '../../operations/answers.ts'
import { clockTime, type Text } from './times.ts'

/** So much of a text from outside is shown, in characters. */
const MAX_SHOWN = 300

/** How bad it is: what it looks like, and whether somebody has to look. */
export type Level = 'bad' | 'warn' | 'busy' | 'good' | 'quiet'

export interface Shown {
  level: Level
  word: string
}

/** How the tab says things: the texts of a language, and what time it is. */
export interface Speech {
  text: Text
  language: string
  now: () => number
}

/** Cuts what comes from outside. */
export function cut(text: string, length = MAX_SHOWN): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

/**
 * The words of this language for what the runtime told, or its own English words for a kind that
 * there are none for: the runtime may be newer than a page that has been open for days.
 *
 * @param section of the texts: `reason`, `event`, `message`
 */
export function told(
  section: string,
  { kind, values }: Told,
  english: string,
  { text, language, now }: Speech
): string {
  const key = `${section}.${kind}`
  const shown: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(values)) {
    const isTime = typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)
    shown[name] = isTime ? clockTime(value, now(), language) : value
  }
  const found = text(key, shown)
  return cut(found === key || found === '' ? english : found)
}

/** What a node does, in a word or two. */
export function stateOf(state: NodeState, { text }: Speech): Shown {
  const word = text(`state.${state.state}`)
  switch (state.state) {
    case 'config':
    case 'error':
    case 'paused':
      return { level: 'bad', word }
    case 'stopped':
      return { level: 'warn', word }
    case 'retrying':
      return { level: 'warn', word }
    default:
      if (state.suspended > 0) {
        return { level: 'warn', word: text('state.suspended', { count: state.suspended }) }
      }
      if (tokenTrouble(state)) return { level: 'warn', word: text('state.token') }
      if (state.state === 'sending') return { level: 'busy', word }
      return state.lastAckAt === null && state.acked === 0
        ? { level: 'quiet', word }
        : { level: 'good', word }
  }
}

/** Whether somebody should look at it. */
export function needsLook(state: NodeState, speech: Speech): boolean {
  return ['bad', 'warn'].includes(stateOf(state, speech).level)
}

export function tokenTrouble({ token }: NodeState): boolean {
  return token !== null && ['refresh failing', 'none'].includes(token.state)
}

/** Why it is in its state. */
export function reasonOf(state: NodeState, speech: Speech): string {
  return told('reason', state, state.reason, speech)
}

export function nameOf(state: NodeState): string {
  return cut(state.name || state.host || state.id, 80)
}

/** `AE 206 E Application record locked`, or why there was no such answer. */
export function receiverSaid(row: MessageRow, speech: Speech): string {
  const errors = row.errors
    .slice(0, 3)
    .map(({ code, severity, text }) => [code, severity, text].filter(Boolean).join(' '))
  const said = [row.ackCode, errors.join('; ')].filter(Boolean).join(' ')
  return said === '' ? told('message', row, row.reason, speech) : cut(said)
}

/** What a message waits for, or what became of it, before what the receiver said. */
export function stateWord({ state }: MessageRow, { text }: Speech): string {
  return text(`messageState.${state}`)
}

/** `delivered 02:40:58, AA, 1 try, Registry`: what became of a message, in a sentence. */
export function foundSentence(row: MessageRow, node: string, speech: Speech): string {
  const { text, language, now } = speech
  const at = clockTime(row.settledAt ?? row.acceptedAt, now(), language, true)
  const said = row.outcome === 'ack' ? row.ackCode : receiverSaid(row, speech)
  const tries = row.attempts === 0 ? '' : text('tries', { count: row.attempts })
  return [text(`found.${row.state}`, { at }), said, tries, node].filter(Boolean).join(', ')
}

/** Who did something, in words; an empty string if nobody is known. */
export function byWhom(by: string, { text }: Speech): string {
  if (by === '') return ''
  return text('by.user', {
    user: by === 'flow' || by === 'rule' ? text(`by.${by}`) : cut(by, 80)
  })
}

/** What happened, and who did it. */
export function eventSentence(event: EventRow, speech: Speech): string {
  return [told('event', event, event.text, speech), byWhom(event.by, speech)]
    .filter(Boolean)
    .join(' · ')
}
