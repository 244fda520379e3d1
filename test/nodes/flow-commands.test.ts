import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import type { Node, NodeMessageInFlow } from 'node-red'
import { carryOut, isCommand } from '../../nodes/flow/flow-commands.ts'
import type { FlowMessage } from '../../nodes/flow/flow-messages.ts'
import type { ApplicationAck } from '../../src/delivery/acknowledgements.ts'
import type { Courier } from '../../src/delivery/courier.ts'
import type { Delivery } from '../../src/delivery/delivery.ts'
import type { Hl7Error } from '../../src/hl7/hl7-error.ts'
import type { LeftChoice, SuspendedChoice } from '../../src/queue/queue-types.ts'
import type { MessageRow } from '../../src/queue/message-row.ts'
import { Exchange } from '../support/exchange.ts'
import { ackFor, adt } from '../support/world.ts'

/** They are not asked for anything here. */
const NO_COURIER = {} as unknown as Courier
const NO_NODE = {} as unknown as Node

const COMMANDS = ['pause', 'resume', 'resend', 'discard']

describe('msg.action', () => {
  const rows: [action: unknown, payload: unknown, command: boolean][] = [
    ...COMMANDS.flatMap((action): [unknown, unknown, boolean][] => [
      [action, undefined, true],
      [action, null, true],
      [action, '', true],
      [action, Buffer.alloc(0), true],
      [action, adt('1004'), false],
      [action, Buffer.from('x'), false],
      [action, 0, false]
    ]),
    ...[undefined, 'nothing', '__proto__', 5, ['pause'], {}].map(
      (action): [unknown, unknown, boolean] => [action, '', false]
    )
  ]
  it('is a command only without a payload', () => {
    for (const [action, payload, command] of rows) {
      const content = { msg: { action, payload }, payload } as unknown as FlowMessage
      assert.equal(isCommand(content), command, `${String(action)} ${String(payload)}`)
    }
  })

  it('acknowledge is one with an acknowledgement, whatever the payload', () => {
    for (const [acknowledgement, command] of [
      ['x', true],
      [null, true],
      [undefined, false]
    ] as const) {
      const msg = { action: 'acknowledge', acknowledgement, payload: adt('X') }
      assert.equal(isCommand({ msg, payload: msg.payload } as unknown as FlowMessage), command)
    }
  })
})

describe('pause, with msg.until', () => {
  /** @returns when it ends; undefined: not by itself */
  async function pausedUntil(msg: object): Promise<number | undefined> {
    let until: number | undefined
    const delivery = {
      pause: (_by: string, _reason: string, more: { until?: number }) => {
        until = more.until
        return Promise.resolve()
      }
    }
    await carryOut(NO_NODE, delivery as unknown as Delivery<FlowMessage>, NO_COURIER, {
      action: 'pause',
      ...msg
    } as unknown as NodeMessageInFlow)
    return until
  }

  it('ends at that time', async () => {
    assert.equal(await pausedUntil({}), undefined)
    const end = Date.now() + 90_000
    for (const until of [new Date(end).toISOString(), new Date(end), end]) {
      assert.equal(await pausedUntil({ until }), end)
    }
  })

  it('ends the next time at which the clocks here show that', async () => {
    for (const ahead of [-1, 2]) {
      const at = new Date(Date.now() + ahead * 60_000)
      at.setSeconds(0, 0)
      if (ahead < 0) at.setDate(at.getDate() + 1)
      const until = [at.getHours(), at.getMinutes()]
        .map((part) => String(part).padStart(2, '0'))
        .join(':')
      const expected = at.getTime()
      assert.equal(await pausedUntil({ until }), expected, until)
    }
  })

  it('is refused if that is no time to come, in words that say so', async () => {
    const far = new Date(Date.now() + 400 * 24 * 3_600_000).toISOString()
    const past = '2020-01-01T00:00:00Z'
    for (const until of ['', undefined, 'soon', '25:00', '2:60', {}, past, far]) {
      await assert.rejects(pausedUntil({ until }), (error: Hl7Error) => {
        assert.equal(error.code, 'HL7_INVALID_MESSAGE')
        assert.match(
          error.message,
          /^msg\.until is a time to come.* 02:30\. The node was not paused/
        )
        return true
      })
    }
  })
})

