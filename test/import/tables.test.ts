import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { valuesOf } from '../../nodes/editor/import/import-row.ts'
import { namedValueProblem } from '../../nodes/editor/named-value.ts'
import { outCredentials, outProperties } from '../../nodes/settings/hl7-https-out-properties.ts'
import {
  tokenCredentials,
  tokenProperties
} from '../../nodes/settings/oauth2-client-credentials-properties.ts'
import { numberProblem, type PropertyTable } from '../../nodes/settings/property-table.ts'
import { urlProblem } from '../../src/http-client/url-problem.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { isSecret, readText, recording, SLOTS, tableOf } from '../support/import-table.ts'

const imports = new URL('recordings/', import.meta.url)
const recordings = readdirSync(imports).filter((name) => name.includes('.'))
const table = (name: string): string =>
  readFileSync(new URL(`tables/${name}.table`, imports), 'utf8')

describe('settings that are imported', () => {
  it('are recorded in every form', () => {
    assert.ok(recordings.length >= 11)
  })

  for (const name of recordings) {
    it(`are each a line of the table, known or not: ${name}`, () => {
      assert.equal(tableOf(recording(name)), table(name))
    })

    it(`show no secret and no patient: ${name}`, () => {
      for (const source of readText(recording(name)).sources ?? []) {
        const rows = source.rows(SLOTS)
        const shown = JSON.stringify(
          rows.map(({ setting, given, notes }) => [setting, given, notes])
        )
        assert.doesNotMatch(shown + source.name, /not-to-be-seen/)
        for (const form of ['out', 'token'] as const) {
          const others = Object.entries(valuesOf(form, rows)).filter(([field]) => !isSecret(field))
          assert.doesNotMatch(JSON.stringify(others), /not-to-be-seen/)
        }
      }
    })

    it(`are valid in the form: ${name}`, () => {
      for (const source of readText(recording(name)).sources ?? []) {
        const rows = source.rows(SLOTS)
        const ticked = new Set(rows.filter(({ tick }) => tick))
        assertFit(valuesOf('out', rows), outProperties, outCredentials)
        assertFit(valuesOf('out', rows, ticked), outProperties, outCredentials)
        assertFit(valuesOf('token', rows), tokenProperties, tokenCredentials)
      }
    })
  }
})

/** What is filled in has a field, and the form marks none of it. */
function assertFit(
  values: Readonly<Record<string, unknown>>,
  properties: PropertyTable,
  credentials: object
): void {
  for (const [name, value] of Object.entries(values)) {
    const property = properties[name]
    if (property === undefined) assert.ok(name in credentials, name)
    if (property?.kind === 'number') assert.equal(numberProblem(value, property), '', name)
    if (property?.kind === 'choice') assert.ok(property.words.includes(String(value)), name)
    if (property?.kind === 'flag') assert.equal(typeof value, 'boolean', name)
    if (property?.kind === 'list') {
      const entries = value as { name: string; value: string; valueType: string }[]
      for (const entry of entries) {
        assert.equal(namedValueProblem(entry, property.names), undefined, entry.name)
        assert.ok((property.types as readonly string[]).includes(entry.valueType))
      }
    }
    if (name === 'replyCodeActions') assert.ok(parseReplyRules(String(value)).rules.length > 0)
    if (['url', 'tokenEndpoint'].includes(name) && !String(value).startsWith('${')) {
      assert.equal(urlProblem(String(value)), undefined)
    }
  }
}
