import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { describe, it } from 'node:test'
import { page, root, rows, section } from './markdown.ts'

const text = page('docs/properties.md')

describe('the settings in docs/properties.md', () => {
  it('are those that the runtime reads', () => {
    const runtime = globSync('nodes/{settings,flow,operations}/*.ts', { cwd: root })
      .map(page)
      .join('\n')
    const read = new Set(runtime.match(/\bhl7HttpsOut[A-Z]\w+/g))
    const named = rows(section(text, 'settings.js')).map(([name = '']) => name.replaceAll('`', ''))
    assert.deepEqual(named.sort(), [...read].sort())
  })
})