/** Carries out a command. @returns what was done, and what was said to the user */
async function done(msg: object, suspended: string[] = []): Promise<string[]> {
  const found: string[] = []
  const choose = (name: string) => (choice: SuspendedChoice) => {
    const { controlId: wanted } = choice
    const ids = suspended.filter((controlId) => wanted === undefined || controlId === wanted)
    found.push(...ids.map((id) => `${name} ${id}`))
    return Promise.resolve(ids.length)
  }
  const call = (name: string) => () => Promise.resolve(found.push(name))
  const delivery = {
    pause: call('pause'),
    resume: call('resume'),
    operator: () => Promise.resolve({ resend: choose('resend'), discard: choose('discard') })
  }
  const node = { warn: (text: string) => found.push(text) }
  await carryOut(
    node as unknown as Node,
    delivery as unknown as Delivery<FlowMessage>,
    NO_COURIER,
    msg as NodeMessageInFlow
  )
  return found
}

describe('a command of the flow', () => {
  const none = (action: string, which: string): string[] => [
    `There is no suspended message ${which} to ${action}.`
  ]
  const rows: [msg: object, done: string[]][] = [
    [{ action: 'pause' }, ['pause']],
    [{ action: 'resume' }, ['resume']],
    ...['resend', 'discard'].flatMap((action): [object, string[]][] => [
      [{ action }, [`${action} 1001`, `${action} 1002`]],
      [{ action, controlId: '1002' }, [`${action} 1002`]],
      // A flow may have parsed it as a number.
      [{ action, controlId: 1002 }, [`${action} 1002`]],
      [{ action, controlId: 'x\n' }, none(action, 'x?')],
      [{ action, controlId: '' }, none(action, '')],
      // A flow that looked for one and found none does not mean all.
      [{ action, controlId: undefined }, none(action, 'of msg.controlId')],
      [{ action, controlId: null }, none(action, 'of msg.controlId')]
    ])
  ]
  for (const [msg, wanted] of rows) {
    it(`${JSON.stringify(msg)}${'controlId' in msg && msg.controlId === undefined ? ' undefined' : ''}`, async () => {
      assert.deepEqual(await done(msg, ['1001', '1002']), wanted)
    })
  }
})

describe('messages that a flow discards', () => {
  async function discarded(filters: object): Promise<string> {
    let done = ''
    const note = (what: string) => (choice: object) => {
      done = `${what} ${JSON.stringify(choice)}`
      return Promise.resolve(what === 'waiting' ? { found: 1, inFlight: 0 } : 1)
    }
    const acts = { discard: note('suspended'), discardWaiting: note('waiting') }
    const operator = (): Promise<object> => Promise.resolve(acts)
    const msg = { action: 'discard', ...filters } as unknown as NodeMessageInFlow
    await carryOut(NO_NODE, { operator } as unknown as Delivery<FlowMessage>, NO_COURIER, msg)
    return done
  }

  it('are those of the state and the type that it says', async () => {
    assert.equal(await discarded({ type: 'ADT^A40' }), 'suspended {"type":"ADT^A40"}')
    assert.equal(
      await discarded({ state: 'waiting', type: 'ADT^A40', controlId: 7 }),
      'waiting {"controlId":"7","type":"ADT^A40","isRetrying":false}'
    )
  })

  it('are none, and not all, if that cannot be read, or is of messages that have left', async () => {
    for (const filters of [{ state: 'acked' }, { type: undefined }, { type: [] }, { since: 1 }]) {
      await assert.rejects(
        discarded(filters),
        ({ code, message }: Hl7Error) =>
          code === 'HL7_INVALID_MESSAGE' && message.includes('Nothing was resent or discarded')
      )
    }
  })
})

