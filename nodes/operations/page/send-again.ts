import type { TemplateResult } from 'lit-html'
import type { BulkAnswer, CountAnswer, MessageAnswer, NodeState } from '../answers.ts'
import type { MessageFilter, QuestionOf } from '../questions.ts'
import { printable } from '../../../src/printable.ts'
import { requestTrouble } from './asking.ts'
import { firstAloneField, sayResent, sayTried } from './bulk.ts'
import { act, button, type Desk, whyGrey } from './desk.ts'
import { LEFT_LISTS, type LeftList } from './message-query.ts'
import type { Entered, Field, QuestionPlace, Seen } from './question.ts'
import { clockTime, fieldIso, fieldTime } from './times.ts'
import { RequestError } from '../route-request.ts'
import { hostOf } from './words.ts'

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

/** Why nothing of a node can be sent again; empty if something can. */
export function notKept({ contentDays }: NodeState, { text }: Desk): string {
  return contentDays === 0 ? text('trouble.contentsNotKept') : ''
}

/**
 * Sends messages that have left once more, of a time.
 *
 * @param list the outcome that is chosen at first
 * @param done they were sent: what is listed and ticked is of an earlier time
 */
export function sendAgainAction(
  node: NodeState,
  list: LeftList,
  filter: MessageFilter,
  desk: Desk,
  done: () => void
): TemplateResult {
  const { text } = desk
  return button(desk, {
    id: 'send-again-many',
    of: node.id,
    label: text('button.sendAgainMany'),
    why: whyGrey(desk, 'resendMessages') || notKept(node, desk),
    press: () => {
      const { type = '', ...others } = filter
      const fields: Field[] = [
        {
          kind: 'choice',
          name: 'state',
          label: text('question.outcome'),
          value: list,
          options: LEFT_LISTS.map((value) => ({ value, label: text(`messageState.${value}`) }))
        },
        {
          kind: 'time',
          name: 'since',
          label: text('question.from'),
          value: fieldTime(desk.now() - HOUR_MS)
        },
        { kind: 'time', name: 'before', label: text('question.to') },
        {
          kind: 'line',
          name: 'type',
          label: text('question.type'),
          maxLength: MOST_TYPE,
          value: type
        }
      ]
      const which = (entered: Entered): Which => filterOf(entered, others)
      return sendAgain(
        node,
        desk,
        { fields, which, only: onlyWords(others, desk), place: 'messages' },
        done
      )
    }
  })
}

/** The same of those that are ticked. */
export function sendChosenAgain(
  node: NodeState,
  chosen: readonly MessageAnswer[],
  desk: Desk,
  done: () => void,
  place: QuestionPlace
): TemplateResult {
  const ids = chosen.map(({ id }) => id)
  return button(desk, {
    id: 'resend-chosen',
    of: node.id,
    label: desk.text('button.sendChosenAgain', { count: ids.length }),
    why: whyGrey(desk, 'resendMessages') || notKept(node, desk),
    press: () =>
      sendAgain(node, desk, { fields: [], which: () => ({ ids }), only: '', place }, done)
  })
}

/** By what else the list is narrowed, which no field of the question says. */
function onlyWords(others: Omit<MessageFilter, 'type'>, { text }: Desk): string {
  const names = ['controlId', 'rule', 'error'] as const
  const filter = names.flatMap((name) =>
    others[name] === undefined ? [] : `${text(`filter.${name}`)} ${printable(others[name])}`
  )
  return filter.length === 0 ? '' : text('question.onlyThose', { filter: filter.join(', ') })
}

function filterOf(entered: Entered, others: MessageFilter): Which {
  const given = {
    since: fieldIso(entered.value('since')),
    before: fieldIso(entered.value('before')),
    type: entered.value('type').trim()
  }
  const filled = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
  const state = LEFT_LISTS.find((one) => one === entered.value('state')) ?? 'acked'
  return { state, ...others, ...filled }
}

/** What is asked, and where. */
interface Asking {
  fields: readonly Field[]
  which: (entered: Entered) => Which
  /** What the messages have in common besides, in words; may be empty. */
  only: string
  place: QuestionPlace
}

async function sendAgain(
  node: NodeState,
  desk: Desk,
  { fields, only, place, which }: Asking,
  done: () => void
): Promise<void> {
  const { text, question, frame, name, say } = desk
  const isPaused = node.state === 'paused'
  const check = (field: string, label: string): Field => ({
    kind: 'check',
    name: field,
    label,
    value: false
  })
  const ask = (entered: Entered, more: Which): Promise<BulkAnswer | CountAnswer> =>
    frame.ask(
      'resendMessages',
      { id: node.id },
      { ...which(entered), again: entered.isChecked('again'), ...more }
    )
  const look = async (entered: Entered): Promise<Seen> => {
    try {
      const answer = await ask(entered, { dryRun: true })
      return 'withContent' in answer ? seen(answer, desk) : { words: [] }
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      return { words: [], why: requestTrouble(error, text) }
    }
  }
  const consent = await question.ask({
    place,
    title: [text('question.sendAgainMany', { name: name(node.id), host: hostOf(node) }), only]
      .filter(Boolean)
      .join(' '),
    confirm: text('button.sendAgain'),
    fields: [
      ...fields,
      check('again', text('question.again')),
      check('newIds', text('question.newIds')),
      // A paused node sends nothing, so the outcome of the first would not be known.
      ...(isPaused ? [] : [firstAloneField(text)])
    ],
    look
  })
  if (consent === undefined) return
  await act(desk, node, async () => {
    const firstAlone = consent.isChecked('first')
    if (firstAlone) say('good', text('done.trying'), node)
    const how = { firstAlone, newIds: consent.isChecked('newIds'), follow: true }
    const answer = await ask(consent, how)
    if ('withContent' in answer) return
    const more = { details: notSentWords(answer, desk), ids: answer.ids }
    if (answer.first) {
      sayTried(desk, node, answer.first, answer.resent ?? 0, more, 'done.firstAgainNotAck')
    } else {
      const words = text('done.sentAgain', { count: answer.resent ?? answer.found })
      sayResent(desk, node, words, more)
    }
    done()
  })
}

/** What would be sent. */
function seen(counted: CountAnswer, { text, now, language }: Desk): Seen {
  const { found, withContent, leftOut = 0, first, last, overtaken } = counted
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
    overtaken === 0 ? '' : text('seen.overtaken', { count: overtaken }),
    leftOut === 0 ? '' : text('seen.leftOut', { count: leftOut })
  ]
  return {
    words: words.filter(Boolean),
    confirm: text('button.sendAgainCount', { count: withContent }),
    ...(withContent === 0 && { why: text('trouble.noneToSendAgain') })
  }
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
