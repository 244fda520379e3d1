import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { page, section } from './markdown.ts'

// Node-RED has it for its own YAML node.
const yaml = createRequire(import.meta.url)('js-yaml') as { load: (text: string) => unknown }

const text = page('docs/deploy.md')

/** The only block of code of a language below a heading. */
function block(heading: string, language: string): string {
  const pattern = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm')
  const [found, ...others] = section(text, heading).matchAll(pattern)
  assert.ok(found && others.length === 0, `${heading}: one block of ${language}`)
  return found[1] ?? ''
}

interface Compose {
  services: Record<
    string,
    { volumes: string[]; secrets: string[]; environment: Record<string, string> }
  >
  volumes: Record<string, unknown>
  secrets: Record<string, { file: string }>
}

interface StatefulSet {
  apiVersion: string
  kind: string
  spec: {
    replicas: number
    selector: { matchLabels: object }
    template: {
      metadata: { labels: object }
      spec: {
        terminationGracePeriodSeconds: number
        containers: {
          ports: { name: string }[]
          env: { name: string; value: string }[]
          readinessProbe: { httpGet: { path: string; port: string } }
          livenessProbe: { httpGet: { path: string; port: string } }
          volumeMounts: { name: string; mountPath: string }[]
        }[]
        volumes: { name: string }[]
      }
    }
    volumeClaimTemplates: { metadata: { name: string } }[]
  }
}

describe('deploy.md', () => {
  it('has a compose file whose parts exist', () => {
    const { services, volumes, secrets } = yaml.load(block('Docker', 'yaml')) as Compose
    const [service, ...others] = Object.values(services)
    assert.ok(service && others.length === 0)
    assert.deepEqual(service.secrets, Object.keys(secrets))
    for (const volume of service.volumes) {
      const [from = ''] = volume.split(':')
      assert.ok(from.startsWith('./') || from in volumes, volume)
    }
    const { HL7_HTTPS_OUT_QUEUE_KEY: key = '' } = service.environment
    const [, secret = ''] = /^\$\$\{file:\/run\/secrets\/([\w-]+)\}$/.exec(key) ?? []
    assert.ok(service.secrets.includes(secret), key)
  })

  it('has a manifest for Kubernetes whose parts exist', () => {
    const { apiVersion, kind, spec } = yaml.load(block('Kubernetes', 'yaml')) as StatefulSet
    assert.deepEqual([apiVersion, kind, spec.replicas], ['apps/v1', 'StatefulSet', 1])
    const { metadata, spec: pod } = spec.template
    assert.deepEqual(spec.selector.matchLabels, metadata.labels)
    const [container] = pod.containers
    assert.ok(container)
    const claims = spec.volumeClaimTemplates.map((claim) => claim.metadata.name)
    assert.deepEqual(
      container.volumeMounts.map(({ name }) => name).sort(),
      [...claims, ...pod.volumes.map(({ name }) => name)].sort()
    )
    for (const { httpGet } of [container.readinessProbe, container.livenessProbe]) {
      assert.ok(container.ports.some(({ name }) => name === httpGet.port))
      assert.equal(httpGet.path, '/hl7-https-out/page')
    }
    const [key] = container.env
    const [, mounted = ''] = /^\$\{file:(.+)\/queue-key\}$/.exec(key?.value ?? '') ?? []
    assert.ok(container.volumeMounts.some(({ mountPath }) => mountPath === mounted))
  })

  const systemd = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' })
  const skip = systemd.status === 0 ? false : 'needs systemd-analyze'

  it('has a unit that systemd-analyze finds nothing wrong with', { skip }, (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'hl7-https-unit-'))
    t.after(() => {
      rmSync(directory, { recursive: true, force: true })
    })
    const unit = block('systemd', 'ini')
    const file = join(directory, 'node-red.service')
    // It would miss a program and a user that are not here.
    const here = unit.replace('/usr/bin/node-red', process.execPath).replace(/^User=.*\n/m, '')
    writeFileSync(file, here)
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', file], {
      encoding: 'utf8'
    })
    assert.equal(status, 0, stderr)
    assert.equal(stdout + stderr, '')
  })

  it('gives a stop more time than the nodes and Node-RED take', () => {
    // Node-RED closes its nodes for at most 15 s.
    const seconds = [
      /stop_grace_period: (\d+)s/,
      /terminationGracePeriodSeconds: (\d+)/,
      /TimeoutStopSec=(\d+)/
    ].map((pattern) => Number(pattern.exec(text)?.[1]))
    for (const one of seconds) assert.ok(one > 15, String(one))
  })
})
