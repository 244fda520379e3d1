import type { NodeAPI } from 'node-red'
import { testNode } from '../tests/test-node.ts'
import { testToken } from '../tests/test-token.ts'
import type { Handlers } from './register-routes.ts'
import { refused } from './route-error.ts'

/** What answers the buttons *Send test message*, of the form and of the page. */
export function nodeTestRoute(RED: NodeAPI): Handlers<'testNode'> {
  return {
    async testNode({ params, question, user }) {
      const type = typeof question.type === 'string' ? question.type : 'ADT^A01'
      const answer = await testNode(RED, params.id, { type, form: question.node, by: user })
      if (answer === undefined) throw refused(404, 'refusal.noNode')
      return answer
    }
  }
}

/** What answers the *Test* button of the config node. */
export function tokenTestRoute(RED: NodeAPI): Handlers<'testToken'> {
  return {
    testToken: ({ params, question }) => testToken(RED, params.id, question)
  }
}
