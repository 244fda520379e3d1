import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import codes from '../../locales/en-US/codes.json' with { type: 'json' }
import forms from '../../locales/en-US/hl7-https-out.json' with { type: 'json' }

describe('the statuses in locales/en-US/codes.json', () => {
  it('show every text of a status', () => {
    const shown = Object.values(codes.status).flatMap((status) => status.shown)
    for (const [key, text] of Object.entries(forms.status)) {
      const pattern = new RegExp(`^${text.replace(/[()]/g, '\\$&').replace(/__\w+?__/g, '.+')}$`)
      assert.ok(
        shown.some((example) => pattern.test(example)),
        `${key}: ${text}`
      )
    }
  })
})
