import type { BulkAnswer, CountAnswer } from '../answers.ts'
import type { MessageFilter, QuestionOf } from '../questions.ts'
import { printable } from '../../../src/printable.ts'
import { requestTrouble } from './asking.ts'
import { type On, valuesOf } from './action.ts'
import type { Desk } from './desk.ts'
import { LEFT_LISTS } from './message-query.ts'
import type { Entered, Field, Question, Seen } from './question.ts'
import { firstAloneField, sayResent, sayTried } from './resend.ts'
import { namedPath } from './story/field-name.ts'
import { clockTime, fieldIso, fieldTime, type Text } from './times.ts'
import { RequestError } from '../route-request.ts'

const WHY_WORDS = {
  notKept: 'notSent.notKept',
  sentBefore: 'notSent.sentBefore',
  isCopy: 'notSent.isCopy',
  repeated: 'notSent.repeated'
} as const

/** So many control IDs are named for each reason. */
const MOST_NAMED = 20
/** Which messages, and how they are sent. */
type Which = QuestionOf<'resendMessages'>
/** MSH-9 is no longer. */
const MOST_TYPE = 60
/** What is offered at first, back from now, in milliseconds. */
const HOUR_MS = 3_600_000

/** Messages that have left, of a time. */
export function timesQuestion(on: On, desk: Desk): Partial<Question> {
  const { text } = desk
  const { type = '', ...others } = on.filter
  const fields: Field[] = [
    {
      kind: 'choice',
      name: 'state',
      label: text('question.outcome'),
      value: on.list,
      options: LEFT_LISTS.map((value) => ({ value, label: text(`messageState.${value}`) }))
    },
    {
      kind: 'time',
      name: 'since',
      label: text('question.from'),
      value: fieldTime(desk.now() - HOUR_MS)
    },
    { kind: 'time', name: 'before', label: text('question.to') },
    { kind: 'line', name: 'type', label: text('question.type'), maxLength: MOST_TYPE, value: type }
  ]
  const title = text('question.sendAgainMany', valuesOf(on, desk))
  return {
    ...againQuestion(on, desk, fields),
    title: [title, onlyWords(others, desk)].filter(Boolean).join(' ')
  }
}

/** The same of those that are ticked. */
export function chosenQuestion(on: On, desk: Desk): Partial<Question> {
  return againQuestion(on, desk, [])
}

function againQuestion(
  on: On,
  desk: Desk,
  fields: readonly Field[]
): Pick<Question, 'fields' | 'confirm' | 'look'> {
  const { text } = desk
  const check = (name: string, label: string): Field => ({
    kind: 'check',
    name,
    label,
    value: false
  })
  return {
    confirm: text('button.sendAgain'),
    fields: [
      ...fields,
      check('again', text('question.again')),
      check('newIds', text('question.newIds')),
      // A paused node sends nothing, so the outcome of the first would not be known.
      ...(on.node.state === 'paused' ? [] : [firstAloneField(text)])
    ],
    async look(entered) {
      try {
        const answer = await ask(on, desk, entered, { dryRun: true })
        return 'withContent' in answer ? seen(answer, desk) : { words: [] }
      } catch (error) {
        if (!(error instanceof RequestError)) throw error
        return { words: [], why: requestTrouble(error, text) }
      }
    }
  }
}

function ask(
  on: On,
  { frame }: Desk,
  entered: Entered,
  more: Which
): Promise<BulkAnswer | CountAnswer> {
  const which = on.rows.length > 0 ? { ids: on.rows.map(({ id }) => id) } : filterOf(entered, on)
  const again = entered.isChecked('again')
  return frame.ask('resendMessages', { id: on.node.id }, { ...which, again, ...more })
}

export async function sendAgain(on: On, desk: Desk, entered: Entered): Promise<undefined> {
  const { say, text } = desk
  const { done, node } = on
  const firstAlone = entered.isChecked('first')
  if (firstAlone) say('good', text('done.trying'), node)
  const how = { firstAlone, newIds: entered.isChecked('newIds'), follow: true }
  const answer = await ask(on, desk, entered, how)
  if ('withContent' in answer) return
  const more = { details: notSentWords(answer, desk), ids: answer.ids }
  if (answer.first) {
    sayTried(desk, node, answer.first, answer.resent ?? 0, more, 'done.firstAgainNotAck')
  } else {
    const words = text('done.sentAgain', { count: answer.resent ?? answer.found })
    sayResent(desk, node, words, more)
  }
  done()
  desk.follow(node, answer.ids ?? [])
}

/** By what else the list is narrowed, which no field of the question says. */
function onlyWords(others: Omit<MessageFilter, 'type'>, { text }: Desk): string {
  const names = ['controlId', 'rule', 'error'] as const
  const filter = names.flatMap((name) =>
    others[name] === undefined ? [] : `${text(`filter.${name}`)} ${printable(others[name])}`
  )
  return filter.length === 0 ? '' : text('question.onlyThose', { filter: filter.join(', ') })
}

function filterOf(entered: Entered, { filter: { type: _, ...others } }: On): Which {
  const given = {
    since: fieldIso(entered.value('since')),
    before: fieldIso(entered.value('before')),
    type: entered.value('type').trim()
  }
  const filled = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
  const state = LEFT_LISTS.find((one) => one === entered.value('state')) ?? 'acked'
  return { state, ...others, ...filled }
}

/** What would be sent. */
function seen(counted: CountAnswer, { text, now, language }: Desk): Seen {
  const { found, withContent, leftOut = 0, first, last } = counted
  const time = (at: string): string => clockTime(at, now(), language, true)
  const words = [
    found === withContent
      ? text('seen.found', { count: found })
      : text('seen.kept', { count: found, n: withContent }),
    first === null || last === null
      ? ''
      : text(withContent === 1 ? 'seen.one' : 'seen.fromTo', {
          first: first.controlId,
          since: time(first.settledAt),
          last: last.controlId,
          until: time(last.settledAt)
        }),
    overtakenWords(counted, text),
    leftOut === 0 ? '' : text('seen.leftOut', { count: leftOut })
  ]
  return {
    words: words.filter(Boolean),
    confirm: text('button.sendAgainCount', { count: withContent }),
    ...(withContent === 0 && { why: text('trouble.noneToSendAgain') })
  }
}

/** The later messages are of the same patient, say: of the key by which the node keeps the order. */
function overtakenWords({ orderKey, overtaken: count }: CountAnswer, text: Text): string {
  if (count === 0) return ''
  if (orderKey === '') return text('seen.overtaken', { count })
  return text('seen.overtakenOfKey', { count, key: namedPath(orderKey, text) })
}

/** What was not sent, and why. */
function notSentWords({ notSent = [] }: BulkAnswer, { text }: Desk): string[] {
  const whys = [...new Set(notSent.map(({ why }) => why))]
  return whys.map((why) => {
    const ids = notSent
      .filter((one) => one.why === why)
      .map(({ controlId }) => printable(controlId))
    const more = ids.length > MOST_NAMED ? ' …' : ''
    return text(WHY_WORDS[why], {
      count: ids.length,
      ids: `${ids.slice(0, MOST_NAMED).join(', ')}${more}`
    })
  })
}
