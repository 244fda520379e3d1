import { types } from 'node:util'
import type { Node, NodeMessageInFlow } from 'node-red'
import { systemClock } from '../../src/clock.ts'
import { english } from '../../src/english.ts'
import type { Courier } from '../../src/delivery/courier.ts'
import type { Delivery } from '../../src/delivery/delivery.ts'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import type { HowAgain } from '../../src/delivery/sending-again.ts'
import type { LeftChoice, SuspendedChoice, WaitingChoice } from '../../src/queue/queue-types.ts'
import { MOST_TIME } from '../../src/queue/stored-json.ts'
import { printable } from '../../src/printable.ts'
import { acknowledge } from './flow-acknowledgements.ts'
import type { FlowMessage } from './flow-messages.ts'
import {
  againIn,
  ChoiceError,
  defined,
  LEFT_FILTERS,
  leftChoice,
  pauseEndIn,
  textIn
} from './left-choice.ts'
import { QUEUE_COMMANDS, type UncheckedMessage } from './message-in.ts'
import { outParts } from './out-parts.ts'

/**
 * Whether a message is a command: `msg.action` is one if there is no payload, `acknowledge` if there
 * is an acknowledgement. Otherwise it is an ordinary property.
 */
export function isCommand({ msg, payload }: Pick<FlowMessage, 'msg' | 'payload'>): boolean {
  const { action, acknowledgement }: UncheckedMessage = msg
  if (action === 'acknowledge') return acknowledgement !== undefined
  const empty =
    payload === undefined ||
    payload === null ||
    payload === '' ||
    (types.isUint8Array(payload) && payload.length === 0)
  return empty && QUEUE_COMMANDS.some((command) => command === action)
}

/**
 * Carries out a command of the flow.
 *
 * @throws {DeliveryError} `HL7_UNMATCHED_ACK` or `HL7_INVALID_MESSAGE`
 * @throws {QueueError} when the queue cannot be read or written
 */
export async function carryOut(
  node: Node,
  delivery: Delivery<FlowMessage>,
  courier: Courier,
  msg: NodeMessageInFlow
): Promise<void> {
  const { action, acknowledgement }: UncheckedMessage = msg
  if (action === 'note') note(node, msg)
  if (action === 'pause') await delivery.pause('flow', '', pauseEnd(msg))
  if (action === 'resume') await delivery.resume()
  if (action === 'acknowledge') await acknowledge(delivery, courier, acknowledgement)
  if (action === 'resend' && 'state' in msg) await sendAgain(node, delivery, msg)
  else if (action === 'resend' || action === 'discard') {
    await actOnSuspended(node, delivery, action, msg)
  }
}

/** A time of the day, on a clock with 24 hours. */
const CLOCK_TIME = /^\s*([01]?\d|2[0-3]):([0-5]\d)\s*$/

/**
 * When a pause ends by itself.
 *
 * @throws {DeliveryError} `HL7_INVALID_MESSAGE`: without an end, it would hold up everything
 */
function pauseEnd(msg: UncheckedMessage): { until?: number } {
  if (!('until' in msg)) return {}
  const now = systemClock.now()
  const [, hours, minutes] = CLOCK_TIME.exec(String(msg.until)) ?? []
  if (hours !== undefined) return { until: nextTime(Number(hours), Number(minutes), now) }
  try {
    const until = pauseEndIn({ until: asText('until', msg.until) }, now)
    return until === undefined ? {} : { until }
  } catch (error) {
    if (!(error instanceof ChoiceError)) throw error
    throw new DeliveryError('HL7_INVALID_MESSAGE', english('log', 'error.pauseUntil'))
  }
}

/** The next time at which the clocks of this machine show that. */
function nextTime(hours: number, minutes: number, now: number): number {
  const at = new Date(now)
  at.setHours(hours, minutes, 0, 0)
  if (at.getTime() <= now) {
    at.setDate(at.getDate() + 1)
    // Where the clocks change that day, it may have become another time.
    at.setHours(hours, minutes, 0, 0)
  }
  return at.getTime()
}

/** @throws {DeliveryError} `HL7_INVALID_MESSAGE` */
function note(node: Node, msg: UncheckedMessage): void {
  const { text } = msg
  if (typeof text !== 'string' || text.trim() === '') {
    throw new DeliveryError('HL7_INVALID_MESSAGE', english('log', 'error.noNote'))
  }
  const parts = outParts.get(node)
  if (parts !== undefined && 'delivery' in parts) parts.note(text, 'flow')
}

