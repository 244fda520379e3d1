import type { Node, NodeMessageInFlow } from 'node-red'
import type { DeliveryError } from '../../src/delivery/delivery-error.ts'
import { english } from '../../src/english.ts'
import type { MessageOut, RefusedMessage } from './message-out.ts'

/** What Node-RED passes with an incoming message. */
export type Done = (error?: Error) => void

/*
 * Node-RED clones a message for a second wire and for each Catch and Complete node. What cannot be
 * cloned makes it throw, so the failure is logged here: nothing else reports it.
 */

/** Sends a message to one of two outputs: the same object, with more properties. Never throws. */
export function handOn(
  node: Node,
  msg: NodeMessageInFlow,
  properties: MessageOut,
  send: (messages: (NodeMessageInFlow | null)[]) => void,
  output: 0 | 1
): void {
  orReport(node, 'log.notHandedOn', () => {
    const leaving = withProperties(msg, properties)
    send(output === 0 ? [leaving] : [null, leaving])
  })
}

/**
 * Hands a message with its error to Catch, through `done` if it has not been called yet. Never
 * throws.
 */
export function handToCatch(
  node: Node,
  msg: NodeMessageInFlow,
  properties: MessageOut | RefusedMessage,
  error: DeliveryError,
  done: Done | undefined
): void {
  orReport(node, 'log.notToCatch', () => {
    const leaving = withProperties(msg, properties)
    // `done` refers to the object that came in.
    if (done !== undefined && leaving === msg) done(error)
    else node.error(error, leaving)
  })
}

/** Tells Node-RED that a message is finished. Never throws. */
export function finish(node: Node, done: Done | undefined): void {
  orReport(node, 'log.notToComplete', () => done?.())
}

/** The same object, if it is not frozen. */
function withProperties(
  msg: NodeMessageInFlow,
  properties: MessageOut | RefusedMessage
): NodeMessageInFlow {
  return Object.isExtensible(msg) ? Object.assign(msg, properties) : { ...msg, ...properties }
}

function orReport(
  node: Node,
  failure: 'log.notHandedOn' | 'log.notToCatch' | 'log.notToComplete',
  action: () => void
): void {
  try {
    action()
  } catch {
    node.error(english('log', failure))
  }
}
