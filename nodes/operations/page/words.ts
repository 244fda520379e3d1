import type { Key } from '../../../src/english.ts'
import { durationText, exactDurationText, type Told } from '../../../src/told.ts'
import type { ConditionAnswer, EventRow, MessageAnswer, NodeState, StoryRow } from '../answers.ts'
import { printable, printableProse } from '../../../src/printable.ts'
import { until, type Text } from './times.ts'
import { byWhom, type Speech, told } from './told.ts'

/** How bad it is: what it looks like, and whether somebody has to look. */
export type Level = 'bad' | 'warn' | 'busy' | 'good' | 'quiet'

export interface Shown {
  level: Level
  word: string
}

/** What of a node needs somebody, or else what it does, in a word or two. */
export function shownState(state: NodeState, { text }: Speech): Shown {
  const [first] = state.conditions
  const isFine = first === undefined || first.level === 'fine'
  const word = (isFine ? undefined : wordOf(first, state, text)) ?? text(`state.${state.state}`)
  return { level: levelOf(state), word }
}

/** A condition's own word; undefined if it has none, or the runtime is newer than this page. */
function wordOf(
  { code, values }: ConditionAnswer,
  state: NodeState,
  text: Text
): string | undefined {
  if (code === 'TOKEN') return text(`token.${tokenTrouble(state) ?? 'none'}`)
  const key = `state.${code}` as Key<'tab'>
  const word = text(key, { ...values, ...(code === 'SUSPENDED' && { count: state.suspended }) })
  return word === key ? undefined : word
}

/** How many nodes need somebody, in a sentence. */
export function summaryOf(
  nodes: readonly NodeState[],
  text: Text
): { level: 'warn' | 'good' | 'quiet'; words: string } {
  const count = nodes.length
  const inTrouble = countInTrouble(nodes)
  const toWatch = nodes.filter(needsLook).length
  if (count === 0) return { level: 'quiet', words: text('summary.none') }
  if (inTrouble > 0) {
    return { level: 'warn', words: text('summary.trouble', { n: inTrouble, count }) }
  }
  return toWatch > 0
    ? { level: 'warn', words: text('summary.watch', { n: toWatch, count }) }
    : { level: 'good', words: text('summary.fine', { count }) }
}

/** So many nodes need somebody. */
export function countInTrouble(nodes: readonly NodeState[]): number {
  return nodes.filter(needsPerson).length
}

/** Whether somebody is needed. */
export function needsPerson({ conditions: [first] }: NodeState): boolean {
  return first?.level === 'call'
}

/** Whether somebody should look at it. */
export function needsLook({ conditions: [first] }: NodeState): boolean {
  return first !== undefined && first.level !== 'fine'
}

function levelOf({ acked, conditions: [first], lastAckAt, state }: NodeState): Level {
  if (first?.level === 'call') return 'bad'
  if (first?.level === 'watch') return 'warn'
  if (state === 'sending') return 'busy'
  return lastAckAt === null && acked === 0 ? 'quiet' : 'good'
}

/** What holds besides the first condition, each in a sentence. */
export function besides(state: NodeState, speech: Speech): string[] {
  const { advice, conditions } = state
  const areBothOut = advice?.kind === 'advice-both-out'
  // When the next try is stands beside the advice, which says why.
  const isTrySaid = advice !== null && nextTry(state, speech) !== ''
  return conditions
    .slice(1)
    .filter(({ code, level }) => level !== 'fine' && !(isTrySaid && code === 'RETRYING'))
    .filter(({ code }) => !(areBothOut && code === 'BACKUP'))
    .map((one) => told(withoutRule(one), one.text, speech))
}

/** One trouble that several nodes have. */
export interface Shared {
  of: 'proxy' | 'server' | 'host'
  name: string
  cause: string
  count: number
}

/** Whose trouble several nodes share: a proxy, a token server, a receiver; the most nodes first. */
export function sharedTroubles(nodes: readonly NodeState[]): Shared[] {
  const found = new Map<string, Shared>()
  for (const { advice, retry, token } of nodes) {
    if (advice === null) continue
    const { kind, values } = advice
    const of = /^advice-proxy/.test(kind)
      ? 'proxy'
      : /^advice-token/.test(kind) && token?.state === 'none'
        ? 'server'
        : retry === null
          ? undefined
          : 'host'
    const name = printable(String(of === undefined ? '' : (values[of] ?? '')), 100)
    const cause = String(values['cause'] ?? '')
    if (of === undefined || name === '' || cause === '') continue
    const key = JSON.stringify([of, name, cause])
    const shared = found.get(key) ?? { of, name, cause, count: 0 }
    found.set(key, { ...shared, count: shared.count + 1 })
  }
  return [...found.values()].filter(({ count }) => count > 1).sort((a, b) => b.count - a.count)
}

/** What is wrong with its token. */
function tokenTrouble({ token }: NodeState): 'none' | 'failing' | undefined {
  if (token?.state === 'none') return 'none'
  return token?.state === 'refresh failing' ? 'failing' : undefined
}

