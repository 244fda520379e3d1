import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { page, rows, section } from './markdown.ts'

const { status } = JSON.parse(page('nodes/locales/en-US/hl7-https-out.json')) as {
  status: Record<string, string>
}

describe('the table in docs/what-happens-to-a-message.md', () => {
  it('has every status that a node can show', () => {
    const table = rows(section(page('docs/what-happens-to-a-message.md'), 'At 3 a.m.'))
    const named = table.flatMap(([shown = '']) =>
      [...shown.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? '')
    )
    assert.ok(Object.keys(status).length > 10)
    for (const [state, text] of Object.entries(status)) {
      const pattern = new RegExp(`^${text.replace(/[()]/g, '\\$&').replace(/__\w+?__/g, '.+')}$`)
      assert.ok(
        named.some((one) => pattern.test(one)),
        `${state}: ${text}`
      )
    }
  })
})
