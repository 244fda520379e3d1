import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MESSAGE_STATES } from '../../src/delivery/message.ts'
import { page, rows } from './markdown.ts'

const text = page('docs/what-happens-to-a-message.md')
const states = Object.entries(MESSAGE_STATES)

describe('the life of a message in docs/what-happens-to-a-message.md', () => {
  it('is drawn as in the table in the code', () => {
    const [, picture = ''] = /```mermaid\n(.*?)```/s.exec(text) ?? []
    const drawn = [...picture.matchAll(/^ {2}(\S+ --> \S.*)$/gm)].map(([, line]) => line ?? '')
    const moves = states.flatMap(([state, { to }]) =>
      Object.entries(to).map(([next, why]) => `${state} --> ${next}: ${why}`)
    )
    const ends = states.filter(([, { to }]) => Object.keys(to).length === 0)
    assert.deepEqual(
      drawn.toSorted(),
      [
        '[*] --> waiting: stored, done()',
        ...moves,
        ...ends.map(([state]) => `${state} --> [*]`)
      ].toSorted()
    )
  })

  it('is described state by state as in the table in the code', () => {
    const told = rows(text.slice(0, text.indexOf('## What survives what')))
    const due = states.map(([state, { meaning, shownAs, holdsLane }]) => [
      `\`${state}\``,
      meaning,
      shownAs,
      holdsLane ? 'waits' : 'may go'
    ])
    assert.deepEqual(told, due)
  })
})
