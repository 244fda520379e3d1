import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { packOffline } from '../../scripts/pack-offline.ts'
import { npm } from './install.ts'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const { name, version, dependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8')
) as { name: string; version: string; dependencies: Record<string, string> }

/** Runs a command where the only network is the machine itself. */
const ALONE = ['-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
const { status, stderr, error } = spawnSync('unshare', [...ALONE, 'true'], { encoding: 'utf8' })
const skip =
  status === 0
    ? false
    : `needs unshare and ip, and the right to use them: ${error?.message ?? stderr}`

describe('a machine without a network', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hl7-https-offline-'))
  let made: { packed: string; sbom: string }
  before(() => {
    spawnSync(process.execPath, ['scripts/licenses.ts'], { cwd: root, stdio: 'inherit' })
    made = packOffline(directory)
  })
  after(() => {
    rmSync(directory, { recursive: true, force: true })
  })

  /** Installs a package into an empty user directory, without a network, and sends a message. */
  const firstAck = (file: string): { status: number | null; output: string } => {
    // What Node.js tells the tests that it starts is not for these.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const program = join(root, 'test', 'package', 'offline-first-ack.ts')
    const args = [...ALONE, process.execPath, program, file]
    const { status, stdout, stderr } = spawnSync('unshare', args, { env, encoding: 'utf8' })
    return { status, output: stdout + stderr }
  }

  it('gets its first ACK from the package of pack:offline', { skip }, () => {
    const { status, output } = firstAck(made.packed)
    assert.equal(status, 0, output)
  })

  it('cannot install the other package, which has its dependencies elsewhere', { skip }, () => {
    const packed = JSON.parse(
      npm(['pack', '--ignore-scripts', '--json', '--pack-destination', directory], root)
    ) as { filename: string }[]
    const { status, output } = firstAck(join(directory, packed[0]?.filename ?? ''))
    assert.notEqual(status, 0)
    assert.match(output, /ENOTCACHED/)
  })

  it('comes with a list of all that is in it', () => {
    const sbom = JSON.parse(readFileSync(made.sbom, 'utf8')) as {
      bomFormat: string
      metadata: { component: { name: string; version: string } }
      components: { name: string; version: string; purl: string; licenses: unknown[] }[]
    }
    assert.equal(sbom.bomFormat, 'CycloneDX')
    assert.equal(sbom.metadata.component.name, name)
    assert.equal(sbom.metadata.component.version, version)
    const names = sbom.components.map((component) => component.name)
    // oauth4webapi is one that another needs, lit-html is part of the scripts for the browser.
    for (const needed of [...Object.keys(dependencies), 'oauth4webapi', 'lit-html']) {
      assert.ok(names.includes(needed), needed)
    }
    assert.ok(!names.includes('esbuild'))
    for (const { name: one, version: of, purl, licenses } of sbom.components) {
      assert.equal(purl, `pkg:npm/${one.replace('@', '%40')}@${of}`)
      assert.equal(licenses.length, 1, one)
    }
  })
})
