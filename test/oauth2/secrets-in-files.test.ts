import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { jwtVerify } from 'jose'
import { TokenClient } from '../../src/oauth2/token-client.ts'
import { TokenError } from '../../src/oauth2/token-error.ts'
import { SecretFile, Secrets, type Secret } from '../../src/secret-file.ts'
import { json } from '../support/token-fault-server.ts'
import { granted, tokenTest } from '../support/token-test.ts'

const { privateKey: first, publicKey: ofFirst } = generateKeyPairSync('rsa', {
  modulusLength: 2048
})
const { privateKey: second, publicKey: ofSecond } = generateKeyPairSync('rsa', {
  modulusLength: 2048
})
const pem = (key: KeyObject, passphrase: string): string =>
  key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }) as string

describe('a token request with secrets in files', () => {
  const test = tokenTest()
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'token-secrets-'))
  })
  after(() => rm(folder, { recursive: true }))

  const path = (name: string): string => join(folder, name)
  const fileOf = async (name: string, text: string): Promise<SecretFile> => {
    await writeFile(path(name), text)
    return new SecretFile(path(name))
  }
  const bearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

  it('carries what is in them now, wherever there may be a secret', async () => {
    const { form, headers } = await test.sent({
      grantType: 'password',
      clientAuth: 'client_secret_post',
      username: 'hl7',
      clientSecret: await fileOf('secret', 'secret-of-client\n'),
      password: await fileOf('password', 'pass-of-user\n'),
      extraParams: [{ name: 'key', value: await fileOf('parameter', 'key-in-form\n') }],
      headers: [{ name: 'X-Api-Key', value: await fileOf('header', 'key-of-gateway\n') }]
    })
    assert.equal(form.get('client_secret'), 'secret-of-client')
    assert.equal(form.get('password'), 'pass-of-user')
    assert.equal(form.get('key'), 'key-in-form')
    assert.equal(headers['x-api-key'], 'key-of-gateway')
  })

  it('is signed with the key that is in them now', async () => {
    const settings = test.settings<Secret>({
      clientSecret: '',
      privateKey: await fileOf('key', pem(first, 'one')),
      privateKeyPassphrase: await fileOf('passphrase', 'one\n')
    })
    const client = new TokenClient(settings, test.httpClient, {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      after: () => () => undefined
    })
    const signed = async (): Promise<string> => {
      await client.obtain(new AbortController().signal)
      const { form } = test.server.seen.at(-1) ?? assert.fail()
      assert.equal(form.get('client_assertion_type'), bearer)
      return form.get('client_assertion') ?? ''
    }
    await jwtVerify(await signed(), ofFirst)
    await fileOf('key', pem(second, 'two'))
    // Only one of both has been replaced.
    await assert.rejects(signed, (error: unknown) => {
      assert.ok(error instanceof TokenError)
      assert.equal(error.code, 'ERR_SECRET_FILE')
      const files = `${path('key')}, ${path('passphrase')}`
      assert.equal(
        error.message,
        `Private key: It cannot be decrypted: the passphrase is wrong, or the key is damaged. It comes from ${files}.`
      )
      return true
    })
    await fileOf('passphrase', 'two\n')
    await jwtVerify(await signed(), ofSecond)
  })

  it('needs no file that it does not use', async () => {
    const none = new SecretFile(path('none'))
    const unused = { password: none, privateKeyPassphrase: none }
    const { form } = await test.sent({ ...unused, clientAuth: 'client_secret_post' })
    assert.equal(form.get('client_secret'), 'not-so-secret')
    const clientAuth = 'none'
    await test.sent({ ...unused, clientAuth, clientSecret: none, privateKey: none })
  })

  it('is not made without them', async () => {
    const clientSecret = new SecretFile(path('missing'))
    const { error, requests } = await test.ask(granted, { clientSecret })
    assert.deepEqual([error?.code, error?.permanent], ['ERR_SECRET_FILE', false])
    assert.equal(error?.message, `The secret in ${path('missing')} cannot be read (ENOENT).`)
    assert.deepEqual(requests, [])
  })

  it('shows none of them in what the server says', async () => {
    const clientSecret = await fileOf('secret', 'old-secret-0815')
    await clientSecret.read()
    await fileOf('secret', 'new-secret-0815')
    const basic = Buffer.from('gateway:pass-0815').toString('base64')
    const value = await fileOf('header', `Basic ${basic}`)
    const error_description = `old-secret-0815, new-secret-0815 and pass-0815`
    const { error } = await test.ask(json({ error: 'invalid_client', error_description }, 401), {
      clientSecret,
      headers: [{ name: 'X-Gateway', value }],
      secrets: new Secrets([], [clientSecret, value])
    })
    assert.equal(error?.description, '•••, ••• and •••')
    assert.doesNotMatch(inspect(error, { showHidden: true, depth: 9 }), /0815/)
  })
})