/** Messages that have left. @throws {DeliveryError} `HL7_INVALID_MESSAGE` */
async function sendAgain(
  node: Node,
  delivery: Delivery<FlowMessage>,
  msg: UncheckedMessage
): Promise<void> {
  const { choice, how } = againOf(node, msg)
  const { found, withoutContent } = await (await delivery.operator()).sendAgain(choice, 'flow', how)
  if (found === 0) node.warn(english('log', 'warning.noneSentAgain'))
  if (withoutContent === 0) return
  node.warn(english('log', 'warning.notSentAgain', { found, withoutContent }))
}

/** A flow may have times as dates or milliseconds, and ids as numbers. */
function againOf(
  node: Node,
  msg: UncheckedMessage
): { choice: LeftChoice; how: HowAgain<FlowMessage> } {
  const entries = Object.entries(msg).filter(([name]) => LEFT_FILTERS.includes(name))
  try {
    const choice = leftChoice(
      Object.fromEntries(entries.map(([name, value]) => [name, asText(name, value)]))
    )
    const { isAgain, hasNewIds } = againIn(msg)
    const parts = outParts.get(node)
    const renew = hasNewIds && parts !== undefined && 'renew' in parts ? parts.renew : undefined
    return { choice, how: { isAgain, ...(renew && { renew }) } }
  } catch (error) {
    throw error instanceof ChoiceError
      ? new DeliveryError(
          'HL7_INVALID_MESSAGE',
          english('log', 'error.nothingSent', { why: error.message })
        )
      : error
  }
}

function asText(name: string, value: unknown): unknown {
  // A flow that looked for something and found nothing does not mean all: this is no text, and refused.
  if (value === undefined || value === '') return null
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
  if (typeof value !== 'number' || !Number.isFinite(value)) return value
  const isTime = name === 'since' || name === 'until' || name === 'before'
  return isTime && Math.abs(value) <= MOST_TIME ? new Date(value).toISOString() : String(value)
}

/** What `discard` may have besides, in `msg.state`. */
const HELD_STATES = ['suspended', 'waiting', 'retrying']
const NARROWED_BY = ['state', 'type', 'rule', 'since', 'before']

/**
 * Which messages are meant, if more narrows the choice than a control ID: nothing that a flow says is left out, because
 * then all would be meant.
 *
 * @throws {DeliveryError} `HL7_INVALID_MESSAGE`
 */
function heldChoice(
  action: 'resend' | 'discard',
  msg: UncheckedMessage
): { isWaiting: boolean; choice: WaitingChoice & SuspendedChoice } | undefined {
  if (!NARROWED_BY.some((name) => name in msg)) return undefined
  const entries = Object.entries(msg).filter(([name]) => LEFT_FILTERS.includes(name))
  const given = Object.fromEntries(entries.map(([name, value]) => [name, asText(name, value)]))
  try {
    const { state = 'suspended', ...named } = given
    if (!HELD_STATES.some((one) => one === state)) {
      throw new ChoiceError('refusal.oneOf', { name: 'state', list: HELD_STATES.join(', ') })
    }
    for (const name of ['since', 'before']) {
      if (name in named) throw new ChoiceError('refusal.notHere', { name, action })
    }
    const choice = defined({
      controlId: textIn(named, 'controlId'),
      type: textIn(named, 'type'),
      rule: textIn(named, 'rule')
    })
    const isWaiting = state !== 'suspended'
    return {
      isWaiting,
      choice: { ...choice, ...(isWaiting && { isRetrying: state === 'retrying' }) }
    }
  } catch (error) {
    if (!(error instanceof ChoiceError)) throw error
    const why = error.message
    throw new DeliveryError('HL7_INVALID_MESSAGE', english('log', 'error.nothingDone', { why }))
  }
}

async function actOnSuspended(
  node: Node,
  delivery: Delivery<FlowMessage>,
  action: 'resend' | 'discard',
  msg: UncheckedMessage
): Promise<void> {
  const held = heldChoice(action, msg)
  if (held !== undefined) {
    const { isWaiting, choice } = held
    const operator = await delivery.operator()
    const found = isWaiting
      ? (await operator.discardWaiting(choice)).found
      : await operator[action](choice)
    if (found === 0) node.warn(english('log', 'warning.noneHeld', { action }))
    return
  }
  const { controlId } = msg
  // A flow may have parsed it as a number.
  const wanted = typeof controlId === 'number' ? String(controlId) : controlId
  // A flow that looked for one and found none does not mean all.
  const meansAll = !('controlId' in msg)
  const choice = meansAll ? {} : { controlId: wanted }
  // One that is no text is nobody's.
  const found =
    meansAll || typeof wanted === 'string'
      ? await (await delivery.operator())[action](choice as SuspendedChoice)
      : 0
  if (found > 0 || meansAll) return
  const name = typeof wanted === 'string' ? printable(wanted) : 'of msg.controlId'
  node.warn(english('log', 'warning.notSuspended', { name, action }))
}
