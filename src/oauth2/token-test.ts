import { systemClock, type Clock } from '../clock.ts'
import type { GotClient } from '../http-client/got-client.ts'
import { printableProse } from '../printable.ts'
import { Redactor } from '../redactor.ts'
import { withoutFiles } from './check-settings.ts'
import { clientAuthMethod } from './client-auth-method.ts'
import { DpopProofs } from './dpop-proofs.ts'
import { inEnglish, type Hint } from './hint.ts'
import { TokenClient, tokenType } from './token-client.ts'
import type { TokenError } from './token-error.ts'
import type { ClientAuthMethod, StoredTokenSettings } from './token-settings.ts'
import type { TokenTestResult } from './token-test-result.ts'

/**
 * Requests one token with settings in which `checkSettings` finds no problem, without cache or back-off. If *Automatic*
 * had to guess how the secret is sent, and the server refuses, it also tries the other way, and says so if that works.
 * Never rejects.
 *
 * @param parts.lastToken of the deployed node, which the server may name
 */
export async function testToken(
  settings: StoredTokenSettings,
  httpClient: GotClient,
  { clock = systemClock, lastToken = '' }: { clock?: Clock; lastToken?: string | undefined } = {}
): Promise<TokenTestResult> {
  const clientFor = (given: StoredTokenSettings): TokenClient => {
    const proofs = settings.dpop ? new DpopProofs(clock) : undefined
    return new TokenClient(given, httpClient, clock, undefined, proofs)
  }
  const client = clientFor(settings)
  const startedAt = clock.monotonic()
  try {
    const granted = await client.obtain(neverEnds(), lastToken)
    const { accessToken, tokenEndpoint, clientAuth, expiresIn, scope } = granted
    const redactor = new Redactor([accessToken, lastToken, ...settings.secrets])
    return {
      ok: true,
      tokenEndpoint: printableProse(redactor.hide(tokenEndpoint), 1000),
      clientAuth,
      tokenType: tokenType(settings),
      expiresIn: expiresIn ?? null,
      scope: printableProse(redactor.hide(scope), 1000),
      elapsedMs: Math.round(clock.monotonic() - startedAt)
    }
  } catch (error) {
    const refusal = error as TokenError
    const { code, status = null, description, message } = refusal
    const method = await otherMethod(refusal, settings, client, clientFor)
    const hints: readonly Hint[] =
      method === undefined ? refusal.hints : [{ key: 'otherMethodWorks', values: { method } }]
    return {
      ok: false,
      code,
      status,
      description: description ?? message,
      hint: inEnglish(hints),
      hints
    }
  }
}

/** Statuses with which token servers refuse a client. */
const CLIENT_REFUSED = new Set([400, 401, 403])

/** The method by which the token server takes the secret after all; undefined if none was tried or works. */
async function otherMethod(
  { status = 0 }: TokenError,
  settings: StoredTokenSettings,
  refused: TokenClient,
  clientFor: (settings: StoredTokenSettings) => TokenClient
): Promise<ClientAuthMethod | undefined> {
  const isAuto = settings.clientAuth === 'auto'
  const isBasic = clientAuthMethod(withoutFiles(settings)) === 'client_secret_basic'
  if (!isAuto || !isBasic || !CLIENT_REFUSED.has(status)) return undefined
  const clientAuth = 'client_secret_post'
  try {
    const { token_endpoint_auth_methods_supported: listed = [] } =
      await refused.metadata(neverEnds())
    if (listed.length > 0) return undefined
    await clientFor({ ...settings, clientAuth }).obtain(neverEnds())
    return clientAuth
  } catch {
    return undefined
  }
}

/** The client has time limits of its own. */
function neverEnds(): AbortSignal {
  return new AbortController().signal
}
