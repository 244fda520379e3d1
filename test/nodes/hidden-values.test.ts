import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hideValues } from '../../nodes/hidden-values.ts'

describe('hideValues', () => {
  it('hides a value in each form in which an answer may repeat it', () => {
    const secret = `p&"w' 12`
    for (const repeated of [
      secret,
      "p%26%22w'%2012",
      '{"a":"p&\\"w\' 12"}',
      '<a>p&amp;&quot;w&apos; 12</a>'
    ]) {
      const hidden = hideValues({ reply: repeated }, [secret])
      assert.match(hidden.reply, /•••/, repeated)
      assert.ok(!hidden.reply.includes('12'))
    }
  })
})
