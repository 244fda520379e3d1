import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MessageState } from '../../src/queue/message-row.ts'
import fc from '../support/properties.ts'
import { WatchedMoves } from '../support/watched-moves.ts'
import { type Action, DeliveryModel, type ModelSettings } from './delivery-model.ts'
import { FakeDisk } from './fake-disk.ts'
import type { ReplyKind } from './replies.ts'
import { setUpOn } from './set-up.ts'

const moves = new WatchedMoves()

const settings = {
  durable: fc.boolean(),
  isFile: fc.constant(false),
  isSyncLate: fc.constant(false),
  order: fc.constantFrom('fifo', 'key', 'none'),
  maxInFlight: fc.integer({ min: 1, max: 3 }),
  failureTimeoutMs: fc.constantFrom(0, 10_000, 100_000, Number.POSITIVE_INFINITY),
  failWhileUnreachable: fc.boolean(),
  applicationAckMs: fc.constantFrom(1, 5000, 60_000),
  // None, for half a minute, and for a day.
  contentDays: fc.constantFrom(0, 1 / 2880, 1),
  quickDisk: fc.boolean()
} satisfies { [Name in keyof ModelSettings]: fc.Arbitrary<ModelSettings[Name]> }

const pick = fc.nat({ max: 7 })
const takingOut: { weight: number; arbitrary: fc.Arbitrary<Action> } = {
  weight: 2,
  arbitrary: fc.record({
    do: fc.constantFrom('set-aside', 'discard-waiting'),
    pick: fc.oneof(pick, fc.constant('all' as const))
  })
}
const actions: { weight: number; arbitrary: fc.Arbitrary<Action> }[] = [
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('add'),
      key: fc.nat({ max: 2 }),
      // Small, too large to stay in memory, and one that has to stay in memory.
      size: fc.constantFrom(100, 9 * 1024 * 1024, Number.POSITIVE_INFINITY)
    })
  },
  {
    weight: 14,
    arbitrary: fc.record({
      ...{ do: fc.constant('reply'), pick },
      kind: fc.constantFrom(
        ...([
          'accept',
          'nak',
          'fail',
          'retry',
          'unreachable',
          'busy',
          'timeout',
          'retry-after',
          'retry-twice'
        ] as const),
        ...(['suspend', 'disable', 'retry-suspend', 'retry-disable'] as const),
        ...(['await', 'await', 'await', 'await-fail', 'await-retry'] as const)
      )
    })
  },
  {
    weight: 6,
    arbitrary: fc.record({
      ...{ do: fc.constant('acknowledge'), pick },
      kind: fc.constantFrom(
        ...(['accept', 'nak', 'fail', 'retry', 'suspend', 'disable', 'await'] as const),
        ...(['retry-suspend', 'retry-disable'] as const)
      )
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fault'), pick }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('advance'),
      ms: fc.constantFrom(1, 500, 1000, 4000, 10_000, 60_000)
    })
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('disk'), calls: fc.constantFrom(1, 2, 100) })
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fail'), writes: fc.boolean(), reads: fc.boolean() })
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('pause', 'resume', 'resume', 'resume', 'start') })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('close', 'crash') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('try now') }) },
  takingOut,
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('resend', 'discard'),
      pick: fc.oneof(pick, fc.constant('all' as const))
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('edit'), pick, key: fc.nat({ max: 2 }) })
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('send-again'),
      pick: fc.oneof(pick, fc.constant('all' as const)),
      firstAlone: fc.boolean()
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('delete-contents'), isShort: fc.boolean() })
  },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        do: fc.constant('reopen'),
        started: fc.boolean(),
        order: fc.constantFrom('fifo', 'key', 'none'),
        orderKey: fc.constantFrom('PID-3.1', 'PV1-19')
      },
      { requiredKeys: ['do', 'started'] }
    )
  }
]

/** What happens to a file besides. */
const ofFile: { weight: number; arbitrary: fc.Arbitrary<Action> }[] = [
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('sync'),
      fails: fc.nat({ max: 9 }).map((number) => number === 0)
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ do: fc.constant('disk'), calls: fc.constantFrom(1, 2, 100) },
      isSilent: fc.constant(true)
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('power failure'), isOldest: fc.boolean() }) }
]

