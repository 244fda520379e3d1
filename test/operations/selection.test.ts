import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  discardChoice,
  exportChoice,
  resendChoice,
  waitingChoice
} from '../../nodes/operations/queries.ts'
import { QUESTIONS, type AskedOf } from '../../nodes/operations/questions.ts'
import { RouteError } from '../../nodes/operations/route-error.ts'
import { readIn, type Schema } from '../../nodes/operations/schema.ts'

/** A body as its schema reads it. */
function read<Name extends Choosing>(name: Name, question: object): AskedOf<Name> {
  return readIn<Schema>(QUESTIONS[name], { ...question }, false) as AskedOf<Name>
}
type Choosing = 'discardMessages' | 'suspendMessages' | 'resendMessages' | 'exportMessages'

/** Each route that does something with the messages that somebody chooses. */
const ROUTES: [name: string, read: (question: object) => unknown][] = [
  ['discard', (question) => discardChoice(read('discardMessages', question))],
  ['suspend', (question) => waitingChoice(read('suspendMessages', question))],
  ['resend', (question) => resendChoice(read('resendMessages', question))],
  ['export', (question) => exportChoice(read('exportMessages', question))]
]

describe('which messages are meant', () => {
  const unclear: object[] = [
    ...[{}, [], { ids: '1' }, { ids: [1] }, { ids: { 0: '1' } }, { all: false }, { all: 'true' }],
    ...[{ controlId: '' }, { controlId: 'A', type: '' }, { rule: [] }, { state: '' }],
    ...[{ state: [] }, { state: 'acked', controlId: '' }, { state: 'waiting', error: '' }],
    ...[
      { all: true, ids: ['1'] },
      { all: true, type: 'ADT^A01' },
      { ids: ['1'], rule: '5=F' }
    ],
    ...[{ controlid: 'A' }, { limit: 1 }, { all: true, controlId: '' }],
    ...[{ before: '' }, { all: true, before: '' }, { since: '' }, { state: [''] }]
  ]
  for (const [name, read] of ROUTES) {
    it(`has to be said, and is never all by mistake: ${name}`, () => {
      for (const question of unclear) {
        assert.throws(
          () => read(question),
          (error) => error instanceof RouteError && error.status === 400,
          `${JSON.stringify(question)} was taken`
        )
      }
    })

    it(`is said by ids, by a filter, or as all: ${name}`, () => {
      const { ids, all, some } = {
        ids: JSON.stringify(read({ ids: ['1', '17'] })),
        all: JSON.stringify(read({ all: true })),
        some: JSON.stringify(read({ controlId: 'A', type: 'ADT^A01', rule: '5=F', error: '102' }))
      }
      assert.match(ids, /\[1,17\]/)
      assert.doesNotMatch(all, /ids|controlId/)
      for (const value of ['"A"', '"ADT^A01"', '"5=F"', '"102"']) assert.ok(some.includes(value))
    })
  }
})
