import type { Values } from '../../../src/english.ts'
import { durationText } from '../../../src/told.ts'
import type { HostAnswer, NodeState } from '../answers.ts'
import { MOST_REASON, printable } from '../../../src/printable.ts'
import type { On } from './action.ts'
import type { Desk } from './desk.ts'
import type { Field, Entered } from './question.ts'
import { fieldIso, type Text } from './times.ts'

const MINUTE_MS = 60_000

/** Nodes that are paused, or resumed, together. */
interface OfHost {
  host: string
  count: number
  values: Values
}

/** Those that send to the same host as a node. */
export function sendingToHost({ node: { host } }: On, desk: Desk): OfHost {
  return ofHost(host, desk, (one) => one.host === host && !isAtRest(one))
}

/** Those that were paused with it. */
export function pausedOfHost({ node: { paused } }: On, desk: Desk): OfHost {
  const host = paused?.host ?? ''
  return ofHost(host, desk, (one) => one.paused?.host === host)
}

function ofHost(host: string, { name, nodes }: Desk, isOne: (node: NodeState) => boolean): OfHost {
  const ids = nodes()
    .filter(isOne)
    .map(({ id }) => id)
  const values = { host: printable(host), names: ids.map(name).join(', ') }
  return { host, count: ids.length, values }
}

/** Neither set up nor running. */
export function isAtRest({ state }: NodeState): boolean {
  return state === 'config' || state === 'stopped'
}

/** Says which nodes were paused or resumed, and of which it could not be stored. */
export function sayOfHost(
  done: 'done.pauseHost' | 'done.resumeHost',
  host: string,
  { failed = [], nodes }: HostAnswer,
  { name, say, text }: Desk
): undefined {
  const named = (some: HostAnswer['nodes']): string => some.map(({ id }) => name(id)).join(', ')
  const words = text(done, { host: printable(host), names: named(nodes) || '–' })
  const more = failed.length === 0 ? '' : text('done.failedHost', { names: named(failed) })
  say(failed.length === 0 ? 'good' : 'bad', [words, more].filter(Boolean).join('. '))
}

/** The ends that are there to click, by what the choice holds; all but the first end by themselves. */
const OPEN = ''
const MINUTES = ['30', '120'] as const
const TOMORROW = 'tomorrow'
/** When a day begins for those who are not on call, in the zone of the browser. */
const MORNING_HOUR = 7

export function pauseFields(text: Text): readonly Field[] {
  const options = [
    { value: OPEN, label: text('question.pauseOpen') },
    ...MINUTES.map((value) => ({
      value,
      label: durationText(Number(value) * MINUTE_MS, text)
    })),
    { value: TOMORROW, label: text('question.pauseTomorrow') }
  ]
  return [
    { kind: 'line', name: 'text', label: text('question.reason'), maxLength: MOST_REASON },
    { kind: 'choice', name: 'for', label: text('question.pauseFor'), options, value: OPEN },
    { kind: 'time', name: 'until', label: text('question.untilTime') }
  ]
}

/** A time that somebody has entered wins. */
function endOf(consent: Entered, now: number): string {
  const time = fieldIso(consent.value('until'))
  const chosen = consent.value('for')
  if (time !== '' || chosen === OPEN) return time
  if (chosen !== TOMORROW) return new Date(now + Number(chosen) * MINUTE_MS).toISOString()
  const morning = new Date(now)
  morning.setDate(morning.getDate() + 1)
  morning.setHours(MORNING_HOUR, 0, 0, 0)
  return morning.toISOString()
}

/** Why it is paused, and until when. */
export function pauseIn(consent: Entered, now: number): { reason: string; until?: string } {
  const until = endOf(consent, now)
  return { reason: consent.value('text').trim(), ...(until !== '' && { until }) }
}
