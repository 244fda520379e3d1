import type { MessageAnswer, NodeState } from '../answers.ts'
import type { MessageFilter } from '../questions.ts'
import { requestTrouble } from './asking.ts'
import { csv } from './csv.ts'
import type { Desk } from './desk.ts'
import { type List, statesOf } from './message-query.ts'
import { csvFile, saveFile } from './save-file.ts'
import { receiverSaid, stateWord } from './words.ts'
import { RequestError } from '../route-request.ts'

/** What is listed, and which of it is ticked. */
export interface Listed {
  list: List
  filter: MessageFilter
  chosen: readonly MessageAnswer[]
}

/** So many messages are in a list that is saved, and asked for at a time. */
const MOST_LISTED = 10_000
const AT_ONCE = 1000

/** Saves what is ticked, or else all that is listed, on this page or not, as CSV: without content. */
export async function saveList(node: NodeState, listed: Listed, desk: Desk): Promise<void> {
  const { text, say, language } = desk
  let found: { rows: readonly MessageAnswer[]; more: boolean }
  try {
    found =
      listed.chosen.length > 0
        ? { rows: listed.chosen, more: false }
        : await allListed(node, listed, desk)
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    say('bad', requestTrouble(error, text), node)
    return
  }
  const { more, rows } = found
  saveFile(`hl7-messages-${node.id}.csv`, csvFile(csv(tableOf(node, rows, desk))))
  const most = MOST_LISTED.toLocaleString(language)
  const words = [
    text('done.listed', { count: rows.length }),
    more ? text('done.listedMore', { most }) : ''
  ]
  say(more ? 'bad' : 'good', words.filter(Boolean).join(' '), node)
}

/** Newest first. */
async function allListed(
  { id }: NodeState,
  { filter, list }: Listed,
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

function tableOf(node: NodeState, rows: readonly MessageAnswer[], desk: Desk): string[][] {
  const { name, text } = desk
  return [
    [
      ...[text('column.controlId'), text('column.type'), text('column.node'), text('column.state')],
      ...[text('csv.accepted'), text('csv.settled'), text('column.tries'), text('column.said')],
      text('filter.rule')
    ],
    ...rows.map((row) => [
      ...[row.controlId, row.type, name(node.id), stateWord(row, desk)],
      ...[row.acceptedAt, row.settledAt ?? '', String(row.attempts), receiverSaid(row, desk)],
      row.rule
    ])
  ]
}
