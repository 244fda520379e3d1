import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generatedPages } from '../../scripts/docs.ts'

describe('the tables that are made from the code', () => {
  for (const { file, is, should } of generatedPages()) {
    it(`are as \`npm run docs\` makes them: ${file}`, () => {
      assert.equal(is, should)
    })
  }
})