const endOfThread: (typeof ofFile)[number] = {
  weight: 1,
  arbitrary: fc.record({ do: fc.constant('end thread') })
}

const scriptOf = (some: typeof actions): fc.Arbitrary<Action[]> =>
  fc.array(fc.oneof(...some), { maxLength: 80, size: 'max' })

const ordinary: ModelSettings = {
  durable: true,
  isFile: false,
  isSyncLate: false,
  order: 'none',
  maxInFlight: 2,
  failureTimeoutMs: 100_000,
  failWhileUnreachable: false,
  applicationAckMs: 1,
  contentDays: 0,
  quickDisk: false
}
const add = { do: 'add', key: 0, size: 100 } as const
const large = { ...add, size: 9 * 1024 * 1024 }
const disk = (calls: number): Action => ({ do: 'disk', calls })
const reply = (kind: ReplyKind): Action => ({ do: 'reply', pick: 0, kind })
/** A success, after which twice as many may be in flight. */
const succeed: Action[] = [add, disk(100), reply('accept'), disk(100)]
/** All that follows, too. */
const work = [disk(100), disk(100), disk(100), disk(100)]
const fail = (writes: boolean): Action => ({ do: 'fail', writes, reads: false })

/** Scripts that have found a fault, or do what chance rarely does: they are tried each time. */
const found: [ModelSettings, Action[]][] = [
  // A message that is retried at once is on its way again before its last attempt has been cleared away.
  [
    ordinary,
    [
      ...succeed,
      ...[add, disk(1), add, disk(100), add, add, add, disk(1)],
      ...[reply('retry-disable'), { do: 'resume' } as const, reply('accept')]
    ]
  ],
  // A resume that cannot be stored, while what follows from an attempt cannot be either.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1, quickDisk: true },
    [
      ...[add, fail(true), reply('retry-suspend'), { do: 'resume' } as const, fail(false)],
      { do: 'advance', ms: 60_000 }
    ]
  ],
  // A resume after a pause that fails, which itself came after one by a rule.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1, failureTimeoutMs: 0 },
    [
      ...[add, disk(1), disk(1), disk(2), reply('retry-disable'), disk(100), fail(true)],
      ...[{ do: 'pause' } as const, { do: 'resume' } as const, disk(1)]
    ]
  ],
  // The receiver is lost while a message is read that already has a place.
  [
    { ...ordinary, order: 'key', maxInFlight: 3, failureTimeoutMs: 0 },
    [
      ...[...succeed, ...succeed],
      ...[{ ...add, key: 1 }, { ...add, key: 2 }, disk(1), large, disk(1), large, disk(100)],
      reply('unreachable')
    ]
  ],
  // One question for messages is answered with as many as were asked for, another one with fewer.
  [
    { ...ordinary, maxInFlight: 3, failureTimeoutMs: 0 },
    [
      ...[...succeed, ...succeed],
      ...[disk(1), add, { do: 'resume' } as const, disk(1), disk(100), reply('accept')],
      ...[disk(1), add, add, add, disk(1), disk(1), disk(100)]
    ]
  ],
  // All clocks are restarted while it is stored that a message is retried, whose time would have been over.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1, failureTimeoutMs: 10_000 },
    [
      ...[disk(1), disk(1), add, { do: 'resume' } as const, disk(1), disk(1)],
      ...[reply('retry-disable'), { do: 'advance', ms: 10_000 } as const]
    ]
  ],
  // Time passes while a message is read that had waited for its retry before a crash.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1, failWhileUnreachable: true },
    [
      ...[disk(1), disk(1), add, disk(2), reply('unreachable'), disk(1), { do: 'crash' } as const],
      ...[disk(1), disk(1), { do: 'advance', ms: 1 } as const, disk(1), disk(1)],
      reply('unreachable')
    ]
  ],
  // A message is read while a rule pauses the node, and sent as soon as a resume has been stored.
  [
    { ...ordinary, order: 'key', failureTimeoutMs: 10_000, quickDisk: true },
    [
      ...[add, { ...add, key: 1 }, reply('retry-disable'), reply('suspend')],
      ...[{ do: 'fail', writes: true, reads: true } as const, { do: 'pause' } as const]
    ]
  ],
  // A pause and a resume are stored together, and a later pause cannot be.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1, failureTimeoutMs: 0 },
    [
      ...[disk(1), { do: 'pause' } as const, { do: 'resume' } as const, disk(1), disk(2)],
      ...[fail(true), { do: 'pause' } as const, disk(100)]
    ]
  ],
  // The time of a message is over while it cannot be stored that it is retried.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1, failureTimeoutMs: 10_000, quickDisk: true },
    [...[add, fail(true), reply('retry-after'), fail(false)], { do: 'advance', ms: 60_000 }]
  ],
  // The time of a message is over while another one of its lane is on its way, and then one of another lane.
  [
    {
      ...{ ...ordinary, durable: false, order: 'key', maxInFlight: 1 },
      ...{ failureTimeoutMs: 10_000, quickDisk: true }
    },
    [
      ...[add, { ...add, key: 2 }, reply('await'), { ...add, key: 2 }, reply('await')],
      { do: 'acknowledge', pick: 4, kind: 'retry-disable' },
      ...[reply('busy'), { do: 'advance', ms: 1 } as const]
    ]
  ],
  // All clocks are restarted while it is stored that a late acknowledgement asks for a retry.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1, failureTimeoutMs: 10_000 },
    [
      ...[add, disk(1), disk(1), disk(2), reply('await-retry')],
      { do: 'acknowledge', pick: 0, kind: 'retry' },
      ...[{ do: 'resume' } as const, disk(1), disk(2)]
    ]
  ],
  // A pause cannot be stored while a message is being read.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1 },
    [
      ...[{ ...add, size: 9 * 1024 * 1024 }, disk(1)],
      ...[{ ...add, size: 9 * 1024 * 1024 }, disk(100)],
      ...[fail(true), { do: 'pause' } as const, disk(2)]
    ]
  ],
  // The process has crashed twice on a message, and the next one closes while it opens the queue.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1, failureTimeoutMs: 0 },
    [
      ...[disk(1), { do: 'crash' } as const, add],
      ...[disk(1), disk(1), disk(1), disk(1), disk(1), { do: 'crash' } as const],
      ...[disk(1), disk(1), disk(1), { do: 'crash' } as const],
      { do: 'reopen', started: false }
    ]
  ],
  // A message that was suspended for want of its acknowledgement goes on counting when that comes.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1, quickDisk: true },
    [
      ...[add, reply('retry-twice'), { do: 'crash' } as const, reply('await')],
      ...[{ do: 'advance', ms: 1 } as const, { do: 'acknowledge', pick: 0, kind: 'retry' } as const]
    ]
  ],
  // The acknowledgement for want of which a message was suspended has it suspended again: chance rarely does that.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1, quickDisk: true },
    [
      ...[add, reply('await'), { do: 'advance', ms: 1 } as const],
      { do: 'acknowledge', pick: 0, kind: 'suspend' }
    ]
  ],
  // All clocks are restarted while a message is read that its application asks for.
  [
    {
      ...ordinary,
      order: 'fifo',
      maxInFlight: 1,
      failureTimeoutMs: 60_000,
      applicationAckMs: 60_000
    },
    [
      ...[...work, add, ...work, { do: 'advance', ms: 60_000 } as const, reply('await'), ...work],
      ...[
        { do: 'pause' } as const,
        ...work,
        { do: 'acknowledge', pick: 0, kind: 'retry' } as const
      ],
      ...[{ do: 'resume' } as const, ...work]
    ]
  ],
  // An operator's wish cannot be stored, and the turn of the message has come meanwhile.
  [
    { ...ordinary, order: 'fifo', maxInFlight: 1 },
    [
      ...[...work, add, ...work, reply('retry'), ...work, fail(true)],
      ...[{ do: 'set-aside', pick: 0 } as const, disk(100), { do: 'advance', ms: 1000 } as const],
      ...[disk(100), fail(false), ...work, { do: 'advance', ms: 60_000 } as const, ...work]
    ]
  ],
  // A message comes in before one that is retried, and its time is over before it is sent.
  [
    { ...ordinary, durable: false, order: 'key', maxInFlight: 1 },
    [
      ...[add, { do: 'advance', ms: 60_000 } as const, add, { ...add, key: 1 }, reply('retry')],
      ...[{ do: 'advance', ms: 10_000 } as const, { do: 'fault', pick: 0 } as const],
      ...[reply('await'), reply('retry-after')],
      ...[{ do: 'acknowledge', pick: 0, kind: 'retry' } as const, { ...add, key: 1 }],
      reply('unreachable')
    ]
  ]
]

