import { types } from 'node:util'
import type { Node, NodeAPI, NodeMessageInFlow } from 'node-red'
import type { DeliveryError } from '../src/delivery/delivery-error.ts'
import { isPlain } from '../src/outbox/message-codec.ts'

/** Properties that a message leaves with. */
export type LeavingProperties = Readonly<Record<string, unknown>>

/** What Node-RED passes with an incoming message. */
export type Done = (error?: Error) => void

/** Objects of a message that are inspected before it is handed on; longer arrays are not. */
const MOST_OBJECTS = 10_000

/*
 * A message may be anything: frozen, without a prototype, with accessors that throw. Node-RED clones
 * it for a second wire and for each Catch and Complete node, and calls methods on it. If that
 * fails, a plainer message leaves instead. Each has to leave once, and a sent message cannot be
 * recalled: so this is checked before anything is sent. Nothing here throws.
 */

/** Sends a message to one of two outputs: the same object, if it can be modified. */
export function handOn(
  RED: NodeAPI,
  node: Node,
  msg: NodeMessageInFlow,
  properties: LeavingProperties,
  send: (messages: (NodeMessageInFlow | null)[]) => void,
  output: 0 | 1
): void {
  const { wires = [] } = node as { wires?: readonly (readonly string[])[] }
  const ways = [
    () => Object.assign(msg, properties),
    () => ({ ...msg, ...properties }),
    () => ({ ...identity(msg), ...properties })
  ]
  const leaving = firstThatWorks(ways, (way) => {
    const made = way()
    // Node-RED adds an id to a message without one, which has to be possible.
    made._msgid ||= RED.util.generateId()
    if ((wires[output]?.length ?? 0) < 2) return made
    // The first wire gets the message itself.
    const copy = clone(RED, made)
    return isSteady(made) ? made : copy
  })
  try {
    if (leaving !== undefined) {
      send(output === 0 ? [leaving] : [null, leaving])
      return
    }
  } catch {
    // Some of the wires may already have it.
  }
  lost(node)
}

/** Hands a message with its error to Catch, through `done` if it has not been called yet. */
export function handToCatch(
  RED: NodeAPI,
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
  const left = firstThatWorks(ways, (way) => {
    const made = way()
    // Each Catch node gets a clone: either the first cannot be made, or all can.
    const leaving = isSteady(made) ? made : clone(RED, made)
    keepRequest(leaving, () => {
      // `done` refers to the object that came in.
      if (done !== undefined && leaving === msg) done(error)
      else node.error(error, leaving)
    })
    return true
  })
  if (left === undefined) lost(node)
}

/** Tells Node-RED that a message is finished. */
export function finish(node: Node, msg: NodeMessageInFlow, done: Done | undefined): void {
  try {
    keepRequest(msg, () => done?.())
  } catch {
    node.error('A Complete node was not triggered for a message: the message cannot be cloned.')
  }
}

/** `msg.payload` as it is now; undefined if reading it throws. */
export function payloadOf(msg: NodeMessageInFlow): unknown {
  try {
    return msg.payload
  } catch {
    return undefined
  }
}

function firstThatWorks<T>(
  ways: readonly (() => NodeMessageInFlow)[],
  leave: (way: () => NodeMessageInFlow) => T
): T | undefined {
  for (const way of ways) {
    try {
      return leave(way)
    } catch {
      // The next one is plainer.
    }
  }
  return undefined
}

function lost(node: Node): void {
  node.error('A message could not be handed on: it has a property that Node-RED cannot pass on.')
}

/** @throws what lodash throws if it cannot clone something */
function clone(RED: NodeAPI, msg: NodeMessageInFlow): NodeMessageInFlow {
  return keepRequest(msg, () => RED.util.cloneMessage(msg))
}

/**
 * Node-RED removes `req` and `res` from a message while cloning it; if that fails they are gone.
 */
function keepRequest<T>(msg: NodeMessageInFlow, action: () => T): T {
  const taken = ['req', 'res'].flatMap((name) => {
    const property = descriptor(msg, name)
    return property === undefined ? [] : [{ name, property }]
  })
  try {
    return action()
  } catch (error) {
    for (const { name, property } of taken) Reflect.defineProperty(msg, name, property)
    throw error
  }
}

function descriptor(msg: NodeMessageInFlow, name: string): PropertyDescriptor | undefined {
  try {
    return Object.getOwnPropertyDescriptor(msg, name)
  } catch {
    // A proxy that throws.
    return undefined
  }
}

/**
 * Whether reading it twice gives the same result: its data contains no accessor and no proxy. No
 * more is inspected than a message usually contains.
 */
function isSteady(value: unknown, seen = new Set<object>()): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return true
  if (types.isProxy(value)) return false
  const isArray = Array.isArray(value)
  // Objects with methods are responsible for themselves.
  if (!isArray && !isPlain(value)) return true
  seen.add(value)
  if (seen.size > MOST_OBJECTS || (isArray && value.length > MOST_OBJECTS)) return true
  return Object.values(Object.getOwnPropertyDescriptors(value)).every(
    (property) => 'value' in property && isSteady(property.value, seen)
  )
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
