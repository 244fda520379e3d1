import { isDeepStrictEqual } from 'node:util'
import type { Node, NodeAPI } from 'node-red'
import { english } from '../../src/english.ts'
import type { TokenTestResult } from '../../src/oauth2/token-test-result.ts'
import { testToken } from '../../src/oauth2/token-test.ts'
import { FormConfigNodes } from '../settings/form-config-nodes.ts'
import { formSource } from '../settings/node-source.ts'
import { authParts } from '../settings/auth-parts.ts'
import { makeAuthParts } from '../settings/make-auth-parts.ts'

/**
 * Asks the token server with the settings of a form.
 *
 * @param id of the node, which need not be deployed
 */
export function testAuthNode(RED: NodeAPI, id: string, form: unknown): Promise<TokenTestResult> {
  const found = RED.nodes.getNode(id) as Node | null
  // Do not use the credentials of another node, whatever their names.
  const node = found !== null && authParts.has(found) ? found : null
  return testForm(RED, node, form)
}

/** @param node null if it is not deployed */
async function testForm(RED: NodeAPI, node: Node | null, form: unknown): Promise<TokenTestResult> {
  const source = formSource(RED, node, form)
  const configNodes = new FormConfigNodes(RED, source.nodes)
  const { parts, httpClient, close } = makeAuthParts(RED, node, source, configNodes.find)
  const { problems, settings } = parts
  try {
    if (problems.length > 0) return mistakes(problems)
    const deployed = node === null ? undefined : authParts.get(node)
    const result = await testToken(settings, httpClient, {
      lastToken: deployed?.tokens?.lastToken()
    })
    // What works here works there too: it need not wait any longer.
    if (result.ok && isDeepStrictEqual(settings, deployed?.settings)) {
      deployed?.tokens?.clearBackOff()
    }
    return result
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
