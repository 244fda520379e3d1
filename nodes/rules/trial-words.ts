import type { Retries } from '../../src/delivery/what-follows.ts'
import type { FormText, OutKey } from '../../src/form-text.ts'
import { printable, printableProse } from '../../src/printable.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import type { RuleFinding } from '../../src/rules/try-rules.ts'
import type { Reason } from '../../src/rules/why-not.ts'
import { durationWords } from './duration-words.ts'
import { actionWords, conditionWords } from './reply-rule-words.ts'
import type { Trial } from './rule-trial.ts'

/** Longer values of a reply are cut, in characters. */
const MOST_VALUE = 60

/** Looks up the form's texts in the reader's language. */
type TrialText = FormText<OutKey>

/** A trial in words. */
export interface TrialWords {
  /** The message leaves on ACK, or will. */
  isGood: boolean
  /** Which rule decides, and what it says. */
  decider: string
  /** What becomes of the message, and when: a few sentences. */
  following: string
  /** What the answer was compared with. */
  compared: string
  /** What each rule makes of the answer, and why it does not match. */
  rules: { text: string; state: RuleFinding['state']; words: string }[]
}

/** @param language of the reader */
export function trialWords(trial: Trial, text: TrialText, language: string): TrialWords {
  const { follows, sent, tried } = trial
  return {
    isGood: follows.end === 'ack' || follows.end === 'awaits',
    decider: deciderWords(trial, text),
    following: followingWords(trial, text, language),
    compared: [sent.type, sent.controlId].join(' · '),
    rules: tried.findings.map((finding) => ({
      text: finding.rule.text,
      state: finding.state,
      words: findingWords(finding, trial, text)
    }))
  }
}

function deciderWords({ tried }: Trial, text: TrialText): string {
  const { decider, decision } = tried
  if (decision.action === '') return text('tried.notDue')
  const [rule] = decision.rule === '' ? [] : parseReplyRules(decision.rule).rules
  if (rule === undefined) return text('tried.byNone')
  if (rule.outcome === null) return text('tried.byWarning')
  const words = {
    condition: printableProse(conditionWords(rule, text)),
    action: actionWords(rule, text)
  }
  return decider === undefined
    ? text('tried.byDefault', words)
    : text('tried.byRule', { ...words, number: decider + 1 })
}

function findingWords({ state, reasons }: RuleFinding, trial: Trial, text: TrialText): string {
  if (state === 'unreached') {
    return text('tried.unreached', { number: (trial.tried.decider ?? 0) + 1 })
  }
  if (state !== 'no') return text(`tried.${state}`)
  return reasons.map((reason) => reasonWords(reason, text)).join('; ')
}

function reasonWords({ kind, values }: Reason, text: TrialText): string {
  const words = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'object'
      ? value
          .map((one) => printable(one, MOST_VALUE))
          .join(name === 'wanted' ? text('rules.or') : ', ')
      : printable(String(value), MOST_VALUE)
  ])
  return text(`whyNot.${kind}`, Object.fromEntries(words) as Record<string, string>)
}

function followingWords(
  { asksForToken, follows, meaning }: Trial,
  text: TrialText,
  language: string
): string {
  const { holdsNode, retries } = follows
  const end =
    follows.end === 'awaits'
      ? text(`awaits.${follows.late ?? 'suspend'}`)
      : text(`follows.${follows.end}`)
  const sentences = [
    meaning === undefined ? '' : text('follows.meaning', { status: meaning }),
    asksForToken ? text('follows.token') : '',
    retries === undefined ? end : retryWords(retries, text, language),
    retries === undefined || !hasEnd(retries) ? '' : text('follows.then', { end }),
    holdsNode ? text('follows.node') : ''
  ]
  return sentences.filter((one) => one !== '').join(' ')
}

/** Retries that nothing but an answer ends have no end to speak of. */
function hasEnd({ until }: Retries): boolean {
  return typeof until === 'object'
}

function retryWords(
  { isMore, longestMs, until, waitsMs }: Retries,
  text: TrialText,
  language: string
): string {
  const duration = (ms: number): string => durationWords(Math.round(ms / 1000), language)
  const named = waitsMs.map(duration).join(', ')
  const waits = !isMore
    ? named
    : longestMs === undefined
      ? text('follows.more', { waits: named })
      : text('follows.longest', { waits: named, longest: duration(longestMs) })
  const end =
    typeof until === 'string'
      ? text(`follows.${until === 'timeout' ? 'answered' : until}`)
      : 'count' in until
        ? text('follows.count', { count: until.count })
        : text('follows.time', { time: duration(until.ms) })
  return text('follows.retried', { waits, until: end })
}
