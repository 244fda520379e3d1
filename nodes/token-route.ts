import { isDeepStrictEqual } from 'node:util'
import type { Node, NodeAPI } from 'node-red'
import { checkSettings } from '../src/oauth2/check-settings.ts'
import type { TokenTestResult } from '../src/oauth2/token-test-result.ts'
import { Redactor } from '../src/redactor.ts'
import { readConnection } from './connection.ts'
import { FormConfigNodes } from './form-config-nodes.ts'
import { readFormSettings } from './form-settings.ts'
import { authParts } from './auth-parts.ts'
import { tokenForm } from './form-words.ts'
import { tokenProperties } from './oauth2-client-credentials-properties.ts'
import type { Handlers } from './operations/register-routes.ts'
import { Properties } from './properties.ts'
import { readTokenSettings, tokenHttpClient } from './read-token-settings.ts'

/** What to do about settings that cannot work. */
const CORRECT_IT = 'Correct this in the form.'

/** What answers the *Test* button of the config node. */
export function tokenRoutes(RED: NodeAPI): Handlers<'testToken'> {
  return {
    testToken({ params, question }) {
      const found = RED.nodes.getNode(params.id) as Node | null
      // Do not use the credentials of another node, whatever their names.
      const node = found !== null && authParts.has(found) ? found : null
      return testForm(RED, node, question)
    }
  }
}

/** @param node null if it is not deployed */
async function testForm(RED: NodeAPI, node: Node | null, form: unknown): Promise<TokenTestResult> {
  const { config, written, credentials, nodes } = readFormSettings(RED, node, form)
  // A key decides what else is used.
  const values = { ...config, ...credentials }
  const properties = new Properties(tokenProperties, tokenForm, values, written)
  const configNodes = new FormConfigNodes(RED, nodes)
  const connection = readConnection(properties, configNodes.find)
  const settings = readTokenSettings(RED, node, properties, credentials, connection)
  const redactor = new Redactor(settings.secrets)
  const problems = properties.problems.length > 0 ? properties.problems : checkSettings(settings)
  if (problems.length > 0) {
    return redactor.hideIn({
      ok: false,
      code: 'CONFIG',
      status: null,
      description: problems.join(' '),
      hint: CORRECT_IT,
      hints: []
    })
  }
  const { testToken } = await import('../src/oauth2/token-test.ts')
  const httpClient = tokenHttpClient(connection)
  try {
    const result = await testToken(settings, httpClient)
    const deployed = node === null ? undefined : authParts.get(node)
    // What works here works there too: it need not wait any longer.
    if (result.ok && isDeepStrictEqual(settings, deployed?.settings)) {
      deployed?.tokens?.clearBackOff()
    }
    // Of settings that cannot work, the description says what is wrong with them.
    const isWrong = !result.ok && result.code === 'CONFIG'
    return redactor.hideIn(isWrong ? { ...result, hint: CORRECT_IT } : result)
  } finally {
    httpClient.close()
  }
}
