import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { formDefinition } from './form-definition.ts'
import { page, root, rows, section } from './markdown.ts'

const text = page('docs/properties.md')

for (const type of ['hl7-https-out', 'oauth2-client-credentials']) {
  describe(`the table of ${type} in docs/properties.md`, () => {
    const { defaults, credentials } = formDefinition(type)
    const table = rows(section(text, type)).filter((cells) => cells.length === 4)
    const file = new URL(`../../locales/en-US/${type}.json`, import.meta.url)
    const { label } = JSON.parse(readFileSync(file, 'utf8')) as { label: Record<string, string> }

    it('has every property, in the order of the form, with its default', () => {
      const shown = (value: unknown): string =>
        `\`${typeof value === 'string' ? `'${value}'` : JSON.stringify(value)}\``
      assert.deepEqual(
        table.map(([name, , value]) => [name, value]),
        [
          ...Object.entries(defaults).map(([name, { value }]) => [`\`${name}\``, shown(value)]),
          ...Object.keys(credentials).map((name) => [`\`${name}\``, 'credential'])
        ]
      )
    })

    it('gives each property its label in the form', () => {
      for (const [name = '', inForm] of table) {
        const [, number = ''] = /^`secret(\d)`$/.exec(name) ?? []
        const secret = label['secret']?.replace('__number__', number)
        assert.equal(inForm, number === '' ? label[name.replaceAll('`', '')] : secret, name)
      }
    })
  })
}

describe('the settings in docs/properties.md', () => {
  it('are those that the runtime reads', () => {
    const runtime = globSync('nodes/*.ts', { cwd: root }).map(page).join('\n')
    const read = new Set(runtime.match(/\bhl7HttpsOut[A-Z]\w+/g))
    const named = rows(section(text, 'settings.js')).map(([name = '']) => name.replaceAll('`', ''))
    assert.deepEqual(named.sort(), [...read].sort())
  })
})
