import assert from 'node:assert/strict'
import { it } from 'node:test'
import { hostOf } from '../../nodes/editor/host-of.ts'

it('returns the host and port for a label, and nothing if it is not a URL', () => {
  assert.equal(hostOf('https://hl7.example.org:8443/in?x=1'), 'hl7.example.org:8443')
  assert.equal(hostOf('${HL7_URL}'), '${HL7_URL}')
  assert.equal(hostOf('nonsense'), '')
  assert.equal(hostOf(undefined), '')
})
