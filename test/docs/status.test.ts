import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { page, rows, section } from './markdown.ts'

const { status } = JSON.parse(page('locales/en-US/hl7-https-out.json')) as {
  status: Record<string, string>
}
const operations = page('docs/operations.md')

describe('the tables in docs/operations.md', () => {
  it('have every status that a node can show', () => {
    const [shown = ''] = section(operations, 'What a node shows').split('### Status codes')
    const named = rows(shown).flatMap(([first = '']) =>
      [...first.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? '')
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

  it('have every code of a status, in the order in which they count', () => {
    const conditions = page('nodes/status-line.ts').matchAll(/^ {4}code: '(\w+)',$/gm)
    const order = new Set([...conditions].map(([, code]) => code))
    const told = rows(section(operations, 'Status codes')).map(([code = '']) => code.slice(1, -1))
    assert.ok(order.size > 10)
    assert.deepEqual(told, ['CONFIG', ...order, 'IDLE'])
  })
})
