import { isDeepStrictEqual } from 'node:util'
import type { Node, NodeAPI } from 'node-red'
import { english } from '../src/english.ts'
import type { TokenTestResult } from '../src/oauth2/token-test-result.ts'
import { Redactor } from '../src/redactor.ts'
import { FormConfigNodes } from './form-config-nodes.ts'
import { formSource } from './node-source.ts'
import { authParts } from './auth-parts.ts'
import { makeAuthParts } from './make-auth-parts.ts'
import type { Handlers } from './operations/register-routes.ts'

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
  const source = formSource(RED, node, form)
  const configNodes = new FormConfigNodes(RED, source.nodes)
  const { parts, httpClient, close } = makeAuthParts(RED, node, source, configNodes.find)
  const { problems, settings } = parts
  try {
    if (problems.length > 0) return mistakes(problems)
    const { testToken } = await import('../src/oauth2/token-test.ts')
    const result = await testToken(settings, httpClient)
    const deployed = node === null ? undefined : authParts.get(node)
    // What works here works there too: it need not wait any longer.
    if (result.ok && isDeepStrictEqual(settings, deployed?.settings)) {
      deployed?.tokens?.clearBackOff()
    }
    return new Redactor(settings.secrets).hideIn(result)
  } finally {
    close()
    configNodes.close()
  }
}

function mistakes(problems: readonly string[]): TokenTestResult {
  return {
    ok: false,
    code: 'CONFIG',
    status: null,
    description: problems.join(' '),
    hint: english('log', 'hint.correctForm'),
    hints: []
  }
}
