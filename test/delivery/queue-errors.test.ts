import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lost, notInQueue, queueFailed } from '../../src/delivery/queue-errors.ts'
import { QueueError } from '../../src/queue/queue-error.ts'

const NAME = { controlId: 'M1', type: 'ADT^A01' }

describe('a fault of the queue', () => {
  it('that kept a message from being stored has its code; any other says nothing of itself', () => {
    const full = queueFailed(NAME, new QueueError('The disk is full', 'SQLITE_FULL'))
    assert.deepEqual([full.code, full.cause?.code], ['HL7_QUEUE_FAILED', 'SQLITE_FULL'])
    assert.match(full.message, /The disk is full\..*M1/s)
    const other = queueFailed(NAME, new TypeError('DOE^JOHN'))
    assert.equal(other.cause?.code, 'EUNKNOWN')
    assert.match(other.message, /The queue cannot be written\..*M1/s)
    assert.doesNotMatch(other.message, /DOE/)
  })

  it('that lost a message names it, or else its number', () => {
    const named = lost(7, new QueueError('The file is damaged', 'SQLITE_CORRUPT', NAME))
    assert.deepEqual([named.kind, named.seq, named.about], ['lost', 7, NAME])
    assert.match(named.error.message, /^SQLITE_CORRUPT: The file is damaged\..*M1/s)
    assert.equal(named.error.cause?.code, 'SQLITE_CORRUPT')
    const unnamed = lost(7, new QueueError('The file is damaged', 'SQLITE_CORRUPT'))
    assert.equal(
      unnamed.error.message,
      'SQLITE_CORRUPT: The file is damaged. Number 7 of the queue is lost.'
    )
    assert.equal(unnamed.about, undefined)
  })

  it('that lost a message on its way says so as it is', () => {
    const { code, message, cause } = notInQueue(new QueueError('It is gone.', 'ERR_NOT_QUEUED'))
    assert.deepEqual(
      [code, message, cause?.code],
      ['HL7_QUEUE_FAILED', 'It is gone.', 'ERR_NOT_QUEUED']
    )
  })
})
