import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import texts from '../../locales/en-US/oauth2-client-credentials.json' with { type: 'json' }
import { inEnglish, type Hint } from '../../src/oauth2/hint.ts'

describe('the hints in English', () => {
  it('have a value for each placeholder', () => {
    const values: Hint['values'] = {
      ...{ method: 'client_secret_post', methods: 'x', seconds: 7, grant: 'password', target: 'x' },
      ...{ found: 'x', authority: 'x', field: 'issuer', host: 'x' }
    }
    const { unusable, ...others } = texts.tokenHint
    const keys = [...Object.keys(others), ...Object.keys(unusable).map((key) => `unusable.${key}`)]
    for (const key of keys as Hint['key'][]) {
      const text = inEnglish([{ key, values }])
      assert.doesNotMatch(text, /__|undefined/, key)
    }
  })

  it('cite the labels and methods of the form', () => {
    assert.equal(
      inEnglish([{ key: 'metadata', values: { field: 'issuer' } }, { key: 'clock' }]),
      "Check Issuer URL, or enter the Token URL instead. Check this machine's clock too."
    )
    assert.equal(
      inEnglish([{ key: 'inUse', values: { method: 'client_secret_post', grant: 'password' } }]),
      'In use: Authentication "Client secret: in the form (Post)", Grant "Password (legacy servers)".'
    )
  })

  it('do not fill in what a value contains', () => {
    const hint = { key: 'issuerMismatch', values: { found: '__clientSecret__' } } as const
    assert.match(inEnglish([hint]), /gives itself, __clientSecret__, in Issuer URL/)
  })
})
