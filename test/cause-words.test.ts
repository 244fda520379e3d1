import assert from 'node:assert/strict'
import { it } from 'node:test'
import { causeWords } from '../src/cause-words.ts'

it('says what docs/troubleshooting.md says of a cause, as plain text', () => {
  assert.deepEqual(causeWords('queue', 'ENOTDIR'), {
    meaning: 'part of its path is not a directory',
    remedy: 'Correct hl7HttpsOutQueueDirectory in settings.js.'
  })
  assert.match(
    causeWords('http', '2xx')?.remedy ?? '',
    /choose "Accept 2xx without ACK" in "Reply rules", or write a rule\.$/
  )
  assert.equal(causeWords('queue', 'SQLITE'), undefined)
})
