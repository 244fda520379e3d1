import assert from 'node:assert/strict'
import { it } from 'node:test'
import { licencePage } from '../../scripts/licences.ts'
import { page } from './markdown.ts'

it('docs/licences.md is up to date', () => {
  assert.equal(page('docs/licences.md'), licencePage())
})
