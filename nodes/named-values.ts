import type { NodeAPI, Node, NodeMessage } from 'node-red'
import { parsePath } from '../src/hl7/path.ts'
import {
  headerValueProblem,
  headerWords,
  tokenHeaderNameProblem
} from '../src/https/header-values.ts'
import type { NamedValue } from '../src/https/receiver.ts'
import type { Claim, NamedValue as TokenValue } from '../src/oauth2/token-settings.ts'
import type { outProperties } from './hl7-https-out-properties.ts'
import { compileJsonata } from './jsonata.ts'
import type { tokenProperties } from './oauth2-client-credentials-properties.ts'
import { isUnset, Properties } from './properties.ts'
import { asTexts, SECRETS, type PropertyTable } from './property-table.ts'

/** As Node-RED keeps them, environment variables in place: of a hand-written flow of any type. */
export type Credentials = Readonly<Record<string, unknown>>

/** An entry of a list whose values are known at deploy, and of one whose values a message may give. */
const STATIC_ENTRY = {
  name: { kind: 'text', default: '' },
  value: { kind: 'text', default: '' },
  valueType: { kind: 'choice', words: ['str', 'env', 'cred'], default: 'str' }
} as const satisfies PropertyTable
const CLAIM = {
  ...STATIC_ENTRY,
  valueType: { kind: 'choice', words: ['str', 'env', 'json'], default: 'str' }
} as const satisfies PropertyTable
export const ENTRY = {
  ...STATIC_ENTRY,
  valueType: {
    kind: 'choice',
    words: ['str', 'env', 'cred', 'msg', 'jsonata', 'hl7'],
    default: 'str'
  }
} as const satisfies PropertyTable
/** What is read of an entry of either kind. */
interface Entry {
  readonly problems: string[]
  text(name: keyof typeof ENTRY): string
  rawText(name: keyof typeof ENTRY): string | undefined
}

/** Reads a list of `{name, value, valueType}` whose values are known at deploy. */
export function readStaticValues(
  RED: NodeAPI,
  node: Node | null,
  properties: Properties<typeof tokenProperties>,
  listName: 'extraParams' | 'headers',
  credentials: Credentials
): TokenValue[] {
  return properties.list(listName, STATIC_ENTRY).map((item) => {
    const name = item.text('name').trim()
    const value = staticValue(RED, node, item, item.choice('valueType'), credentials)
    if (listName === 'headers' && name !== '') noteTokenHeader(item, name, value)
    collect(properties, item, listName, name)
    return { name, value }
  })
}

/** Reads the claims of assertions, `{name, value, valueType}` with `json` beside `str` and `env`. */
export function readClaims(
  RED: NodeAPI,
  node: Node | null,
  properties: Properties<typeof tokenProperties>
): Claim[] {
  return properties.list('assertionClaims', CLAIM).map((item) => {
    const name = item.text('name').trim()
    const type = item.choice('valueType')
    const value = type === 'env' ? variableValue(RED, node, item) : item.text('value')
    collect(properties, item, 'assertionClaims', name)
    return { name, value, isJson: type === 'json' }
  })
}

/**
 * Reads a list of `{name, value, valueType}`; values from a message are computed for each attempt.
 */
export function readNamedValues(
  RED: NodeAPI,
  node: Node | null,
  properties: Properties<typeof outProperties>,
  listName: 'headers' | 'formFields',
  credentials: Credentials
): NamedValue[] {
  return properties.list(listName, ENTRY).map((item) => {
    const name = item.text('name').trim()
    const value = namedValue(RED, node, item, credentials)
    collect(properties, item, listName, name)
    return { name, value }
  })
}

