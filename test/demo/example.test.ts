import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { FlowNode } from '../../demo/node-red.ts'

const file = new URL('../../examples/01 Send HL7 and route ACK and NAK.json', import.meta.url)
const text = readFileSync(file, 'utf8')
const flow = JSON.parse(text) as FlowNode[]

describe('the example flow', () => {
  it('contains no secrets and no addresses', () => {
    assert.ok(flow.every((node) => !('credentials' in node)))
    assert.doesNotMatch(text, /https?:\/\/|127\.0\.0\.1|localhost/)
    const [out] = flow.filter((node) => node.type === 'hl7-https-out')
    const [auth] = flow.filter((node) => node.type === 'oauth2-client-credentials')
    assert.deepEqual([out?.['url'], auth?.['issuer']], ['${HL7_URL}', '${HL7_ISSUER}'])
    assert.equal(out?.['auth'], auth?.id)
  })

  it('gives each message its own control ID and time', () => {
    const templates = flow.filter((node) => node.type === 'template')
    assert.equal(templates.length, 3)
    for (const { template } of templates) {
      const header = String(template).split('\n')[0]?.split('|') ?? []
      assert.deepEqual([header[6], header[9]], ['{{time}}', '{{_msgid}}'])
    }
  })

  it('is wired only to its own nodes, on its own tab', () => {
    const ids = new Set(flow.map((node) => node.id))
    assert.equal(ids.size, flow.length)
    for (const node of flow) {
      for (const target of ((node['wires'] ?? []) as string[][]).flat()) assert.ok(ids.has(target))
      if ('z' in node) assert.ok(ids.has(String(node['z'])))
    }
  })
})
