import { hintValues, type Hint } from '../../src/oauth2/hint.ts'
import type { TokenTestResult } from '../../src/oauth2/token-test-result.ts'
import { ASSUMED_LIFETIME } from '../../src/oauth2/token-times.ts'
import { askNodeRed } from './ask-node-red.ts'
import type { Form } from './form.ts'
import { prepareFormTest } from './form-test.ts'
import type { TokenKey } from '../../src/form-text.ts'
import { failureLines, type ResultBox, type ResultLine } from './result-box.ts'

/** What the Test button needs from the form. */
export interface TokenTestOptions {
  form: Form<TokenKey>
  /** The id of the node, which need not be deployed. */
  nodeId: string
  /** Called if the server's own issuer differs from the typed one only by a trailing slash. */
  onIssuer: (issuer: string) => void
}

/** Wires the Test button: requests a token with the values of the form, and shows the result. */
export function prepareTokenTest({ form, nodeId, onIssuer }: TokenTestOptions): void {
  const { text } = form
  const ask = (given: Record<string, unknown>): Promise<TokenTestResult> =>
    askNodeRed('testToken', { id: nodeId }, given)

  /** In the reader's language; undefined if this page is older than the server and lacks a text. */
  const hintText = (hints: readonly Hint[]): string | undefined => {
    const texts = hints.map((hint) => text(`tokenHint.${hint.key}`, hintValues(hint, text)))
    return texts.some((one) => one.startsWith('tokenHint.')) ? undefined : texts.join(' ')
  }

  const show = (answer: TokenTestResult, result: ResultBox): void => {
    if (!answer.ok) {
      const code = answer.code === 'ERR_HTTP_STATUS' ? '' : answer.code
      const status = answer.status === null ? '' : `HTTP ${answer.status}`
      const hint = hintText(answer.hints) ?? answer.hint
      const error = [code, status].filter((part) => part !== '').join(', ')
      const lines = failureLines(text, { error, reason: answer.description, hint })
      result.show({ outcome: 'bad', headline: text('test.failed'), lines })
      return
    }
    const { expiresIn, scope, clientAuth } = answer
    const lines: ResultLine[] = [
      [text('test.tokenType'), answer.tokenType],
      [
        text('test.lifetime'),
        expiresIn === null
          ? text('test.lifetimeUnknown', { seconds: ASSUMED_LIFETIME })
          : text('test.seconds', { seconds: expiresIn })
      ],
      // Without one in the answer, it is the one that was asked for (RFC 6749 §5.1).
      [text('label.scope'), scope],
      [text('label.tokenEndpoint'), answer.tokenEndpoint],
      [text('label.clientAuth'), text(`option.clientAuth.${clientAuth}`)],
      [text('result.elapsed'), text('result.milliseconds', { ms: answer.elapsedMs })]
    ]
    result.show({ outcome: 'good', headline: text('test.ok'), lines })
  }

  prepareFormTest({
    form,
    prefix: 'oauth2-client-credentials-test',
    busy: text('test.busy'),
    settings: () => form.settings(),
    run: async (settings, result) => {
      const answer = await ask(settings)
      const issuer = String(settings['issuer']).trim()
      if (!answer.ok && answer.code === 'ERR_ISSUER_MISMATCH') {
        const other = issuer.endsWith('/') ? issuer.slice(0, -1) : `${issuer}/`
        const second = await ask({ ...settings, issuer: other })
        // The other may be wrong too.
        if (second.ok || second.code !== 'ERR_ISSUER_MISMATCH') {
          return () => {
            onIssuer(other)
            show(second, result)
          }
        }
      }
      return () => {
        show(answer, result)
      }
    }
  })
}
