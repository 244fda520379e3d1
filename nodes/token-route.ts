import type { Node, NodeAPI } from 'node-red'
import { inEnglish, type Hint } from '../src/oauth2/hint.ts'
import { testToken } from '../src/oauth2/token-client.ts'
import type { TokenTestResult } from '../src/oauth2/token-test-result.ts'
import { audit, guarded } from './operations/routes.ts'
import { readConnection } from './connection.ts'
import { givenSettings, withVariables, type GivenSettings } from './given-settings.ts'
import { hideValues, untoldTexts } from './hidden-values.ts'
import { authParts, type AuthParts } from './node-parts.ts'
import { holdsPermission } from './permissions.ts'
import { tokenProperties } from './oauth2-client-credentials-properties.ts'
import { Properties } from './properties.ts'
import { defaultsOf } from './property-table.ts'
import { readTokenSettings, tokenHttpClient } from './read-token-settings.ts'

/** The credentials that the editor receives and sends as text. */
const TEXTS = ['clientId', 'username']
/** What to do about settings that cannot work. */
const CORRECT_IT = 'Correct this in the form.'
/** The properties, each with its value where a flow file lacks it. */
const DEFAULTS = defaultsOf(tokenProperties)

/** What a caller wants to test. */
interface TokenTest extends GivenSettings {
  /** The node whose variables count; null if it is not deployed. */
  node: Node | null
  parts: AuthParts | undefined
}

/** The route behind the Test button of the config node. */
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
  return { node, parts, ...givenSettings(RED, node, tokenProperties, TEXTS, body) }
}

async function run(
  RED: NodeAPI,
  { node, parts, properties: given, credentials, typed }: TokenTest
): Promise<TokenTestResult> {
  const properties = new Properties(tokenProperties, withVariables(RED, node, given), given)
  const connection = readConnection(RED, properties)
  const settings = readTokenSettings(
    RED,
    node,
    properties,
    withVariables(RED, node, credentials),
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
    const isWrong = !result.ok && result.code === 'CONFIG'
    const told = isWrong ? { ...result, hint: CORRECT_IT } : result
    return hideValues(told, untold)
  } finally {
    httpClient.close()
  }
}
