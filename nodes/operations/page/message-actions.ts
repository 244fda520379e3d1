import { html, nothing, type TemplateResult } from 'lit-html'
import type { MessageAnswer, NodeState } from '../answers.ts'
import { actOnMany, sayResent } from './bulk.ts'
import { printable } from '../../../src/printable.ts'
import { act, button, type Desk, refusal } from './desk.ts'
import { editAction } from './edit-message.ts'
import type { Matching } from './message-query.ts'

/** No longer in the queue. */
const HAS_LEFT: readonly string[] = ['acked', 'naked', 'failed']

export function hasLeft({ state }: MessageAnswer): boolean {
  return HAS_LEFT.includes(state)
}

/** What can be done with all suspended messages that match a filter. */
export function matchingActions(node: NodeState, matching: Matching, desk: Desk): TemplateResult {
  const { text } = desk
  const { count, filter, more } = matching
  const n = `${count}${more ? '+' : ''}`
  const values = { count, n, filter: Object.values(filter).join(', ') }
  const write = refusal(desk, 'resendMessages')
  const why = write || (count === 0 ? text('trouble.noneSuspended') : '')
  const one = (action: 'resend' | 'discard'): TemplateResult =>
    button(desk, {
      id: `${action}-matching`,
      label: text(`button.${action}These`, values),
      why,
      press: () =>
        actOnMany(desk, node, {
          action,
          place: 'messages',
          which: filter,
          count,
          title: text(`question.${action}These`, values),
          confirm: text(`button.${action}These`, values)
        })
    })
  return html`<div class="hl7-buttons">${one('resend')} ${one('discard')}</div>`
}

/** What can be done with the messages that are chosen. */
export function chosenActions(
  node: NodeState,
  chosen: readonly MessageAnswer[],
  desk: Desk
): TemplateResult {
  const { text, name } = desk
  const count = chosen.length
  const values = { count, name: name(node.id) }
  const which = { ids: chosen.map(({ id }) => id) }
  const write = refusal(desk, 'resendMessages')
  const isSuspended = chosen.every(({ state }) => state === 'suspended')
  const isResendable = isSuspended || chosen.every(hasLeft)
  const one = (action: 'resend' | 'discard', trouble: string): TemplateResult =>
    button(desk, {
      id: `${action}-chosen`,
      label: text(`button.${action}Chosen`, { count }),
      why: write || trouble,
      press: () =>
        actOnMany(desk, node, {
          action,
          place: 'messages',
          which,
          count,
          title: text(`question.${action}Chosen`, values),
          confirm: text(`button.${action}Chosen`, { count })
        })
    })
  return html`<div class="hl7-buttons">
    ${one('resend', isResendable ? '' : text('trouble.notSuspendedNorLeft'))}
    ${one('discard', isSuspended ? '' : text('trouble.notSuspended'))}
  </div>`
}

/**
 * What can be done with one message.
 *
 * @param isOpen whether it is still open
 */
export function messageActions(
  node: NodeState,
  row: MessageAnswer,
  desk: Desk,
  isOpen: () => boolean
): TemplateResult {
  const { text } = desk
  const write = refusal(desk, 'resendMessage')
  const isSuspended = row.state === 'suspended'
  const isGone = hasLeft(row)
  return html`${button(desk, {
    id: 'resend-one',
    label: text(isGone ? 'button.sendAgain' : 'button.resendOne'),
    why: write || (isSuspended || isGone ? '' : text('trouble.notSuspended')),
    isFirst: isSuspended,
    press: () => (isGone ? sendAgain(node, row, desk) : resendOne(node, row, desk))
  })}
  ${isSuspended ? editAction(node, row, desk, isOpen) : nothing}
  ${button(desk, {
    id: 'discard-one',
    label: text('button.discardOne'),
    why: write || (isSuspended ? '' : text('trouble.notSuspended')),
    press: () => discardOne(node, row, desk)
  })}`
}

async function resendOne(node: NodeState, row: MessageAnswer, desk: Desk): Promise<void> {
  const { frame, text } = desk
  const controlId = printable(row.controlId)
  await act(desk, async () => {
    await frame.ask('resendMessage', { id: node.id, messageId: row.id }, {})
    sayResent(desk, node, text('done.resentOne', { controlId }))
  })
}

/** Asks first: the receiver gets a message that it may have. */
async function sendAgain(node: NodeState, row: MessageAnswer, desk: Desk): Promise<void> {
  const { question, text } = desk
  const controlId = printable(row.controlId)
  const consent = await question.ask({
    place: 'message',
    title: text('question.sendAgain', { controlId }),
    confirm: text('button.sendAgain')
  })
  if (consent !== undefined) await resendOne(node, row, desk)
}

async function discardOne(node: NodeState, row: MessageAnswer, desk: Desk): Promise<void> {
  const { frame, question, say, text } = desk
  const controlId = printable(row.controlId)
  const consent = await question.ask({
    place: 'message',
    title: text('question.discardOne', { controlId }),
    confirm: text('button.discard', { count: 1 })
  })
  if (consent === undefined) return
  await act(desk, async () => {
    await frame.ask('discardMessage', { id: node.id, messageId: row.id }, {})
    say('good', text('done.discardedOne', { controlId }))
  })
}