function namedValue(
  RED: NodeAPI,
  node: Node | null,
  item: Properties<typeof ENTRY>,
  credentials: Credentials
): NamedValue['value'] {
  const type = item.choice('valueType')
  if (type === 'str' || type === 'env' || type === 'cred') {
    return staticValue(RED, node, item, type, credentials)
  }
  const source = item.text('value')
  try {
    if (type === 'hl7') {
      const path = parsePath(source)
      return ({ message }) => message.value(path)
    }
    if (type === 'jsonata') {
      const evaluate = compileJsonata(RED, node, source)
      return async ({ input }) => asText(await evaluate(input))
    }
  } catch (error) {
    item.problems.push(error instanceof Error ? error.message : 'the value cannot be used')
    return ''
  }
  return ({ input }) => {
    let value: unknown
    try {
      value = RED.util.getMessageProperty(input as NodeMessage, source)
    } catch {
      // `a.b` without an `a`: there is no value.
    }
    return asText(value)
  }
}

function staticValue(
  RED: NodeAPI,
  node: Node | null,
  item: Entry,
  type: (typeof STATIC_ENTRY.valueType.words)[number],
  credentials: Credentials
): string {
  if (type === 'env') return variableValue(RED, node, item)
  const value = item.text('value')
  if (type === 'str') return value
  if (!isSecret(value)) {
    item.problems.push('a secret value must name one of the slots secret1 to secret6')
    return ''
  }
  const slots = new Properties(asTexts(SECRETS), credentials)
  const secret = slots.text(value)
  if (secret === '' && slots.problems.length === 0) {
    slots.problems.push(`the secret ${value} is empty`)
  }
  item.problems.push(...slots.problems)
  return secret
}

function isSecret(name: string): name is keyof typeof SECRETS {
  return Object.hasOwn(SECRETS, name)
}

/**
 * Node-RED replaces `${NAME}` by the value of the variable, also in a list: the name is only in the
 * flow file, and the value in the list may be a secret that must not be shown.
 */
function variableValue(RED: NodeAPI, node: Node | null, item: Entry): string {
  const name = item.rawText('value')
  const value = environmentValue(RED, node, name ?? item.text('value'))
  if (value === undefined) {
    const which = name === undefined ? '' : ` ${isUnset(name) ? name.slice(2, -1) : name}`
    item.problems.push(`the environment variable${which} is not set`)
  }
  return value ?? ''
}

/**
 * A node's properties as its flow file has them, environment variables not replaced. Empty for a
 * node that is not in a flow file but in a subflow that was installed as a module.
 */
export function flowFileProperties(RED: NodeAPI, node: Node): object {
  // In a subflow instance a node has its own id.
  const id = (node as { _alias?: string })._alias ?? node.id
  let found = {}
  RED.nodes.eachNode((definition) => {
    if (definition.id === id) found = definition
  })
  return found
}

/**
 * The value of an environment variable as Node-RED sees it from a node: of its group, flow or the
 * process; without a node of the process alone.
 *
 * @param name `NAME` or `${NAME}`
 */
export function environmentValue(
  RED: NodeAPI,
  node: Node | null,
  name: string
): string | undefined {
  // Node-RED accepts a missing node; its types do not say so.
  const value: unknown = RED.util.evaluateNodeProperty(name, 'env', node as Node, {})
  return value === '' ? undefined : asText(value)
}

/**
 * Objects as JSON, absent values as nothing.
 *
 * @throws {TypeError} for values that JSON cannot represent, such as a cycle
 */
function asText(value: unknown): string | undefined {
  if (typeof value === 'bigint') return String(value)
  return typeof value === 'string' ? value : JSON.stringify(value ?? undefined)
}

function noteTokenHeader({ problems }: Entry, name: string, value: string): void {
  const problem = tokenHeaderNameProblem(name)
  if (problem === 'headerReserved') problems.push('the node itself sets this header')
  else if (problem !== undefined) problems.push(headerWords[problem])
  const inValue = headerValueProblem(value)
  if (inValue !== undefined) problems.push(headerWords[inValue])
}

function collect(
  properties: { problems: string[] },
  item: Entry,
  listName: string,
  name: string
): void {
  if (name === '') item.problems.push('an entry has no name')
  // As written in the flow file: the value of a variable does not belong in the log.
  const written = (item.rawText('name') ?? name).trim().slice(0, 60)
  for (const problem of item.problems) {
    properties.problems.push(`${listName}${written === '' ? '' : `, ${written}`}: ${problem}`)
  }
}