describe('messages that have left, sent again by a flow', () => {
  const HOUR = Date.UTC(2026, 0, 2, 3)

  async function chosen(filters: object): Promise<object> {
    let found: object = {}
    const sendAgain = (choice: LeftChoice): Promise<object> => {
      found = choice
      return Promise.resolve({ found: 1, withoutContent: 0 })
    }
    const operator = (): Promise<object> => Promise.resolve({ sendAgain })
    const delivery = { operator } as unknown as Delivery<FlowMessage>
    const msg = { action: 'resend', state: 'acked', ...filters } as unknown as NodeMessageInFlow
    await carryOut(NO_NODE, delivery, NO_COURIER, msg)
    return found
  }

  for (const [filters, choice] of [
    [{}, {}],
    [{ since: HOUR }, { since: HOUR }],
    [{ since: new Date(HOUR) }, { since: HOUR }],
    [{ since: '2026-01-02T03:00:00Z' }, { since: HOUR }],
    [{ since: 0 }, { since: 0 }],
    [{ before: HOUR }, { until: HOUR }],
    [{ before: new Date(HOUR) }, { until: HOUR }],
    [{ controlId: 1004 }, { controlId: '1004' }]
  ] satisfies [object, object][]) {
    it(`are chosen: ${JSON.stringify(filters)}`, async () => {
      assert.deepEqual(await chosen(filters), { outcome: 'ack', ...choice })
    })
  }

  for (const filters of [
    { since: Number.NaN },
    { since: Infinity },
    { since: new Date(Number.NaN) },
    { since: 8_640_000_000_000_001 },
    { since: 'yesterday' },
    { before: {} },
    { before: '7' },
    { controlId: ['1004'] },
    { state: 'suspended' },
    // A flow that looked for one and found none does not mean all.
    { controlId: undefined },
    { controlId: '' },
    { type: undefined },
    { rule: '' },
    { since: undefined },
    { before: '' }
  ]) {
    it(`are none where that cannot be understood: ${inspect(filters)}`, async () => {
      await assert.rejects(chosen(filters), { code: 'HL7_INVALID_MESSAGE' })
    })
  }
})

