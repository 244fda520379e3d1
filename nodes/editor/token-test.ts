import { postToNodeRed, RequestError } from './ask-node-red.ts'
import type { Form } from './form.ts'
import { onPress, ResultBox } from './result-box.ts'

/** The route's answer. It never holds a token. */
type Answer =
  | {
      ok: true
      tokenEndpoint: string
      clientAuth: string
      tokenType: string
      expiresIn: number | null
      scope: string
      elapsedMs: number
    }
  | { ok: false; code: string; status: number | null; description: string; hint: string }

/** What the Test button needs of the form. */
export interface TokenTestOptions {
  form: Form
  /** The id of the node, deployed or not. */
  nodeId: string
  /** The lists as they are in the form. */
  lists: () => Record<string, unknown>
  /** Called where the server's own name differs from what was typed by a slash. */
  onIssuer: (issuer: string) => void
}

/** The other spelling of an issuer is no better: it is not the server's name, or may not be tried. */
const NO_BETTER = new Set(['ERR_ISSUER_MISMATCH', 'ERR_NOT_ALLOWED'])

/** The client authentications and the keys of their labels. */
const authLabels: Record<string, string> = {
  client_secret_basic: 'basic',
  client_secret_basic_raw: 'basicRaw',
  client_secret_post: 'post',
  client_secret_jwt: 'secretJwt',
  private_key_jwt: 'privateKeyJwt',
  tls_client_auth: 'tlsClientAuth',
  none: 'none'
}

/** Wires the Test button: it gets a token with what the form holds, and says what came of it. */
export function prepareTokenTest({ form, nodeId, lists, onIssuer }: TokenTestOptions): void {
  const { text } = form
  const result = new ResultBox('oauth2-client-credentials-test-result')
  let shown = 0

  const ask = async (given: Record<string, unknown>): Promise<Answer> => {
    try {
      const path = `oauth2-client-credentials/${encodeURIComponent(nodeId)}/test`
      return (await postToNodeRed(path, given)) as Answer
    } catch (error) {
      // What may not be tested is an answer too: it says what to do.
      if (error instanceof RequestError && isRefusal(error.answer)) return error.answer
      throw error
    }
  }

  const show = (answer: Answer, lifetime: unknown): void => {
    if (!answer.ok) {
      const status = answer.status === null ? '' : `HTTP ${answer.status}`
      result.show('bad', text('test.failed'), [
        [text('test.error'), [answer.code, status].filter((part) => part !== '').join(', ')],
        [text('test.description'), answer.description],
        [text('test.hint'), answer.hint === answer.description ? '' : answer.hint]
      ])
      return
    }
    const { expiresIn, scope, clientAuth } = answer
    const label = authLabels[clientAuth]
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

  // What was tested is no longer what the form holds.
  form.root().addEventListener('input', () => {
    shown++
    result.clear()
  })
}

function isRefusal(answer: unknown): answer is Answer & { ok: false } {
  return typeof answer === 'object' && answer !== null && 'hint' in answer
}
