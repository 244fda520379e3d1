import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readProblems } from '../../nodes/operations/page/story/problem-reading.ts'

describe('what a reply without HL7 says is wrong', () => {
  const outcome = (...issue: unknown[]): object => ({ resourceType: 'OperationOutcome', issue })
  for (const [what, json, expected] of [
    // As Medplum 5.1 answers to what a bot throws.
    [
      'an OperationOutcome',
      outcome({ severity: 'error', code: 'invalid', details: { text: 'Invalid HL7 message' } }),
      [{ code: 'invalid', text: 'Invalid HL7 message' }]
    ],
    [
      'several issues, some with diagnostics',
      outcome({ code: 'structure', diagnostics: 'No PID' }, { code: 'throttled' }, {}, 'x'),
      [
        { code: 'structure', text: 'No PID' },
        { code: 'throttled', text: '' }
      ]
    ],
    [
      'a problem (RFC 9457)',
      { type: 'about:blank', title: 'Bad Request', detail: 'MSH-6 is unknown' },
      [{ code: '', text: 'MSH-6 is unknown' }]
    ],
    ['a problem with a title alone', { title: 'Conflict' }, [{ code: '', text: 'Conflict' }]],
    ['something else', { id: 7, detail: 7, issue: [] }, []],
    ['an outcome without issues', { resourceType: 'OperationOutcome', issue: 7 }, []],
    ['a list', [{ detail: 'x' }], []]
  ] as const) {
    it(`is read: ${what}`, () => {
      assert.deepEqual(readProblems(JSON.stringify(json)), expected)
    })
  }

  it('is the title of a web page', () => {
    const page = '<!DOCTYPE html>\n<html lang="en"><head><title>\n Scheduled maintenance </title>'
    assert.deepEqual(readProblems(page), [{ code: '', text: 'Scheduled maintenance' }])
  })

  it('is nothing in other texts', () => {
    for (const text of ['', '{', '<html>', 'MSH|^~\\&']) assert.deepEqual(readProblems(text), [])
  })
})