describe('an application acknowledgement', () => {
  /** Hands one to the node. @returns the control IDs that it is about, in order */
  async function taken(
    acknowledgement: unknown,
    take: (ack: ApplicationAck) => boolean | Promise<boolean> = () => true
  ): Promise<string[]> {
    const controlIds: string[] = []
    const acknowledge = async (ack: ApplicationAck): Promise<boolean> => {
      controlIds.push(ack.controlIds.join(' or '))
      return take(ack)
    }
    const msg = { action: 'acknowledge', acknowledgement } as unknown as NodeMessageInFlow
    const delivery = { acknowledge } as unknown as Delivery<FlowMessage>
    await carryOut(NO_NODE, delivery, NO_COURIER, msg)
    return controlIds
  }

  const batch = `FHS|^~\\&|R|C\rBHS|^~\\&|R|C\r${ackFor('A')}${ackFor('B', 'AR')}BTS|2\rFTS|1\r`
  const forms: [form: string, acknowledgement: unknown, controlIds: string[]][] = [
    ['a string', ackFor('A'), ['A']],
    ['a string with line feeds', ackFor('A').replaceAll('\r', '\n'), ['A']],
    ['a Buffer in Latin-1', Buffer.from(ackFor('Ä'), 'latin1'), ['Ä']],
    ['an MLLP frame', Buffer.from(`\v${ackFor('A')}\x1c\r`), ['A']],
    ['several MLLP frames', `\v${ackFor('A')}\x1c\r\v${ackFor('B')}\x1c\r`, ['A', 'B']],
    ['several messages', ackFor('A') + ackFor('B'), ['A', 'B']],
    ['a batch', batch, ['A', 'B']],
    ['one with components in MSA-2', ackFor('A^EHR~B'), ['A^EHR~B or A']],
    ['one with trailing blanks in MSA-2', ackFor('A  '), ['A']],
    ['one that repeats MSA', `${ackFor('A')} MSA|AE|B\rMSA|AA|C\r`, ['A', 'B', 'C']],
    ['one that repeats MSA for the same', `${ackFor('A')}MSA|AA|A \r`, ['A']],
    ['one that repeats MSA, of whichever message', `${ackFor('A', 'AE')}MSA|AA|\r`, ['A']],
    ['one with a line like an MSA', `${ackFor('A')}MSAX\rMSA|AA|B\r`, ['A']],
    ['several MSA alone', 'MSA|AA|A\rMSA|AA|B\r', ['A', 'B']],
    ['several MSA alone in JSON', JSON.stringify(['MSA|AA|A', 'MSA|AA|B']), ['A', 'B']]
  ]
  for (const [form, acknowledgement, controlIds] of forms) {
    it(`may be ${form}`, async () => {
      assert.deepEqual(await taken(acknowledgement), controlIds)
    })
  }

  it('that repeats MSA and ERR is one for each message, with its errors', async () => {
    const exchange = await Exchange.start()
    const judged: unknown[] = []
    const acknowledge = ({ controlIds: [controlId = ''], judge }: ApplicationAck): boolean => {
      const { decision, reply } = judge({ controlId, type: 'ADT^A01' } as MessageRow)
      const { code, errors = [] } = reply?.ack ?? {}
      judged.push([controlId, decision.outcome, code, errors.map((error) => error.code)])
      assert.equal(reply?.hl7.split('MSA|').length, 2)
      return true
    }
    const acknowledgement = `${ackFor('A', 'AE')}ERR|||101|E\rNTE|1\rMSA|AA|B\rERR|||0|I\rMSA|AR|C\r`
    try {
      await carryOut(
        NO_NODE,
        { acknowledge } as unknown as Delivery<FlowMessage>,
        exchange.courier(),
        { action: 'acknowledge', acknowledgement } as unknown as NodeMessageInFlow
      )
    } finally {
      await exchange.close()
    }
    assert.deepEqual(judged, [
      ['A', 'fail', 'AE', ['101']],
      ['B', 'accept', 'AA', ['0']],
      ['C', 'fail', 'AR', []]
    ])
  })

  const fault = (code: string): string =>
    `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Server</faultcode><detail><![CDATA[${ackFor('A', code)}]]></detail></s:Fault></s:Body></s:Envelope>`
  it('may be a refusal in a SOAP fault', async () => {
    assert.deepEqual(await taken(fault('AE')), ['A'])
  })

  const M = 2_097_152
  const bad: [name: string, acknowledgement: unknown, words: RegExp][] = [
    ['prose', 'The message was received.', /has no MSA/],
    ['a message', adt('NOBODY02'), /has no MSA/],
    ['a number', 7, /is neither a string nor a Buffer/],
    ['null', null, /is neither a string nor a Buffer/],
    ['empty', '', /has no MSA/],
    ['an acceptance in a SOAP fault', fault('AA'), /has no MSA/],
    ['an empty batch', 'BHS|^~\\&|R|C|W|N\rBTS|0\r', /has no MSA/],
    ['longer than 2 MiB', ackFor('A').padEnd(M + 1, 'x'), /is too long/],
    ['2 MiB of MSA', `${ackFor('A')}${'MSA|AA|1\r'.repeat(200_000)}`.slice(0, M), /is too long/],
    ['one of more than 128 KiB', ackFor('A').padEnd(131_072, 'x'), /is too long/],
    [
      'one with a long header and many MSA',
      `MSH|^~\\&|${'x'.repeat(60_000)}\r${Array.from({ length: 6000 }, (_, n) => `MSA|AA|${n}\r`).join('')}`,
      /is too long/
    ]
  ]
  for (const [name, acknowledgement, words] of bad) {
    it(`is not ${name}`, async () => {
      await assert.rejects(taken(acknowledgement), (error: Hl7Error) => {
        assert.equal(error.code, 'HL7_INVALID_MESSAGE')
        assert.match(error.message, /^msg\.acknowledgement /)
        assert.match(error.message, words)
        return true
      })
    })
  }
  it('may have 128 KiB', async () => {
    // A line end is added.
    assert.deepEqual(await taken(ackFor('A').padEnd(131_071, 'x')), ['A'])
  })

  const ABOUT = 'No message of this node awaits the application acknowledgement of'
  for (const [ids, words] of [
    [['STRANGER'], `${ABOUT} STRANGER.`],
    [['A', 'STRANGER', ''], `${ABOUT} STRANGER and 1 more.`],
    [[''], `${ABOUT} an empty control ID.`]
  ] as const) {
    it(`for which no message waits is named: ${words}`, async () => {
      const text = ids.map((id) => ackFor(id)).join('')
      await assert.rejects(
        taken(text, ({ controlIds: [id] }) => id === 'A'),
        { code: 'HL7_UNMATCHED_ACK', message: words }
      )
    })
  }

  it('among ten thousand lets others have their turn, and shares a commit with a hundred', async () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => `M${index}`)
    let turns = 0
    let isOver = false
    const count = (): void => {
      turns++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    let waiting = 0
    let most = 0
    const taking = await taken(ids.map((id) => ackFor(id)).join(''), async () => {
      most = Math.max(most, ++waiting)
      await Promise.resolve()
      waiting--
      return true
    })
    isOver = true
    assert.deepEqual(taking, ids)
    assert.equal(most, 100)
    assert.ok(turns >= 10_000, `${turns} turns of others`)
  })
})
