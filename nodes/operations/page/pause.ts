import { nothing, type TemplateResult } from 'lit-html'
import { durationText } from '../../../src/told.ts'
import type { HostAnswer, NodeState } from '../answers.ts'
import { MOST_REASON, printable } from '../../../src/printable.ts'
import { act, button, type Desk, whyGrey } from './desk.ts'
import type { Field, Entered } from './question.ts'
import { fieldIso, type Text } from './times.ts'

const MINUTE_MS = 60_000

/** @param why it cannot be paused or resumed; empty if it can */
export function pauseAction(node: NodeState, desk: Desk, why: string): TemplateResult {
  const isPaused = node.state === 'paused'
  return button(desk, {
    id: 'pause',
    of: node.id,
    label: desk.text(isPaused ? 'button.resume' : 'button.pause'),
    why: whyGrey(desk, 'pause') || why,
    isFirst: isPaused,
    press: () => (isPaused ? resume(node, desk) : pause(node, desk))
  })
}

/** The same of all nodes that send to the host of a node, if there are others. */
export function hostActions(node: NodeState, desk: Desk): TemplateResult | typeof nothing {
  const { text, nodes } = desk
  const host = node.paused?.host
  const ofHost = nodes().filter((one) => one.host === node.host && !isAtRest(one))
  const paused = nodes().filter((one) => host !== undefined && one.paused?.host === host)
  if (host !== undefined) {
    return button(desk, {
      id: 'resume-host',
      of: node.id,
      label: text('button.resumeHost', { host: printable(host) }),
      why: whyGrey(desk, 'resumeHost'),
      press: () => actOnHost('resume', node, host, paused, desk)
    })
  }
  if (ofHost.length < 2 || isAtRest(node)) return nothing
  return button(desk, {
    id: 'pause-host',
    of: node.id,
    label: text('button.pauseHost', { host: printable(node.host) }),
    why: whyGrey(desk, 'pauseHost'),
    press: () => actOnHost('pause', node, node.host, ofHost, desk)
  })
}

/** Neither set up nor running. */
function isAtRest({ state }: NodeState): boolean {
  return state === 'config' || state === 'stopped'
}

async function resume(node: NodeState, desk: Desk): Promise<void> {
  const { text, say, frame, name } = desk
  await act(desk, node, async () => {
    await frame.ask('resume', { id: node.id }, {})
    say('good', text('done.resumed', { name: name(node.id) }))
  })
}

async function pause(node: NodeState, desk: Desk): Promise<void> {
  const { text, question, say, frame } = desk
  const name = desk.name(node.id)
  const consent = await question.ask({
    place: 'node',
    title: text('question.pause', { name }),
    fields: pauseFields(text),
    confirm: text('button.pause')
  })
  if (consent === undefined) return
  await act(desk, node, async () => {
    await frame.ask('pause', { id: node.id }, entered(consent, desk.now()))
    say('good', text('done.paused', { name }))
  })
}

async function actOnHost(
  action: 'pause' | 'resume',
  node: NodeState,
  host: string,
  nodes: readonly NodeState[],
  desk: Desk
): Promise<void> {
  const { text, question, say, frame, name } = desk
  const shown = printable(host)
  const values = { host: shown, names: nodes.map(({ id }) => name(id)).join(', ') }
  const count = nodes.length
  const consent = await question.ask({
    place: 'node',
    title: text(`question.${action}Host`, values),
    fields: action === 'pause' ? pauseFields(text) : [],
    confirm: text(action === 'pause' ? 'button.pauseCount' : 'button.resumeCount', { count })
  })
  if (consent === undefined) return
  await act(desk, node, async () => {
    const answer =
      action === 'pause'
        ? await frame.ask('pauseHost', {}, { host, ...entered(consent, desk.now()) })
        : await frame.ask('resumeHost', {}, { host })
    const named = (some: HostAnswer['nodes']): string => some.map(({ id }) => name(id)).join(', ')
    const done = action === 'pause' ? 'done.pausedHost' : 'done.resumedHost'
    const { failed = [] } = answer
    const words = text(done, { host: shown, names: named(answer.nodes) || '–' })
    const more = failed.length === 0 ? '' : text('done.failedHost', { names: named(failed) })
    say(failed.length === 0 ? 'good' : 'bad', [words, more].filter(Boolean).join('. '))
  })
}

/** The ends that are there to click, by what the choice holds; all but the first end by themselves. */
const OPEN = ''
const MINUTES = ['30', '120'] as const
const TOMORROW = 'tomorrow'
/** When a day begins for those who are not on call, in the zone of the browser. */
const MORNING_HOUR = 7

function pauseFields(text: Text): readonly Field[] {
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

function entered(consent: Entered, now: number): { reason: string; until?: string } {
  const until = endOf(consent, now)
  return { reason: consent.value('text').trim(), ...(until !== '' && { until }) }
}
