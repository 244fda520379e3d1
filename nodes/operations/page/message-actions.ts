import { html, nothing, type TemplateResult } from 'lit-html'
import type { MessageAnswer, NodeState } from '../answers.ts'
import { actOnMany, type Bulk } from './bulk.ts'
import { printable } from '../../../src/printable.ts'
import { act, button, type Desk, whyGrey } from './desk.ts'
import { editAction } from './edit-message.ts'
import { hasLeft, type Matching } from './message-query.ts'
import type { QuestionPlace } from './question.ts'
import { resendAndWait, type Opened } from './resend-one.ts'
import { notKept, sendChosenAgain } from './send-again.ts'
import { hostOf } from './words.ts'

/** Still in the queue: to be sent, on its way, or retried. */
const WAITS: readonly string[] = ['waiting', 'sending', 'retrying']

function waits({ state }: MessageAnswer): boolean {
  return WAITS.includes(state)
}

/** What can be done with all suspended messages that match a filter. */
export function matchingActions(node: NodeState, matching: Matching, desk: Desk): TemplateResult {
  const { count, filter, more } = matching
  const why = count === 0 ? desk.text('trouble.noneSuspended') : ''
  return actionsOnMany(node, desk, 'These', {
    place: 'messages',
    which: filter,
    count,
    values: { count, n: `${count}${more ? '+' : ''}`, filter: Object.values(filter).join(', ') },
    actions: ['resend', 'discard'],
    whyNot: { resend: why, discard: why }
  })
}

/**
 * What can be done with the messages that are chosen.
 *
 * @param done they were sent again: nothing is chosen any longer
 * @param place where they are listed
 */
export function chosenActions(
  node: NodeState,
  chosen: readonly MessageAnswer[],
  desk: Desk,
  done: () => void,
  place: QuestionPlace = 'messages'
): TemplateResult {
  if (chosen.every(hasLeft)) {
    return html`<div class="hl7-buttons">${sendChosenAgain(node, chosen, desk, done, place)}</div>`
  }
  const { text, name } = desk
  const count = chosen.length
  const isSuspended = chosen.every(({ state }) => state === 'suspended')
  const isWaiting = chosen.every(waits)
  return actionsOnMany(node, desk, 'Chosen', {
    place,
    which: { ids: chosen.map(({ id }) => id), ...(isWaiting && { state: 'waiting' as const }) },
    count,
    values: { count, name: name(node.id), host: hostOf(node) },
    // What waits can only be taken out.
    actions: isWaiting ? ['suspend', 'discard'] : ['resend', 'discard'],
    whyNot: {
      resend: isSuspended ? '' : text('trouble.notSuspendedNorLeft'),
      discard: isSuspended || isWaiting ? '' : text('trouble.notHeld')
    }
  })
}

interface Many extends Pick<Bulk, 'place' | 'which' | 'count'> {
  /** For the texts. */
  values: Record<string, string | number>
  actions: readonly Bulk['action'][]
  /** Why an action is not possible; empty or missing if it is. */
  whyNot: Partial<Record<Bulk['action'], string>>
}

/** @param of what the buttons and their questions are called */
function actionsOnMany(
  node: NodeState,
  desk: Desk,
  of: 'These' | 'Chosen',
  { place, which, count, values, actions, whyNot }: Many
): TemplateResult {
  const { text } = desk
  const write = whyGrey(desk, 'resendMessages')
  const one = (action: Bulk['action']): TemplateResult => {
    // What waits is set aside only if it is chosen.
    const what = action === 'suspend' ? 'suspendChosen' : (`${action}${of}` as const)
    const label = text(`button.${what}`, values)
    return button(desk, {
      id: `${action}-${of.toLowerCase()}`,
      of: node.id,
      label,
      why: write || (whyNot[action] ?? ''),
      press: () =>
        actOnMany(desk, node, {
          action,
          place,
          which,
          count,
          title: text(`question.${what}`, values),
          confirm: label
        })
    })
  }
  return html`<div class="hl7-buttons">${actions.map(one)}</div>`
}

/**
 * What can be done with one message.
 *
 * @param opened it, as it is open in the list
 */
export function messageActions(
  node: NodeState,
  row: MessageAnswer,
  desk: Desk,
  opened: Opened
): TemplateResult {
  const { text } = desk
  const write = whyGrey(desk, 'resendMessage')
  const isSuspended = row.state === 'suspended'
  const isGone = hasLeft(row)
  const isWaiting = waits(row)
  const key = `${node.id} ${row.id}`
  const resend = button(desk, {
    id: 'resend-one',
    of: key,
    label: text(isGone ? 'button.sendAgain' : 'button.resendOne'),
    why: write || (isGone ? notKept(node, desk) : isSuspended ? '' : text('trouble.notSuspended')),
    isFirst: isSuspended,
    press: () => (isGone ? sendAgain : resendOne)(node, row, desk, opened)
  })
  const suspend = button(desk, {
    id: 'suspend-one',
    of: key,
    label: text('button.suspendOne'),
    why: write,
    press: () => takeOutOne('suspend', node, row, desk, opened)
  })
  return html`${isWaiting ? suspend : resend}
  ${
    isSuspended || row.state === 'naked' || row.state === 'failed'
      ? editAction(node, row, desk, opened)
      : nothing
  }
  ${button(desk, {
    id: 'discard-one',
    of: key,
    label: text('button.discardOne'),
    why: write || (isSuspended || isWaiting ? '' : text('trouble.notHeld')),
    press: () => takeOutOne('discard', node, row, desk, opened)
  })}`
}

async function resendOne(
  node: NodeState,
  row: MessageAnswer,
  desk: Desk,
  opened: Opened
): Promise<void> {
  await resendAndWait(node, row, desk, opened)
}

/** Asks first: the receiver gets a message that it may have. */
async function sendAgain(
  node: NodeState,
  row: MessageAnswer,
  desk: Desk,
  opened: Opened
): Promise<void> {
  const { question, text } = desk
  const controlId = printable(row.controlId)
  const consent = await question.ask({
    place: 'message',
    title: text('question.sendAgain', { controlId }),
    confirm: text('button.sendAgain')
  })
  if (consent !== undefined) await resendOne(node, row, desk, opened)
}

/** Sets a message aside, or discards it, after a question. */
async function takeOutOne(
  action: 'suspend' | 'discard',
  node: NodeState,
  row: MessageAnswer,
  desk: Desk,
  opened: Opened
): Promise<void> {
  const { frame, question, say, text } = desk
  const controlId = printable(row.controlId)
  const consent = await question.ask({
    place: 'message',
    title: text(`question.${action}One`, { controlId, host: hostOf(node) }),
    confirm: text(`button.${action}`, { count: 1 })
  })
  if (consent === undefined) return
  await act(desk, node, async () => {
    opened.keep()
    const which = { ids: [row.id], ...(waits(row) && { state: 'waiting' as const }) }
    const { found, inFlight } = await frame.ask(`${action}Messages`, { id: node.id }, which)
    if (found === 0) say('bad', text('trouble.notHeld'), node)
    else {
      const done = action === 'suspend' ? 'done.suspendedOne' : 'done.discardedOne'
      say('good', text(inFlight ? 'done.followsOne' : done, { controlId }), node)
    }
  })
}
