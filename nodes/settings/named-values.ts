import type { NodeAPI, Node, NodeMessage } from 'node-red'
import { english, type KeyUnder } from '../../src/english.ts'
import { readPath } from '../../src/hl7/path.ts'
import {
  headerValueProblem,
  tokenHeaderNameProblem
} from '../../src/hl7-over-http/http-header-problem.ts'
import { basicCredentials } from '../../src/hl7-over-http/basic-credentials.ts'
import type { NamedValue } from '../../src/hl7-over-http/receiver.ts'
import { secretsInHeader } from '../../src/redactor.ts'
import type { Secret } from '../../src/secret-file.ts'
import type { AssertionClaim, Parameter as TokenValue } from '../../src/oauth2/token-settings.ts'
import { outProperties } from './hl7-https-out-properties.ts'
import { asText, environmentValue } from './environment-value.ts'
import { compileJsonata, jsonataProblem } from './jsonata.ts'
import type { Credentials } from './node-source.ts'
import { tokenProperties } from './oauth2-client-credentials-properties.ts'
import { isUnset, Properties } from './properties.ts'
import { asTexts, basicParts, isSecret, SECRETS, type PropertyTable } from './property-table.ts'
import { readSecretValue } from './secret-value.ts'

/** A mistake that the form of `hl7-https-out` finds too. */
export type OutProblem = KeyUnder<'forms', 'problem'>

/** An entry of a list whose values are known at deploy, and of one whose values a message may give. */
const STATIC_ENTRY = {
  name: { kind: 'text', default: '' },
  value: { kind: 'text', default: '' },
  valueType: { kind: 'choice', words: tokenProperties.extraParams.types, default: 'str' }
} as const satisfies PropertyTable
const CLAIM = {
  ...STATIC_ENTRY,
  valueType: { kind: 'choice', words: tokenProperties.assertionClaims.types, default: 'str' }
} as const satisfies PropertyTable
export const ENTRY = {
  ...STATIC_ENTRY,
  valueType: { kind: 'choice', words: outProperties.headers.types, default: 'str' }
} as const satisfies PropertyTable
const FIELD = {
  ...STATIC_ENTRY,
  valueType: { kind: 'choice', words: outProperties.formFields.types, default: 'str' }
} as const satisfies PropertyTable
/** What is read of an entry of either kind. */
type Entry = Pick<
  Properties<typeof ENTRY>,
  'problems' | 'unset' | 'words' | 'text' | 'rawText' | 'addProblem' | 'addUnset'
>

/** Reads a list of `{name, value, valueType}` whose values are known at deploy. */
export function readStaticValues(
  RED: NodeAPI,
  node: Node | null,
  properties: Properties<typeof tokenProperties>,
  listName: 'extraParams' | 'headers',
  credentials: Credentials
): TokenValue<Secret>[] {
  return properties.list(listName, STATIC_ENTRY).map((item) => {
    const name = entryName(item)
    const value = staticValue(RED, node, item, item.choice('valueType'), credentials)
    if (listName === 'headers' && name !== '') {
      const problem =
        tokenHeaderNameProblem(name) ??
        (typeof value === 'string' ? headerValueProblem(value) : undefined)
      if (problem !== undefined) {
        item.addProblem('value', english('tokenForm', `problem.${problem}`))
      }
    }
    return { name, value }
  })
}

/** What stands in headers whose values are secret. */
export function secretsInHeaders(
  headers: readonly (Pick<NamedValue, 'name' | 'user'> & { value: unknown })[],
  secrets: readonly string[]
): string[] {
  return headers.flatMap(({ name, value, user }) => {
    if (typeof value !== 'string') return []
    if (user !== undefined) return secretsInHeader({ name, value: basicCredentials(user, value) })
    return secrets.includes(value.trim()) ? secretsInHeader({ name, value }) : []
  })
}

/** Reads the claims of assertions, `{name, value, valueType}` with `json` beside `str` and `env`. */
export function readClaims(
  RED: NodeAPI,
  node: Node | null,
  properties: Properties<typeof tokenProperties>
): AssertionClaim[] {
  return properties.list('assertionClaims', CLAIM).map((item) => {
    const name = entryName(item)
    const type = item.choice('valueType')
    const value = type === 'env' ? variableValue(RED, node, item) : item.text('value')
    return { name, value, isJson: type === 'json' }
  })
}

