import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const nodes = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'nodes')
const read = (...path: string[]): string => readFileSync(join(nodes, ...path), 'utf8')

for (const type of ['hl7-https-out', 'oauth2-client-credentials']) {
  const labels: unknown = JSON.parse(read('locales', 'en-US', `${type}.json`))
  const has = (key: string): boolean => {
    let at: unknown = labels
    for (const part of key.split('.')) {
      if (typeof at !== 'object' || at === null) return false
      at = (at as Record<string, unknown>)[part]
    }
    return typeof at === 'string' && at !== ''
  }

  describe(`the texts of ${type}`, () => {
    it('hold every label that the form names', () => {
      const attributes = [...read(`${type}.html`).matchAll(/data-i18n="([^"]+)"/g)]
      const keys = attributes.flatMap(([, value]) =>
        (value ?? '').split(';').map((key) => key.replace(/^\[[^\]]+\]/, ''))
      )
      assert.ok(keys.length > 20)
      assert.deepEqual(
        keys.filter((key) => !has(key)),
        []
      )
    })

    it('hold the words for every mistake that the form can find', () => {
      const sources = ['url-problem', 'number-problem', 'named-value', type]
      const code = sources.map((file) => read('editor', `${file}.ts`)).join('\n')
      const judged = [
        ...code.matchAll(/'(url[A-Z]\w+|number\w*|entryName|headerName|hl7Path|secretSlot)'/g)
      ]
      const own = [...read('editor', `${type}.ts`).matchAll(/\? '(\w*)' : '(\w*)'/g)]
      const keys = [
        ...judged.map(([, key]) => key ?? ''),
        ...own.flatMap(([, yes, no]) => [yes ?? '', no ?? ''])
      ].filter((key) => key !== '' && key !== 'header' && key !== 'any')
      assert.deepEqual(
        [...new Set(keys)].filter((key) => !has(`problem.${key}`)),
        []
      )
    })

    it('come with a help text', () => {
      assert.match(
        read('locales', 'en-US', `${type}.html`),
        new RegExp(`^<script type="text/html" data-help-name="${type}">`)
      )
    })
  })
}

describe('the status texts', () => {
  it('are there for every state, and short but for the error code that one may carry', () => {
    const { status } = JSON.parse(read('locales', 'en-US', 'hl7-https-out.json')) as {
      status: Record<string, string>
    }
    for (const state of ['sending', 'ack', 'nak', 'retrying', 'paused', 'error', 'queued']) {
      assert.ok(status[state], state)
    }
    for (const [state, text] of Object.entries(status)) {
      const example = text.replace('__code__', '').replace(/__\w+__/g, '12')
      // What ails a token takes more words.
      assert.ok(example.length < (state === 'tokenFailing' ? 40 : 20), `${state}: ${example}`)
    }
  })
})
