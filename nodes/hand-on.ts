import { types } from 'node:util'
import type { Node, NodeMessageInFlow } from 'node-red'
import type { DeliveryError } from '../src/delivery/delivery-error.ts'

/** Properties that a message leaves with. */
export type LeavingProperties = Readonly<Record<string, unknown>>

/** What Node-RED gives with a message that comes in. */
export type Done = (error?: Error) => void

/*
 * A message may be anything: frozen, without a prototype, with accessors that throw. Node-RED clones
 * it and calls methods on it on the way to Catch and Complete nodes and to a second wire; where that
 * throws, a plainer message leaves instead, because each has to leave once. Nothing here throws.
 */

/** Sends a message to one of two outputs: the same object, where it lets itself be changed. */
export function handOn(
  node: Node,
  msg: NodeMessageInFlow,
  properties: LeavingProperties,
  send: (messages: (NodeMessageInFlow | null)[]) => void,
  output: 0 | 1
): void {
  const ways = [
    () => Object.assign(msg, properties),
    () => ({ ...msg, ...properties }),
    () => ({ ...identity(msg), ...properties })
  ]
  firstThatWorks(node, ways, (leaving) => {
    send(output === 0 ? [leaving] : [null, leaving])
  })
}

/** Hands a message with its error to Catch, through `done` if that was not called yet. */
export function handToCatch(
  node: Node,
  msg: NodeMessageInFlow,
  properties: LeavingProperties,
  error: DeliveryError,
  done: Done | undefined
): void {
  const { payload, ...facts } = properties
  const printable = typeof payload === 'string' || types.isUint8Array(payload)
  const ways = [
    () => Object.assign(msg, properties),
    () => ({ ...msg, ...properties }),
    () => ({ ...identity(msg), ...facts, ...(printable ? { payload } : {}) })
  ]
  firstThatWorks(node, ways, (leaving) => {
    // `done` speaks of the object that came in.
    if (done !== undefined && leaving === msg) done(error)
    else node.error(error, leaving)
  })
}

/** Tells Node-RED that the work on a message is over. */
export function finish(node: Node, done: Done | undefined): void {
  try {
    done?.()
  } catch {
    node.error('A Complete node could not be told of a message: it cannot be cloned.')
  }
}

/** `msg.payload` as it is now; undefined where reading it throws. */
export function payloadOf(msg: NodeMessageInFlow): unknown {
  try {
    return msg.payload
  } catch {
    return undefined
  }
}

function firstThatWorks(
  node: Node,
  ways: readonly (() => NodeMessageInFlow)[],
  leave: (msg: NodeMessageInFlow) => void
): void {
  for (const way of ways) {
    try {
      leave(way())
      return
    } catch {
      // The next one is plainer.
    }
  }
  node.error('A message could not be handed on: Node-RED cannot carry what is on it.')
}

function identity(msg: NodeMessageInFlow): { _msgid: string } {
  let id: unknown
  try {
    id = msg._msgid
  } catch {
    // Then it has none.
  }
  return { _msgid: typeof id === 'string' ? id : '' }
}