/**
 * Reads a list of `{name, value, valueType}`; values from a message are computed for each attempt.
 *
 * @param problemOf why an entry cannot be used, beside what is asked of all
 */
export function readNamedValues(
  RED: NodeAPI,
  node: Node | null,
  properties: Properties<typeof outProperties>,
  listName: 'headers' | 'formFields',
  credentials: Credentials,
  problemOf: (entry: NamedValue) => OutProblem | undefined = () => undefined
): NamedValue[] {
  const items =
    listName === 'headers'
      ? properties.list('headers', ENTRY)
      : properties.list('formFields', FIELD)
  return items.map((item) => {
    const name = entryName(item)
    const type = item.choice('valueType')
    const entry = {
      name,
      value: namedValue(RED, node, item, type, credentials, `${listName} ${name}`),
      isOfVariables: type === 'jsonata' && readsVariables(item.text('value')),
      user: type === 'basic' ? basicParts(item.text('value')).user : undefined
    }
    const problem = name === '' ? undefined : problemOf(entry)
    if (problem !== undefined) item.addProblem('value', english('forms', `problem.${problem}`))
    return entry
  })
}

/** Whether an expression may read environment variables. */
export function readsVariables(expression: string): boolean {
  return /\$env\b/.test(expression)
}

function entryName(item: Entry): string {
  const name = item.text('name').trim()
  if (name === '') item.addProblem('name', english(item.words.form, 'problem.entryName'))
  return name
}

function namedValue(
  RED: NodeAPI,
  node: Node | null,
  item: Entry,
  type: (typeof ENTRY.valueType.words)[number],
  credentials: Credentials,
  place: string
): NamedValue['value'] {
  if (type === 'str' || type === 'env' || type === 'cred' || type === 'basic') {
    return staticValue(RED, node, item, type, credentials)
  }
  const source = item.text('value')
  if (type === 'hl7') {
    const path = readPath(source)
    if (path === undefined) {
      item.addProblem('value', english('forms', 'problem.hl7Path'))
      return ''
    }
    return ({ message }) => message.value(path)
  }
  if (type === 'jsonata') {
    try {
      const evaluate = compileJsonata(RED, node, source, ['uuid'])
      return async ({ input, uuid }) => asText(await evaluate(input, { uuid: () => uuid(place) }))
    } catch (error) {
      item.addProblem('value', jsonataProblem(error))
      return ''
    }
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
  type: (typeof STATIC_ENTRY.valueType.words)[number] | 'basic',
  credentials: Credentials
): Secret {
  if (type === 'env') return variableValue(RED, node, item)
  const value = item.text('value')
  if (type === 'basic') {
    const { user, slot } = basicParts(value)
    if (user.includes(':')) item.addProblem('value', english('forms', 'problem.basicUser'))
    return secretIn(RED, slot, item, credentials)
  }
  return type === 'str' ? value : secretIn(RED, value, item, credentials)
}

/** @returns an empty text if there is none, which is a problem */
function secretIn(RED: NodeAPI, slot: string, item: Entry, credentials: Credentials): Secret {
  if (!isSecret(slot)) {
    item.addProblem('value', english(item.words.form, 'problem.secretSlot'))
    return ''
  }
  const { form, label } = item.words
  const words = { form, label: () => label('value') }
  const slots = new Properties(asTexts(SECRETS), words, credentials, {}, item)
  const secret = readSecretValue(RED, slots, slot)
  if (secret === '') item.addProblem('value', english('log', 'problem.secretEmpty'))
  return secret
}

/**
 * Node-RED replaces `${NAME}` by the value of the variable, also in a list: the name is only in the
 * flow file, and the value in the list may be a secret that must not be shown.
 */
function variableValue(RED: NodeAPI, node: Node | null, item: Entry): string {
  const name = item.rawText('value')
  const value = environmentValue(RED, node, name ?? item.text('value'))
  if (value === undefined) addUnset(name, item)
  return value ?? ''
}

/** @param written as in the flow file, where it is known */
function addUnset(written: string | undefined, item: Entry): void {
  if (written === undefined) {
    item.addProblem('value', english('log', 'problem.unknownVariable'))
    return
  }
  const name = isUnset(written) ? written.slice(2, -1) : written.trim()
  if (name === '') item.addProblem('value', english(item.words.form, 'problem.envName'))
  else item.addUnset('value', name)
}
