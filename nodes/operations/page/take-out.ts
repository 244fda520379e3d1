import { MOST_REASON } from '../../../src/printable.ts'
import type { ExportCount } from '../answers.ts'
import { MOST_EXPORTED, MOST_EXPORTED_BYTES } from '../export-limits.ts'
import type { QuestionOf } from '../questions.ts'
import { RequestError } from '../route-request.ts'
import type { On } from './action.ts'
import { requestTrouble } from './asking.ts'
import type { Desk } from './desk.ts'
import { statesOf } from './message-query.ts'
import type { Entered, Field, Question, Seen } from './question.ts'
import { saveFile } from './save-file.ts'

/** In so many bytes at the end of a batch its figures stand. */
const END_BYTES = 1000

type Which = QuestionOf<'exportMessages'>

function whichOf({ filter, list, rows }: On): Which {
  if (rows.length > 0) return { ids: rows.map(({ id }) => id) }
  const state = statesOf(list)
  if (state.length > 0) return { ...filter, state }
  // All that the node knows of: that has to be said.
  return Object.keys(filter).length > 0 ? filter : { all: true }
}

export function exportQuestion(on: On, desk: Desk): Partial<Question> {
  const { frame, language, text } = desk
  const check = (name: string, label: string): Field => ({
    kind: 'check',
    name,
    label,
    value: false
  })
  let counted: Promise<ExportCount> | undefined
  const count = async (): Promise<ExportCount> => {
    const question = { ...whichOf(on), dryRun: true }
    const answer = await frame.ask('exportMessages', { id: on.node.id }, question)
    return 'found' in answer ? answer : { found: 0, withContent: 0 }
  }
  const most = {
    most: MOST_EXPORTED.toLocaleString(language),
    mb: Math.round(MOST_EXPORTED_BYTES / 1_000_000)
  }
  return {
    confirm: text('button.export'),
    hints: [
      text('question.exportMasked'),
      text('question.exportNotMasked'),
      text('question.exportFile', most)
    ],
    fields: [
      {
        kind: 'line',
        name: 'reason',
        label: text('question.exportReason'),
        maxLength: MOST_REASON
      },
      check('clear', text('question.exportClear')),
      check('replies', text('question.exportReplies'))
    ],
    async look(entered) {
      try {
        counted ??= count()
        return seen(await counted, entered, desk)
      } catch (error) {
        counted = undefined
        if (!(error instanceof RequestError)) throw error
        return { words: [], why: requestTrouble(error, text) }
      }
    }
  }
}

export async function exportMessages(
  on: On,
  { frame, say, text }: Desk,
  entered: Entered
): Promise<undefined> {
  const asked: Which = {
    ...whichOf(on),
    reason: entered.value('reason').trim(),
    clear: entered.isChecked('clear'),
    replies: entered.isChecked('replies')
  }
  const { name, content } = await frame.download('exportMessages', { id: on.node.id }, asked)
  saveFile(name, content)
  const [done = 0, missing = 0, cut = 0] = await figuresOf(content)
  const words = [
    text('done.exported', { count: done }),
    missing === 0 ? '' : text('done.exportMissing', { count: missing }),
    cut === 0 ? '' : text('done.exportCut', { count: cut })
  ]
  say(missing + cut === 0 ? 'good' : 'bad', words.filter(Boolean).join(' '), on.node)
}

/** What would be in the file, and why it cannot be made. */
function seen({ found, withContent }: ExportCount, entered: Entered, { text }: Desk): Seen {
  const words =
    found === withContent
      ? text('seen.found', { count: found })
      : text('seen.exportKept', { count: found, n: withContent })
  const why =
    withContent === 0
      ? text('trouble.noneToExport')
      : entered.value('reason').trim() === ''
        ? text('trouble.noReason')
        : ''
  return {
    words: [words],
    confirm: text('button.exportCount', { count: withContent }),
    ...(why !== '' && { why })
  }
}

/** BTS-3 of a batch: how many messages there are, are missing, and did not fit. */
async function figuresOf(content: Blob): Promise<number[]> {
  const end = await content.slice(Math.max(0, content.size - END_BYTES)).text()
  const [, figures = ''] = /\rBTS\|\d+\|[^|\r]*\|([\d~]+)\r/.exec(end) ?? []
  return figures.split('~').map(Number)
}
