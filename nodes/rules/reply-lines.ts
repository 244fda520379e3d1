import type { Follows } from '../../src/delivery/what-follows.ts'
import type { LastPart } from '../../src/english.ts'
import type { FormText, OutKey } from '../../src/form-text.ts'
import type { ReplyRule } from '../../src/rules/reply-rules.ts'
import { durationWords } from './duration-words.ts'
import { actionWords, conditionWords } from './reply-rule-words.ts'
import { neverDecides } from './rule-reach.ts'
import {
  sentHeaders,
  tryAnswer,
  type Trial,
  type TrialSettings,
  type TriedAnswer,
  type TriedFailure
} from './rule-trial.ts'
import { acknowledgementWith, page } from './trial-examples.ts'

/** What becomes of some kinds of replies. */
export interface ReplyLine {
  kinds: string
  follows: string
}

/** The text of a reply in which no rule finds what it looks for: such a rule is told as it is. */
const NO_WORDS = '…'

type KindName = LastPart<OutKey, 'replyKind'>

/** A kind of reply: one that rules are asked about, or several, each of which is named only where they differ. */
type Kind =
  | { name: KindName | `${number}`; answer: TriedAnswer }
  | { name: KindName | `${number}`; parts: readonly Kind[] }

/** The kinds of replies, in the order in which they are shown. */
function kindsFor(controlId: string): readonly Kind[] {
  const acknowledged = (name: KindName, code: string, severity?: string): Kind => ({
    name,
    answer: acknowledgementWith(
      code,
      controlId,
      ...(severity === undefined ? [] : [`ERR||PID^1^3|207^^HL70357|${severity}`])
    )
  })
  return [
    acknowledged('accepted', 'AA'),
    {
      name: 'AE',
      parts: [
        {
          name: 'AEwarning',
          parts: [acknowledged('AEonlyW', 'AE', 'W'), acknowledged('AEonlyI', 'AE', 'I')]
        },
        acknowledged('AE', 'AE', 'E')
      ]
    },
    acknowledged('AR', 'AR', 'E'),
    {
      name: 'otherCode',
      parts: [acknowledged('unknownCode', 'ZZ'), acknowledged('emptyCode', '')]
    },
    {
      name: 'away',
      parts: [
        failed('receiverAway', 'connect'),
        failed('proxyAway', 'proxy'),
        failed('tokenServerAway', 'tokenServer')
      ]
    },
    ...statuses(429, 502, 503, 504),
    {
      name: 'login',
      parts: [
        ...statuses(401, 403),
        failed('proxyLogin', 'proxyLogin'),
        failed('tokenLogin', 'tokenLogin')
      ]
    },
    {
      name: 'address',
      parts: [
        failed('certificate', 'certificate'),
        ...statuses(404, 405, 410, 431, 501),
        { name: 'redirect', answer: withStatus(302) }
      ]
    },
    {
      name: '500',
      parts: [...statuses(500), { name: 'other5xx', answer: withStatus(520) }]
    },
    { name: '408', parts: statuses(408, 425) },
    failed('timeout', 'timeout'),
    failed('reset', 'reset'),
    failed('unreadable', 'unreadable'),
    {
      name: 'other4xx',
      parts: [...statuses(400, 409, 413, 415, 422), { name: 'other4xx', answer: withStatus(406) }]
    },
    {
      name: 'noAck',
      parts: [
        {
          name: 'noAckEvenEmpty',
          parts: [
            { name: 'otherText', answer: withStatus(200) },
            { name: 'empty', answer: { status: 200, contentType: '', text: '' } }
          ]
        },
        { name: 'webPage', answer: page(200, NO_WORDS) }
      ]
    }
  ]
}

function failed(name: KindName, failure: TriedFailure): Kind {
  return { name, answer: { failure } }
}

function statuses(...all: readonly number[]): Kind[] {
  return all.map((status) => ({ name: `${status}`, answer: withStatus(status) }))
}

function withStatus(status: number): TriedAnswer {
  return { status, contentType: 'text/plain', text: NO_WORDS }
}

/** A kind, with what becomes of it: of one with parts, if that is the same of all of them. */
interface Told {
  name: Kind['name']
  follows: string | undefined
  parts: readonly Told[]
}

/**
 * What becomes of each kind of reply: asked of the rules, with the code that asks them at run time. A rule that none of
 * these kinds shows is told as it is.
 *
 * @param language of the reader
 */
export async function replyLines(
  settings: Omit<TrialSettings, 'again' | 'hasToken'>,
  text: FormText<OutKey>,
  language: string
): Promise<ReplyLine[]> {
  const deciders = new Set<ReplyRule>()
  const ask = async (kind: Kind): Promise<Told> => {
    const { name } = kind
    if ('answer' in kind) {
      const trial = await tryAnswer(kind.answer, { ...settings, again: false, hasToken: false })
      const decider = trial.tried.findings[trial.tried.decider ?? -1]?.rule
      if (decider !== undefined) deciders.add(decider)
      return { name, follows: followsWords(trial, text, language), parts: [] }
    }
    const parts = await Promise.all(kind.parts.map(ask))
    const [first, ...more] = parts.map(({ follows }) => follows)
    return { name, follows: more.every((one) => one === first) ? first : undefined, parts }
  }
  const told = await Promise.all(kindsFor(sentHeaders(settings.sent).controlId).map(ask))
  const { rules } = settings.rules
  const untold = rules.filter(
    (rule, at) => rule.outcome !== null && !deciders.has(rule) && !neverDecides(rules, at)
  )
  return [
    ...linesOf(told.flatMap(named), text),
    ...untold.map((rule) => ({
      kinds: conditionWords(rule, text),
      follows: actionWords(rule, text)
    }))
  ]
}

/** As few names as tell what becomes of it. */
function named({ name, follows, parts }: Told): { name: Kind['name']; follows: string }[] {
  return follows === undefined ? parts.flatMap(named) : [{ name, follows }]
}

/** A line for each thing that may become of a message. */
function linesOf(
  kinds: readonly { name: Kind['name']; follows: string }[],
  text: FormText<OutKey>
): ReplyLine[] {
  const lines = new Map<string, string[]>()
  for (const { name, follows } of kinds) {
    const words = isStatus(name) ? name : text(`replyKind.${name}`)
    lines.set(follows, [...(lines.get(follows) ?? []), words])
  }
  return [...lines].map(([follows, names]) => ({ kinds: names.join(', '), follows }))
}

function isStatus(name: Kind['name']): name is `${number}` {
  return /^\d+$/.test(name)
}

function followsWords({ follows, tried }: Trial, text: FormText<OutKey>, language: string): string {
  const words = untilWords(follows, text, language)
  const { retry, warnings } = tried.decision
  return warnings.length > 0 && !retry ? text('replyFollows.warned', { follows: words }) : words
}

function untilWords(follows: Follows, text: FormText<OutKey>, language: string): string {
  const { callsSomebody, end, late = 'suspend', retries } = follows
  if (retries === undefined) {
    return end === 'awaits' ? text(`replyAwaits.${late}`) : text(`replyFollows.${end}`)
  }
  const { until } = retries
  if (typeof until === 'string') {
    return callsSomebody ? text('replyFollows.calls') : text('replyFollows.waits')
  }
  const then = end === 'awaits' || end === 'ack' ? '' : text(`replyThen.${end}`)
  return 'count' in until
    ? text('replyFollows.counted', { count: until.count, then })
    : text('replyFollows.tried', {
        time: durationWords(Math.round(until.ms / 1000), language),
        then
      })
}
