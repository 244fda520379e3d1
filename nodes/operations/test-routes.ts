import type { NodeAPI } from 'node-red'
import { testOutNode } from '../tests/test-node.ts'
import { USUAL_TYPE } from '../tests/test-sample.ts'
import { testAuthNode } from '../tests/test-token.ts'
import type { Handlers } from './register-routes.ts'
import { refused } from './route-error.ts'

/** What answers the buttons *Send test message*, of the form and of the page. */
export function nodeTestRoute(RED: NodeAPI): Handlers<'testNode'> {
  return {
    async testNode({ params, question, user, may }) {
      const { dryRun = false, node: form, sample, type = USUAL_TYPE } = question
      // A user who may see no message may not have one of their own sent, and read what is made of it.
      if (sample !== undefined && form === undefined && !may('hl7-https-out.content')) {
        throw refused(403, 'refusal.sampleNeedsContent')
      }
      const test = { type, form, by: user, sample, isDry: dryRun }
      const answer = await testOutNode(RED, params.id, test)
      if (answer === undefined) throw refused(404, 'refusal.noNode')
      return answer
    }
  }
}

/** What answers the *Test* button of the config node. */
export function tokenTestRoute(RED: NodeAPI): Handlers<'testToken'> {
  return {
    testToken: ({ params, question }) => testAuthNode(RED, params.id, question)
  }
}
