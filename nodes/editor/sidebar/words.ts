import { durationText } from '../../../src/told.ts'
import type { EventRow, MessageAnswer, NodeState } from '../../operations/answers.ts'
import { clockTime, until } from './times.ts'
import { byWhom, cut, type Speech, told } from './told.ts'

/** How bad it is: what it looks like, and whether somebody has to look. */
export type Level = 'bad' | 'warn' | 'busy' | 'good' | 'quiet'

export interface Shown {
  level: Level
  word: string
}

/** What a node does, in a word or two. */
export function stateOf(state: NodeState, speech: Speech): Shown {
  const { text } = speech
  const word = text(`state.${state.state}`)
  const token = tokenTrouble(state, speech)
  switch (state.state) {
    case 'config':
    case 'error':
    case 'paused':
      return { level: 'bad', word }
    case 'stopped':
    case 'retrying':
      return { level: 'warn', word }
    default:
      if (state.suspended > 0) {
        return { level: 'warn', word: text('state.suspended', { count: state.suspended }) }
      }
      if (token !== '') return { level: 'warn', word: token }
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

/** What is wrong with its token; empty if nothing is. */
function tokenTrouble({ token }: NodeState, { text }: Speech): string {
  if (token?.state === 'none') return text('token.none')
  return token?.state === 'refresh failing' ? text('token.failing') : ''
}

/** What there is to know about its token; empty if the receiver wants none. */
export function tokenWords(state: NodeState, speech: Speech): string {
  const { text, now } = speech
  if (state.token === null) return ''
  if (state.token.state === 'idle') return text('token.idle')
  const trouble = tokenTrouble(state, speech)
  const ms = until(state.token.validUntil, now())
  if (ms === null) return trouble
  const left = durationText(ms, text)
  return trouble === ''
    ? text('token.ok', { left })
    : `${trouble}, ${text('token.valid', { left })}`
}

/** Why it is in its state. */
export function reasonOf(state: NodeState, speech: Speech): string {
  return told(state, state.reason, speech)
}

export function nameOf(state: NodeState): string {
  return cut(state.name || state.host || state.id, 80)
}

/** `AE 206 E Application record locked`, or why there was no such answer. */
export function receiverSaid(row: MessageAnswer, speech: Speech): string {
  const errors = row.errors
    .slice(0, 3)
    .map(({ code, severity, text }) => [code, severity, text].filter(Boolean).join(' '))
  const said = [row.ackCode, errors.join('; ')].filter(Boolean).join(' ')
  return said === '' ? told(row, row.reason, speech) : cut(said)
}

/** What a message waits for, or what became of it, before what the receiver said. */
export function stateWord({ state }: MessageAnswer, { text }: Speech): string {
  return text(`messageState.${state}`)
}

/** `delivered 02:40:58, AA, 1 try, Registry`: what became of a message, in a sentence. */
export function foundSentence(row: MessageAnswer, node: string, speech: Speech): string {
  const { text, language, now } = speech
  const at = clockTime(row.settledAt ?? row.acceptedAt, now(), language, true)
  const said = row.outcome === 'ack' ? row.ackCode : receiverSaid(row, speech)
  const tries = row.attempts === 0 ? '' : text('tries', { count: row.attempts })
  return [text(`found.${row.state}`, { at }), said, tries, node].filter(Boolean).join(', ')
}

/** What happened, and who did it. */
export function eventSentence(event: EventRow, speech: Speech): string {
  // These words say so already.
  const saysWho = event.kind === 'suspended' || event.kind === 'paused'
  const by = saysWho ? '' : byWhom(event.by, speech)
  return [told(event, event.text, speech), by].filter(Boolean).join(' · ')
}