/** What there is to know about its token; empty if the receiver wants none. */
export function tokenWords(state: NodeState, speech: Speech): string {
  const { text, now } = speech
  if (state.token === null) return ''
  if (state.token.state === 'idle') return text('token.idle')
  const found = tokenTrouble(state)
  const trouble = found === undefined ? '' : text(`token.${found}`)
  const ms = until(state.token.validUntil, now())
  if (ms === null) return trouble
  const left = durationText(ms, text)
  return trouble === ''
    ? text('token.ok', { left })
    : `${trouble}, ${text('token.valid', { left })}`
}

/** What holds the node up, whether messages are safe, and what to do; empty if nothing needs doing. */
export function adviceText({ advice }: NodeState, speech: Speech): string {
  return advice === null ? '' : told(advice, advice.text, speech)
}

/** What the list of nodes says about it: its advice, or else the reason for its state. */
export function whyOf(state: NodeState, speech: Speech): string {
  return adviceText(state, speech) || reasonOf(state, speech)
}

/** The same in short: what is wrong and what to do; how many messages wait stands in columns, whom to call beside it. */
export function shortWhyOf(state: NodeState, speech: Speech): string {
  const { advice } = state
  if (advice === null) return reasonOf(state, speech)
  const values = { ...advice.values, contact: '', waiting: 0, besides: 0 }
  return told({ ...advice, values }, advice.text, speech)
}

/** Whom to call about the receiver, if it is about that; empty if nobody is named, or this says so already. */
export function callOf({ advice }: NodeState, said: string, { text }: Speech): string {
  const contact = printable(String(advice?.values['contact'] ?? ''), 200)
  return contact !== '' && !said.includes(contact) ? text('contact', { contact }) : ''
}

/** `try 4 in 20 s`; empty if nothing is retried. */
export function nextTry({ retry, state }: NodeState, { now, text }: Speech): string {
  if (retry === null || state === 'paused') return ''
  const attempt = retry.attempts + 1
  const ms = until(retry.nextAt, now()) ?? 0
  return ms > 0
    ? text('nextTry', { attempt, time: exactDurationText(Math.ceil(ms / 1000) * 1000, text) })
    : text('nextTryNow', { attempt })
}

/** Why it is in its state. A rule is said elsewhere, in words. */
export function reasonOf(state: NodeState, speech: Speech): string {
  return told(withoutRule(state), state.reason, speech)
}

/** The rule that suspended its messages, as written; empty if none did, or if the advice names it. */
export function ruleOf({ advice, kind, values }: NodeState): string {
  const isSaid = advice?.values['rule'] !== undefined
  return kind === 'verdict' && !isSaid ? String(values['rule'] ?? '') : ''
}

function withoutRule<Row extends Told>(row: Row): Row {
  return row.kind === 'verdict' ? { ...row, values: { ...row.values, rule: '' } } : row
}

/** For how long its oldest message is held; empty if none is, or, of a node that does not run, nobody knows. */
export function heldFor({ oldestAgeMs, queued, state, suspended }: NodeState, text: Text): string {
  const isKnown = state !== 'stopped' && state !== 'config'
  return isKnown && queued + suspended > 0 ? durationText(oldestAgeMs, text) : ''
}

/** The host and port that messages go to now. */
export function hostOf({ backup, host }: NodeState): string {
  return printable(backup?.host ?? host)
}

export function nameOf(state: NodeState): string {
  return printable(state.name || state.host || state.id)
}

/** The names of nodes by their ids; of equal names, with the flow, and of equal ones there with the host. */
export function namesOf(nodes: readonly NodeState[]): ReadonlyMap<string, string> {
  let names = nodes.map(nameOf)
  for (const more of ['flow', 'host'] as const) {
    const counts = new Map<string, number>()
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
    names = names.map((name, index) => {
      const added = printable(nodes[index]?.[more] ?? '', 60)
      return counts.get(name) === 1 || added === '' ? name : `${name} · ${added}`
    })
  }
  return new Map(nodes.map(({ id }, index) => [id, names[index] ?? '']))
}

/** `AE 206 E Application record locked`, or why there was no such answer. */
export function receiverSaid(row: MessageAnswer, speech: Speech): string {
  const errors = row.errors.map(({ code, severity, text }) =>
    [code, severity, text].filter(Boolean).join(' ')
  )
  const listed = [...new Set(errors)].slice(0, 3).map((error) => {
    const count = errors.filter((other) => other === error).length
    return count === 1 ? error : `${error} ×${count}`
  })
  const said = [row.ackCode, listed.join('; ')].filter(Boolean).join(' ')
  return said === '' ? told(withoutRule(row), row.reason, speech) : printableProse(said)
}

/** What a message waits for, or what became of it, before what the receiver said. */
export function stateWord({ state }: MessageAnswer, { text }: Speech): string {
  return text(`messageState.${state}`)
}

/** What happened to a node or a message, and who did it. */
export function eventSentence(event: EventRow | StoryRow, speech: Speech): string {
  // These words say so already.
  const saysWho = event.kind === 'paused' || event.by === 'rule'
  const by = saysWho ? '' : byWhom(event.by, speech)
  return [told(event, event.text, speech), by].filter(Boolean).join(' · ')
}