const silent: Action = { do: 'disk', calls: 100, isSilent: true }

/** The same with a file. */
const foundOnFile: [ModelSettings, Action[]][] = [
  // An operator discards a message that has an acknowledgement already, and whose moves a failed sync holds up.
  [
    { ...ordinary, isFile: true, isSyncLate: true, failureTimeoutMs: 0, quickDisk: true },
    [
      ...[add, { do: 'crash' } as const, { do: 'sync', fails: true } as const],
      { do: 'acknowledge', pick: 0, kind: 'disable' },
      ...[reply('await'), { do: 'resume' } as const, { do: 'sync', fails: true } as const],
      { do: 'discard-waiting', pick: 0 }
    ]
  ],
  // The time of a message is up while its application asks for more.
  [
    { ...ordinary, isFile: true, order: 'fifo', maxInFlight: 1, applicationAckMs: 5000 },
    [
      ...[...work, add, ...work, reply('await'), ...work],
      ...[{ do: 'acknowledge', pick: 0, kind: 'await' } as const, silent],
      ...[{ do: 'advance', ms: 10_000 } as const, ...work, { do: 'advance', ms: 60_000 } as const]
    ]
  ]
]

const { MODEL_FILE_RUNS = '150', MODEL_RUNS = '1000' } = process.env

