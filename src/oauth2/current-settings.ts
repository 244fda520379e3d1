import { english } from '../english.ts'
import { printable } from '../printable.ts'
import { FileError, readSecret, SecretFile, type Secret } from '../secret-file.ts'
import { checkSettings, withoutFiles } from './check-settings.ts'
import { clientAuthMethod } from './client-auth-method.ts'
import { TokenError } from './token-error.ts'
import type { Parameter, StoredTokenSettings, TokenSettings } from './token-settings.ts'

/**
 * The settings with the secrets as they are now. What no request uses is not read.
 *
 * @throws {TokenError} `ERR_SECRET_FILE`, which names the path and nothing that is in the file. It is not permanent: the
 *   file may be replaced at any time
 */
export async function currentSettings(stored: StoredTokenSettings): Promise<TokenSettings> {
  const { clientSecret, extraParams, headers, password, privateKey, privateKeyPassphrase } = stored
  const assumed = withoutFiles(stored)
  const method = clientAuthMethod(assumed)
  const isSigned = method === 'private_key_jwt' || stored.grantType === 'jwt_bearer'
  const files: string[] = []
  const read = async (secret: Secret, isUsed: boolean): Promise<string> => {
    if (!(secret instanceof SecretFile)) return secret
    if (!isUsed) return ''
    files.push(secret.path)
    return readSecret(secret)
  }
  const readAll = (list: readonly Parameter<Secret>[]): Promise<Parameter[]> =>
    Promise.all(list.map(async ({ name, value }) => ({ name, value: await read(value, true) })))
  try {
    const settings: TokenSettings = {
      ...stored,
      clientSecret: await read(clientSecret, method?.startsWith('client_secret') === true),
      password: await read(password, stored.grantType === 'password'),
      privateKey: await read(privateKey, isSigned),
      privateKeyPassphrase: await read(privateKeyPassphrase, isSigned),
      extraParams: await readAll(extraParams),
      headers: await readAll(headers)
    }
    if (files.length === 0) return settings
    const [problem] = checkSettings(settings)
    if (problem === undefined) return settings
    const path = files.map((one) => printable(one, 200)).join(', ')
    throw noSecret(english('log', 'secretFile.unusable', { problem, path }))
  } catch (error) {
    throw error instanceof FileError ? noSecret(error.message) : error
  }
}

function noSecret(text: string): TokenError {
  return new TokenError(text, {
    code: 'ERR_SECRET_FILE',
    hints: [{ key: 'secretFile' }],
    permanent: false
  })
}
