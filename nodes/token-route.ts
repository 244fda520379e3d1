import type { Node, NodeAPI } from 'node-red'
import { inEnglish, type Hint } from '../src/oauth2/hint.ts'
import { testToken } from '../src/oauth2/token-client.ts'
import type { TokenTestResult } from '../src/oauth2/token-test-result.ts'
import { audit, guarded } from './operations/routes.ts'
import { readConnection } from './connection.ts'
import { hideValues, untoldTexts } from './hidden-values.ts'
import { environmentValue, flowFileProperties, type Credentials } from './named-values.ts'
import { authParts, type AuthParts } from './node-parts.ts'
import { holdsPermission } from './permissions.ts'
import { tokenProperties } from './oauth2-client-credentials-properties.ts'
import { isUnset, Properties } from './properties.ts'
import { defaultsOf } from './property-table.ts'
import { readTokenSettings, tokenHttpClient } from './read-token-settings.ts'

/** What the editor sends in place of a stored password, which it never gets. */
const UNCHANGED = '__PWRD__'
/** The credentials that the editor receives and sends as text. */
const TEXTS = ['clientId', 'username']
/** What to do about settings that cannot work. */
const CORRECT_IT = 'Correct this in the form.'
/** The properties that decide what a node does, each with its value where a flow file lacks it. */
const { name: _label, ...DEFAULTS } = defaultsOf(tokenProperties)
const NAMES = Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]

/** What a caller wants to test. */
interface TokenTest {
  /** The node whose variables count; null if it is not deployed. */
  node: Node | null
  parts: AuthParts | undefined
  /** As a flow file has them. */
  properties: object
  credentials: Credentials
  /** What the caller sent of them, and therefore already knows. */
  typed: unknown
  /** The deployed node has the same settings. */
  isDeployed: boolean
}

/**
 * The route behind the Test button of the config node. A test of settings that are not deployed
 * could send any secret and variable of this Node-RED anywhere: it is only for users who could also
 * deploy them.
 */
export function registerTokenRoute(RED: NodeAPI): void {
  const write = RED.auth.needsPermission('oauth2-client-credentials.write')
  RED.httpAdmin.post(
    '/oauth2-client-credentials/:id/test',
    write,
    guarded(async (request, response) => {
      audit(RED, request, 'oauth2-client-credentials.test')
      const test = wantedTest(RED, request.params['id'] ?? '', request.body)
      if (test.isDeployed || (await holdsPermission(RED, request, 'flows.write'))) {
        response.json(await run(RED, test))
      } else response.status(403).json(NOT_ALLOWED)
    })
  )
}

const NOT_ALLOWED: TokenTestResult = {
  ok: false,
  code: 'ERR_NOT_ALLOWED',
  status: null,
  description:
    'These are not the deployed settings: testing other settings requires the permission flows.write.',
  hint: inEnglish([{ key: 'mayNotTest' }]),
  hints: [{ key: 'mayNotTest' }]
}

function wantedTest(RED: NodeAPI, id: string, body: unknown): TokenTest {
  const found = RED.nodes.getNode(id) as Node | null
  const parts = found === null ? undefined : authParts.get(found)
  // Do not use the credentials of another node, whatever their names.
  const node = parts === undefined ? null : found
  const stored = node === null ? null : (RED.nodes.getCredentials(id) as Credentials | null)
  const deployed = node === null ? undefined : flowFileProperties(RED, node)
  const { credentials: typed, ...given } = members(body)
  const isDeployed =
    deployed !== undefined && sameProperties(given, deployed) && areStored(typed, stored ?? {})
  return {
    node,
    parts,
    // Equal does not mean identical: the deployed ones are used.
    properties: chosen(isDeployed ? deployed : given),
    credentials: withStored(typed, stored ?? {}),
    typed,
    isDeployed
  }
}

async function run(
  RED: NodeAPI,
  { node, parts, properties: given, credentials, typed }: TokenTest
): Promise<TokenTestResult> {
  const properties = new Properties(tokenProperties, resolved(RED, node, given) as object, given)
  const connection = readConnection(RED, properties)
  const settings = readTokenSettings(
    RED,
    node,
    properties,
    resolved(RED, node, credentials) as Credentials,
    connection
  )
  const untold = untoldTexts(settings, [DEFAULTS, given, typed])
  const { problems } = properties
  if (problems.length > 0) {
    const text = problems.join('; ')
    const hints: Hint[] = connection.missing ? [{ key: 'deployFirst' }] : []
    const hint = inEnglish(hints) || CORRECT_IT
    return hideValues(
      { ok: false, code: 'CONFIG', status: null, description: text, hint, hints },
      untold
    )
  }
  const httpClient = tokenHttpClient(connection)
  try {
    const result = await testToken(settings, httpClient)
    if (result.ok) parts?.tokens?.clearBackOff()
    // Of settings that cannot work, the description says what is wrong with them.
    const told = result.ok ? result : { ...result, hint: result.hint || CORRECT_IT }
    return hideValues(told, untold)
  } finally {
    httpClient.close()
  }
}

/** Whether both mean the same: order, an absent default, a number as text do not matter. */
function sameProperties(given: object, deployed: object): boolean {
  return JSON.stringify(normalForm(given)) === JSON.stringify(normalForm(deployed))
}

function normalForm(properties: object): unknown[] {
  const values = properties as Record<string, unknown>
  return NAMES.map((name) => {
    const byDefault: unknown = DEFAULTS[name]
    const value = isNothing(values[name]) ? byDefault : values[name]
    return Array.isArray(byDefault) && Array.isArray(value) ? value.map(entry) : word(value)
  })
}

function entry(item: unknown): string[] {
  const { name, value, valueType } = members(item)
  return [word(name), word(value), word(valueType) || 'str']
}

function word(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' ? value.trim() : isNothing(value) ? '' : 'no text'
}

/** Whether the form's credentials are those that the deployed node has. */
function areStored(typed: unknown, stored: Credentials): boolean {
  return Object.entries(members(typed)).every(
    ([name, value]) =>
      value === UNCHANGED ||
      (isNothing(value) && (value !== '' || isNothing(stored[name]))) ||
      (TEXTS.includes(name) && value === stored[name])
  )
}

/** The form's credentials; those that were not retyped are the stored ones. */
function withStored(typed: unknown, stored: Credentials): Credentials {
  if (typeof typed !== 'object' || typed === null) return { ...stored }
  return Object.fromEntries(
    Object.entries(typed as Record<string, unknown>).map(([name, value]) => [
      name,
      value === UNCHANGED ? stored[name] : value
    ])
  )
}

/** Only what a test reads: so no property can be used that was not compared. */
function chosen(properties: object): object {
  return Object.fromEntries(
    Object.entries(properties).filter(([name]) => Object.hasOwn(DEFAULTS, name))
  )
}

/** Replaces environment variables, as Node-RED does for deployed nodes. */
function resolved(RED: NodeAPI, node: Node | null, value: unknown, depth = 0): unknown {
  if (typeof value === 'string' && isUnset(value)) {
    const found = environmentValue(RED, node, value)
    return found ?? value
  }
  // A flow file's lists are two levels deep; anything deeper is not one.
  if (typeof value !== 'object' || value === null || depth > 4) return value
  if (Array.isArray(value)) return value.map((item) => resolved(RED, node, item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, resolved(RED, node, item, depth + 1)])
  )
}

function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}
