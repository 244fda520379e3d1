import { hintValues, type Hint } from '../../src/oauth2/hint.ts'
import { OPTION_OF } from '../../src/oauth2/hint-texts.ts'
import type { TokenTestResult } from '../../src/oauth2/token-test-result.ts'
import { postToNodeRed, RequestError } from './ask-node-red.ts'
import type { Form } from './form.ts'
import { onPress, ResultBox } from './result-box.ts'

/** What the Test button needs from the form. */
export interface TokenTestOptions {
  form: Form
  /** The id of the node, which need not be deployed. */
  nodeId: string
  /** The current lists of the form. */
  lists: () => Record<string, unknown>
  /** Called if the server's own issuer differs from the typed one only by a trailing slash. */
  onIssuer: (issuer: string) => void
}

/** The issuer with or without a slash does not help: it is wrong too, or may not be tested. */
const NO_BETTER = new Set(['ERR_ISSUER_MISMATCH', 'ERR_NOT_ALLOWED'])

/** Wires the Test button: requests a token with the values of the form, and shows the result. */
export function prepareTokenTest({ form, nodeId, lists, onIssuer }: TokenTestOptions): void {
  const { text } = form
  const result = new ResultBox('oauth2-client-credentials-test-result')
  let shown = 0

  const ask = async (given: Record<string, unknown>): Promise<TokenTestResult> => {
    try {
      const path = `oauth2-client-credentials/${encodeURIComponent(nodeId)}/test`
      return (await postToNodeRed(path, given)) as TokenTestResult
    } catch (error) {
      // If the test is not allowed, the answer says what to do.
      if (error instanceof RequestError && isRefusal(error.answer)) return error.answer
      throw error
    }
  }

  /** In the reader's language; undefined if this page is older than the server and lacks a text. */
  const hintText = (hints: readonly Hint[]): string | undefined => {
    const label = (key: string): string => text(`label.${key}`)
    const option = (key: string): string => text(`option.${key}`)
    const texts = hints.map((hint) =>
      text(`tokenHint.${hint.key}`, hintValues(hint, label, option))
    )
    return texts.some((one) => one.startsWith('tokenHint.')) ? undefined : texts.join(' ')
  }

  const show = (answer: TokenTestResult, lifetime: unknown): void => {
    if (!answer.ok) {
      const code = answer.code === 'ERR_HTTP_STATUS' ? '' : answer.code
      const status = answer.status === null ? '' : `HTTP ${answer.status}`
      const hint = hintText(answer.hints) ?? answer.hint
      result.show('bad', text('test.failed'), [
        [text('test.error'), [code, status].filter((part) => part !== '').join(', ')],
        [text('test.description'), answer.description],
        [text('test.hint'), hint]
      ])
      return
    }
    const { expiresIn, scope, clientAuth } = answer
    const label = OPTION_OF[clientAuth] as string | undefined
    result.show('good', text('test.ok'), [
      [text('test.tokenType'), answer.tokenType],
      [
        text('test.lifetime'),
        expiresIn === null
          ? text('test.lifetimeUnknown', { seconds: String(lifetime) })
          : text('test.seconds', { seconds: expiresIn })
      ],
      [text('label.scope'), scope === '' ? text('test.scopeUnknown') : scope],
      [text('label.tokenEndpoint'), answer.tokenEndpoint],
      [text('label.clientAuth'), label === undefined ? clientAuth : text(`option.${label}`)],
      [text('test.elapsed'), text('test.milliseconds', { ms: answer.elapsedMs })]
    ])
  }

  onPress('oauth2-client-credentials-test-button', async () => {
    const mine = ++shown
    result.say(text('test.busy'))
    const { properties, credentials } = form.properties()
    const given = { ...properties, ...lists(), credentials }
    try {
      let answer = await ask(given)
      const issuer = String(properties['issuer']).trim()
      if (!answer.ok && answer.code === 'ERR_ISSUER_MISMATCH') {
        const other = issuer.endsWith('/') ? issuer.slice(0, -1) : `${issuer}/`
        const second = await ask({ ...given, issuer: other })
        if (second.ok || !NO_BETTER.has(second.code)) {
          if (mine === shown) onIssuer(other)
          answer = second
        }
      }
      if (mine === shown) show(answer, properties['defaultLifetime'])
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      if (mine === shown) result.show('bad', text(`request.${error.key}`), [])
    }
  })

  // The result does not belong to the changed form.
  form.root().addEventListener('input', () => {
    shown++
    result.clear()
  })
}

function isRefusal(answer: unknown): answer is TokenTestResult & { ok: false } {
  return typeof answer === 'object' && answer !== null && 'hint' in answer
}
