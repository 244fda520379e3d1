import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { inEnglish, type Hint } from '../../src/oauth2/hint.ts'
import { HINT_TEXTS, LABELS, OPTIONS } from '../../src/oauth2/hint-texts.ts'

const file = new URL('../../locales/en-US/oauth2-client-credentials.json', import.meta.url)
const locale = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>

describe('the texts of hints', () => {
  it('are those of the English form, and cite its labels', () => {
    assert.deepEqual({ ...HINT_TEXTS }, locale['tokenHint'])
    for (const [key, text] of Object.entries(LABELS)) {
      assert.equal(text, locale['label']?.[key], key)
    }
    assert.deepEqual({ auto: 'Automatic', ...OPTIONS }, locale['option']?.['clientAuth'])
  })

  it('have a value for each placeholder', () => {
    const values = {
      ...{ method: 'client_secret_post', methods: 'x', seconds: 7, grant: 'x', target: 'x' },
      ...{ found: 'x', authority: 'x', field: 'issuer' }
    }
    for (const key of Object.keys(HINT_TEXTS) as Hint['key'][]) {
      const text = inEnglish([{ key, values }])
      assert.doesNotMatch(text, /__|undefined/, key)
    }
    assert.equal(
      inEnglish([{ key: 'metadata', values: { field: 'issuer' } }, { key: 'clock' }]),
      "Check Issuer URL, or fill in Token URL. Check this machine's clock too."
    )
  })

  it('do not fill in what a value contains', () => {
    const hint = { key: 'issuerMismatch', values: { found: '__clientSecret__' } } as const
    assert.match(inEnglish([hint]), /Issuer URL: __clientSecret__$/)
  })
})
