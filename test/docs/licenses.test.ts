import assert from 'node:assert/strict'
import { it } from 'node:test'
import { licensePage } from '../../scripts/licenses.ts'
import { page } from './markdown.ts'

it('docs/licenses.md is up to date', () => {
  assert.equal(page('docs/licenses.md'), licensePage())
})
