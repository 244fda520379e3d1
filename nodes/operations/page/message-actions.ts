import { html, nothing, type TemplateResult } from 'lit-html'
import type { MessageAnswer, NodeState } from '../answers.ts'
import { actOnMany, type Bulk, sayResent } from './bulk.ts'
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
  const { count, filter, more } = matching
  const why = count === 0 ? desk.text('trouble.noneSuspended') : ''
  return actionsOnMany(node, desk, 'These', {
    which: filter,
    count,
    values: { count, n: `${count}${more ? '+' : ''}`, filter: Object.values(filter).join(', ') },
    whyNot: { resend: why, discard: why }
  })
}

/** What can be done with the messages that are chosen. */
export function chosenActions(
  node: NodeState,
  chosen: readonly MessageAnswer[],
  desk: Desk
): TemplateResult {
  const { text, name } = desk
  const count = chosen.length
  const isSuspended = chosen.every(({ state }) => state === 'suspended')
  const isResendable = isSuspended || chosen.every(hasLeft)
  return actionsOnMany(node, desk, 'Chosen', {
    which: { ids: chosen.map(({ id }) => id) },
    count,
    values: { count, name: name(node.id) },
    whyNot: {
      resend: isResendable ? '' : text('trouble.notSuspendedNorLeft'),
      discard: isSuspended ? '' : text('trouble.notSuspended')
    }
  })
}

interface Many extends Pick<Bulk, 'which' | 'count'> {
  /** For the texts. */
  values: Record<string, string | number>
  /** Why an action is not possible; empty if it is. */
  whyNot: Record<Bulk['action'], string>
}

/** @param of what the buttons and their questions are called */
function actionsOnMany(
  node: NodeState,
  desk: Desk,
  of: 'These' | 'Chosen',
  { which, count, values, whyNot }: Many
): TemplateResult {
  const { text } = desk
  const write = refusal(desk, 'resendMessages')
  const one = (action: Bulk['action']): TemplateResult => {
    const label = text(`button.${action}${of}`, values)
    return button(desk, {
      id: `${action}-${of.toLowerCase()}`,
      of: node.id,
      label,
      why: write || whyNot[action],
      press: () =>
        actOnMany(desk, node, {
          action,
          place: 'messages',
          which,
          count,
          title: text(`question.${action}${of}`, values),
          confirm: label
        })
    })
  }
  return html`<div class="hl7-buttons">${one('resend')} ${one('discard')}</div>`
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
  const key = `${node.id} ${row.id}`
  return html`${button(desk, {
    id: 'resend-one',
    of: key,
    label: text(isGone ? 'button.sendAgain' : 'button.resendOne'),
    why: write || (isSuspended || isGone ? '' : text('trouble.notSuspended')),
    isFirst: isSuspended,
    press: () => (isGone ? sendAgain(node, row, desk) : resendOne(node, row, desk))
  })}
  ${isSuspended ? editAction(node, row, desk, isOpen) : nothing}
  ${button(desk, {
    id: 'discard-one',
    of: key,
    label: text('button.discardOne'),
    why: write || (isSuspended ? '' : text('trouble.notSuspended')),
    press: () => discardOne(node, row, desk)
  })}`
}

async function resendOne(node: NodeState, row: MessageAnswer, desk: Desk): Promise<void> {
  const { frame, text } = desk
  const controlId = printable(row.controlId)
  await act(desk, node, async () => {
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
  await act(desk, node, async () => {
    await frame.ask('discardMessage', { id: node.id, messageId: row.id }, {})
    say('good', text('done.discardedOne', { controlId }), node)
  })
}
