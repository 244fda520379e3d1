import type { AllMessagesPage, NodeMessage } from '../answers.ts'
import type { Desk } from './desk.ts'
import { receiverSaid, stateWord } from './words.ts'

/** The states of messages, those first that somebody should look at. */
const BY_URGENCY = [
  'suspended',
  'retrying',
  'waiting',
  'sending',
  'awaiting',
  'leaving',
  'left',
  'failed',
  'naked',
  'acked'
] as const satisfies NodeMessage['state'][]

/** Those first that somebody should look at. */
export function mostUrgentFirst(rows: readonly NodeMessage[]): NodeMessage[] {
  const rank = ({ state }: NodeMessage): number => BY_URGENCY.indexOf(state)
  return [...rows].sort((one, other) => rank(one) - rank(other))
}

/** What became of the messages with these control IDs, in figures. */
export function idsSentence(
  ids: number,
  { messages, unknown = [] }: AllMessagesPage,
  { text }: Pick<Desk, 'text'>
): string[] {
  const counts = BY_URGENCY.map((state) => ({
    state,
    n: messages.filter((row) => row.state === state).length
  }))
  const words = counts
    .filter(({ n }) => n > 0)
    .map(({ state, n }) => `${n} ${text(`messageState.${state}`)}`)
  return [
    text('find.list', { n: ids }),
    messages.length === 0
      ? ''
      : text('find.listed', { count: messages.length, words: words.join(', ') }),
    unknown.length === 0 ? '' : text('find.unknown', { count: unknown.length })
  ]
}

/** The same message by message, without their content, for the one who asked. */
export function foundTable({ messages, unknown = [] }: AllMessagesPage, desk: Desk): string[][] {
  const { name, text } = desk
  return [
    [
      ...[text('column.controlId'), text('column.node'), text('column.state')],
      ...[text('csv.accepted'), text('csv.settled'), text('column.said')]
    ],
    ...unknown.map((controlId) => [controlId, '', text('find.unknownState'), '', '', '']),
    ...mostUrgentFirst(messages).map((row) => [
      ...[row.controlId, name(row.node), stateWord(row, desk)],
      ...[row.acceptedAt, row.settledAt ?? '', receiverSaid(row, desk) || row.ackCode]
    ])
  ]
}
