import assert from 'node:assert/strict'
import { it } from 'node:test'
import { causeSentence, causeWords } from '../src/cause-words.ts'

it('says what docs/troubleshooting.md says of a cause, as plain text', () => {
  assert.deepEqual(causeWords('queue', 'ENOTDIR'), {
    meaning: 'part of its path is not a directory',
    remedy: 'Correct hl7HttpsOutQueueDirectory in settings.js.'
  })
  assert.match(
    causeWords('http', '2xx')?.remedy ?? '',
    /ask its operator what such an answer means: if the message is then accepted, write a rule\.$/
  )
  assert.equal(causeWords('queue', 'SQLITE'), undefined)
})

it('says meaning and remedy in one sentence, but no more than that', () => {
  assert.equal(
    causeSentence('http', '408'),
    'The receiver timed out waiting for the message: check the network.'
  )
  assert.equal(
    causeSentence('http', '502'),
    'A gateway got no valid answer from the receiver behind it, which may have accepted the message.'
  )
  assert.equal(causeSentence('http', '418'), undefined)
})