async function follow(given: ModelSettings, script: Action[]): Promise<void> {
  await new DeliveryModel(given).run(script)
}

describe('Delivery against a model', () => {
  it('keeps its guarantees whatever happens, in any order', async () => {
    await fc.assert(fc.asyncProperty(fc.record(settings), scriptOf(actions), follow), {
      numRuns: Number(MODEL_RUNS),
      examples: found
    })
  })

  it('keeps them if syncs come late or fail, threads die, and the power fails', async () => {
    const onFile = { ...settings, durable: fc.constant(true), isFile: fc.constant(true) }
    // The model does not know of a message that an operator has taken whether the next thread knows it, too.
    const script = fc.oneof(
      scriptOf([...actions, ...ofFile]),
      scriptOf([...actions.filter((one) => one !== takingOut), ...ofFile, endOfThread])
    )
    const given = fc.record({ ...onFile, isSyncLate: fc.boolean() })
    await fc.assert(fc.asyncProperty(given, script, follow), {
      numRuns: Number(MODEL_FILE_RUNS),
      examples: foundOnFile
    })
  })

  it('makes every move of the table of states, and no other', async () => {
    for (const damaged of ['waiting', 'awaiting', 'suspended', 'leaving', 'outcome'] as const) {
      await readDamaged(damaged)
    }
    assert.deepEqual(moves.unknown, [], 'moves that are not in the table')
    // Fewer scripts need not make all of them.
    if (Number(MODEL_RUNS) >= 1000) {
      assert.deepEqual(moves.missing, [], 'moves of the table that nothing makes')
    }
  })
})

/** What is stored of a message is damaged while it is in that state, or is about to leave. */
async function readDamaged(what: 'outcome' | MessageState): Promise<void> {
  const disk = new FakeDisk({ immediate: true })
  const first = await setUpOn(disk)
  if (what === 'waiting') await first.delivery.pause()
  await first.add('a1')
  const isLeaving = what === 'leaving' || what === 'outcome'
  const closing = isLeaving ? first.delivery.close(10_000) : undefined
  const kind = { awaiting: 'await', suspended: 'suspend' } as const
  if (what !== 'waiting') await first.reply(what in kind ? kind[what as 'awaiting'] : 'accept')
  await (closing ?? first.delivery.close(10_000))
  assert.equal(disk.rows[0]?.state, what === 'outcome' ? 'leaving' : what)
  if (what === 'outcome') disk.damageOutcome(1)
  else disk.damageContent(1)
  const { clock, delivery, lost, reply } = await setUpOn(disk)
  if (what === 'waiting') await delivery.resume()
  if (what === 'suspended') await (await delivery.operator()).discard({})
  if (what === 'outcome') await reply('accept')
  await clock.advance(600_000)
  assert.equal(lost.length, what === 'outcome' ? 0 : 1)
  await delivery.close(0)
}
