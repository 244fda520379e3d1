import { html, type TemplateResult } from 'lit-html'
import { MOST_REASON } from '../../../src/printable.ts'
import type { ExportCount, NodeState } from '../answers.ts'
import { MOST_EXPORTED, MOST_EXPORTED_BYTES } from '../export-limits.ts'
import type { QuestionOf } from '../questions.ts'
import { RequestError } from '../route-request.ts'
import { requestTrouble } from './asking.ts'
import { act, button, type Desk, whyGrey } from './desk.ts'
import { hasLeft, LEFT_LISTS, statesOf } from './message-query.ts'
import type { Entered, Field, Seen } from './question.ts'
import { saveFile } from './save-file.ts'
import { type Listed, saveList } from './save-list.ts'
import { notKept } from './send-again.ts'

/** In so many bytes at the end of a batch its figures stand. */
const END_BYTES = 1000

/** Takes messages out: those that are ticked, or else all that are listed, on this page or not. */
export function takeOutActions(node: NodeState, listed: Listed, desk: Desk): TemplateResult {
  const { text } = desk
  const { chosen, list } = listed
  const count = chosen.length
  const hasOnlyLeft = count === 0 ? LEFT_LISTS.some((one) => one === list) : chosen.every(hasLeft)
  return html`<div class="hl7-buttons">
    ${button(desk, {
      id: 'export',
      of: node.id,
      label: count === 0 ? text('button.export') : text('button.exportChosen', { count }),
      why: whyGrey(desk, 'exportMessages') || (hasOnlyLeft ? notKept(node, desk) : ''),
      press: () => exportMessages(node, whichOf(listed), desk)
    })}
    ${button(desk, {
      id: 'list-csv',
      of: node.id,
      label: text('button.listCsv'),
      press: () => saveList(node, listed, desk)
    })}
  </div>`
}

type Which = QuestionOf<'exportMessages'>

function whichOf({ chosen, filter, list }: Listed): Which {
  if (chosen.length > 0) return { ids: chosen.map(({ id }) => id) }
  const state = statesOf(list)
  if (state.length > 0) return { ...filter, state }
  // All that the node knows of: that has to be said.
  return Object.keys(filter).length > 0 ? filter : { all: true }
}

async function exportMessages(node: NodeState, which: Which, desk: Desk): Promise<void> {
  const { text, question, frame, name, say, language } = desk
  const check = (field: string, label: string): Field => ({
    kind: 'check',
    name: field,
    label,
    value: false
  })
  let counted: Promise<ExportCount> | undefined
  const look = async (entered: Entered): Promise<Seen> => {
    try {
      counted ??= count(node, which, desk)
      return seen(await counted, entered, desk)
    } catch (error) {
      counted = undefined
      if (!(error instanceof RequestError)) throw error
      return { words: [], why: requestTrouble(error, text) }
    }
  }
  const most = {
    most: MOST_EXPORTED.toLocaleString(language),
    mb: Math.round(MOST_EXPORTED_BYTES / 1_000_000)
  }
  const consent = await question.ask({
    place: 'messages',
    title: text('question.export', { name: name(node.id) }),
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
    look
  })
  if (consent === undefined) return
  await act(desk, node, async () => {
    const asked: Which = {
      ...which,
      reason: consent.value('reason').trim(),
      clear: consent.isChecked('clear'),
      replies: consent.isChecked('replies')
    }
    const { name: file, content } = await frame.download('exportMessages', { id: node.id }, asked)
    saveFile(file, content)
    const [done = 0, missing = 0, cut = 0] = await figuresOf(content)
    const words = [
      text('done.exported', { count: done }),
      missing === 0 ? '' : text('done.exportMissing', { count: missing }),
      cut === 0 ? '' : text('done.exportCut', { count: cut })
    ]
    say(missing + cut === 0 ? 'good' : 'bad', words.filter(Boolean).join(' '), node)
  })
}

async function count(node: NodeState, which: Which, { frame }: Desk): Promise<ExportCount> {
  const answer = await frame.ask('exportMessages', { id: node.id }, { ...which, dryRun: true })
  return 'found' in answer ? answer : { found: 0, withContent: 0 }
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
