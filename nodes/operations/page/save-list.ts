import type { MessageAnswer, NodeMessage, NodeState } from '../answers.ts'
import type { QuestionOf } from '../questions.ts'
import type { On } from './action.ts'
import { requestTrouble } from './asking.ts'
import { csv } from './csv.ts'
import type { Desk } from './desk.ts'
import { statesOf } from './message-query.ts'
import { csvFile, saveFile } from './save-file.ts'
import { receiverSaid, stateWord } from './words.ts'
import { RequestError } from '../route-request.ts'

/** So many messages are in a list that is saved, and asked for at a time. */
const MOST_LISTED = 10_000
const AT_ONCE = 1000

/** Saves what is ticked, or else all that is listed, on this page or not, as CSV: without content. */
export async function saveList(on: On, desk: Desk): Promise<undefined> {
  const { node } = on
  const { more, rows } =
    on.rows.length > 0 ? { rows: on.rows, more: false } : await allListed(on, desk)
  const listedRows = rows.map((row) => ({ ...row, node: node.id }))
  saved(`hl7-messages-${node.id}.csv`, listedRows, more, desk, node)
}

/**
 * The same of messages of all nodes.
 *
 * @param rows undefined: all that this question finds
 */
export async function saveAll(
  desk: Desk,
  rows: readonly NodeMessage[] | undefined,
  question: QuestionOf<'searchAllMessages'> = {}
): Promise<void> {
  const found: NodeMessage[] = [...(rows ?? [])]
  let next: string | undefined
  try {
    if (rows === undefined) {
      do {
        const from = next === undefined ? {} : { cursor: next }
        const asked = { ...question, ...from, limit: AT_ONCE }
        const page = await desk.frame.ask('searchAllMessages', {}, asked)
        found.push(...page.messages)
        next = page.next
      } while (next !== undefined && found.length < MOST_LISTED)
    }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    desk.say('bad', requestTrouble(error, desk.text))
    return
  }
  const isCut = next !== undefined || found.length > MOST_LISTED
  saved('hl7-messages.csv', found.slice(0, MOST_LISTED), isCut, desk)
}

function saved(
  file: string,
  rows: readonly NodeMessage[],
  more: boolean,
  desk: Desk,
  of?: NodeState
): void {
  const { text, say, language } = desk
  saveFile(file, csvFile(csv(tableOf(rows, desk))))
  const most = MOST_LISTED.toLocaleString(language)
  const words = [
    text('done.listed', { count: rows.length }),
    more ? text('done.listedMore', { most }) : ''
  ]
  say(more ? 'bad' : 'good', words.filter(Boolean).join(' '), of)
}

/** Newest first. */
async function allListed(
  { filter, list, node: { id } }: On,
  { frame }: Desk
): Promise<{ rows: MessageAnswer[]; more: boolean }> {
  const states = statesOf(list)
  // A message that changes its state meanwhile is in two answers.
  const found = new Map<string, MessageAnswer>()
  let isAll = true
  for (const one of states.length === 0 ? [{}] : states.map((state) => ({ state }))) {
    for (let cursor: string | undefined; ;) {
      const from = cursor === undefined ? {} : { cursor }
      const question = { ...filter, ...one, ...from, limit: AT_ONCE }
      const { messages, next } = await frame.ask('messages', { id }, question)
      for (const row of messages) found.set(row.id, row)
      cursor = next
      if (cursor === undefined) break
      if (found.size >= MOST_LISTED) {
        isAll = false
        break
      }
    }
  }
  const rows = [...found.values()].sort((one, other) => Number(other.id) - Number(one.id))
  return { rows: rows.slice(0, MOST_LISTED), more: !isAll || rows.length > MOST_LISTED }
}

function tableOf(rows: readonly NodeMessage[], desk: Desk): string[][] {
  const { name, text } = desk
  return [
    [
      ...[text('column.controlId'), text('column.type'), text('column.node'), text('column.state')],
      ...[text('csv.accepted'), text('csv.settled'), text('column.tries'), text('column.said')],
      text('filter.rule')
    ],
    ...rows.map((row) => [
      ...[row.controlId, row.type, name(row.node), stateWord(row, desk)],
      ...[row.acceptedAt, row.settledAt ?? '', String(row.attempts), receiverSaid(row, desk)],
      row.rule
    ])
  ]
}
