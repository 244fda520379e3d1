import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { NodeAPI } from 'node-red'
import { namesClientCertificate } from '../../nodes/editor/client-certificate.ts'
import { hasClientCertificate } from '../../nodes/settings/connection.ts'
import { tlsConfigOf } from '../../nodes/settings/tls-config.ts'
import type { TlsSettings } from '../../src/http-client/connection-settings.ts'

interface TlsConfig {
  credentials: object
  addTLSOptions(options: TlsSettings): TlsSettings
}

describe('a client certificate in a tls-config', () => {
  let TlsConfig: new (properties: object) => TlsConfig
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tls-'))
    await writeFile(join(folder, 'file'), 'PEM')
    // Node-RED's own node, with no more of Node-RED than it needs.
    const register = createRequire(import.meta.url)('@node-red/nodes/core/network/05-tls.js') as (
      RED: object
    ) => void
    register({
      nodes: {
        createNode: (node: TlsConfig, { credentials = {} }: Partial<TlsConfig>) => {
          Object.assign(node, { credentials, error: () => undefined })
        },
        registerType: (_type: string, made: typeof TlsConfig) => {
          TlsConfig = made
        }
      },
      util: { evaluateNodeProperty: (name: string) => name },
      _: (key: string) => key,
      httpAdmin: { get: () => undefined },
      settings: {}
    })
  })
  after(() => rm(folder, { recursive: true }))

  it('is found in the form where the runtime finds it', () => {
    const file = join(folder, 'file')
    for (const [properties, expected] of [
      [{}, false],
      [{ verifyservercert: false, servername: 'x' }, false],
      [{ ca: file }, false],
      [{ caname: 'ca.pem', credentials: { cadata: 'PEM' } }, false],
      [{ certType: 'env', caEnv: 'CA' }, false],
      [{ certType: 'env', certEnv: 'CERT', caEnv: 'CA' }, false],
      [{ certType: 'pfx', ca: file }, false],
      [{ cert: file, key: file, ca: file }, true],
      [{ certname: 'c', keyname: 'k', credentials: { certdata: 'PEM', keydata: 'PEM' } }, true],
      [{ certType: 'env', certEnv: 'CERT', keyEnv: 'KEY' }, true],
      [{ certType: 'pfx', p12: file }, true],
      [{ certType: 'pfx', p12name: 'c.p12', credentials: { p12data: 'UEVN' } }, true]
    ] as const) {
      const shown = JSON.stringify(properties)
      const runtime = new TlsConfig(properties).addTLSOptions({})
      assert.equal(hasClientCertificate(runtime), expected, shown)
      assert.equal(namesClientCertificate(properties), expected, shown)
    }
  })

  it('is in a test, before a deploy, what it is after it', () => {
    const file = join(folder, 'file')
    const uploaded = { certdata: 'C', keydata: 'K', cadata: 'A', passphrase: 'p' }
    const env = { certType: 'env', certEnv: 'CERT', keyEnv: 'KEY', caEnv: 'CA' }
    for (const properties of [
      {},
      { verifyservercert: false },
      { verifyservercert: true, servername: ' x ', alpnprotocol: 'h2' },
      { cert: file, key: ` ${file} `, ca: file, credentials: uploaded },
      { ca: file },
      { cert: file },
      { ca: join(folder, 'nowhere') },
      { credentials: uploaded },
      { credentials: { certdata: 'C' } },
      { credentials: { cadata: 'A' } },
      env,
      { certType: 'pfx', p12: file, credentials: { passphrase: 'p' } },
      { certType: 'pfx', p12: join(folder, 'nowhere') },
      { certType: 'pfx', p12name: 'c.p12', credentials: { p12data: 'UEVN' } }
    ]) {
      const { credentials = {}, ...config } = properties as { credentials?: Record<string, string> }
      const real = new TlsConfig(properties) as TlsConfig & { valid: boolean }
      const RED = { util: { evaluateNodeProperty: (name: string) => name } } as unknown as NodeAPI
      const standIn = tlsConfigOf(RED, null, config, credentials)
      const shown = JSON.stringify(properties)
      assert.equal(standIn.valid, real.valid, shown)
      if (!real.valid) continue
      const { rejectUnauthorized, ...options } = real.addTLSOptions({})
      assert.deepEqual(
        standIn.addTLSOptions({}),
        { ...options, rejectUnauthorized: rejectUnauthorized !== false },
        shown
      )
    }
  })
})
