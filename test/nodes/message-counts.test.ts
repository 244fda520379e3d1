import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MessageCountsAnswer, MessagePage } from '../../nodes/operations/answers.ts'
import { as as asUser, type User, type UserAnswer } from '../support/admin-users.ts'
import { ackFor, adt, controlIdIn, shareWorld } from '../support/world.ts'

describe('how many messages there are of each kind', () => {
  const world = shareWorld({ users: true })
  const as = (user: User, path: string, body?: unknown): Promise<UserAnswer> =>
    asUser(world.nodeRed, user, `/hl7-https-out/out/messages${path}`, body)
  const counts = async (query = ''): Promise<MessageCountsAnswer> =>
    (await as('watch', `/counts?${query}`)).body as MessageCountsAnswer
  const idsOf = async (query: string): Promise<string[]> =>
    ((await as('watch', `?${query}`)).body as MessagePage).messages.map((row) => row.controlId)

  /** By the beginning of the control ID: what the receiver answers. */
  const ANSWERS: Readonly<Record<string, (controlId: string) => object>> = {
    DATE: (id) => ({ body: ackFor(id, 'AE', 'ERR|||102^x^HL70357|E\rERR|||101^x^HL70357|E\r') }),
    LOCK: (id) => ({ body: ackFor(id, 'AE', 'ERR|||206^x^HL70357|E\r') }),
    BARE: (id) => ({ body: ackFor(id, 'AE') }),
    DOWN: () => ({ status: 500 }),
    OLD: (id) => ({ body: ackFor(id, 'AR', 'ERR|||203^x^HL70357|E\r') })
  }
  const RULES = '@ERR-3:206=S,:?E=S,:?R=F,:?A=C,E#500=S'

  async function deploy(...ids: string[]): Promise<void> {
    await world.deploy({ queue: 'disk', order: 'none', replyCodeActions: RULES })
    await as('night', '/discard', { all: true })
    world.receiver.respond = ({ body }) => {
      const id = controlIdIn(body)
      return ANSWERS[/^[A-Z]+/.exec(id)?.[0] ?? '']?.(id) ?? { body: ackFor(id) }
    }
    for (const id of ids) {
      const payload = id.endsWith('R') ? adt(id).replace('ADT^A01', 'ORU^R01') : adt(id)
      await world.nodeRed.inject('in', { payload })
    }
  }

  it('is told by type, rule and error, the most frequent first, and narrowed by the same filters', async () => {
    await deploy('DATE1', 'DATE2', 'DATE3R', 'LOCK1', 'BARE1', 'DOWN1', 'OLD1', 'FINE1')
    await world.eventually(async () => (await world.state()).suspended === 6)
    await world.eventually(async () => (await idsOf('controlId=OLD1&state=naked')).length === 1)
    assert.deepEqual(await counts('state=suspended'), {
      count: 6,
      types: [
        { value: 'ADT^A01', count: 5 },
        { value: 'ORU^R01', count: 1 }
      ],
      rules: [
        { value: ':?E=S', count: 4 },
        { value: '@ERR-3:206=S', count: 1 },
        { value: 'E#500=S', count: 1 }
      ],
      errors: [
        { value: '101', count: 3 },
        { value: '102', count: 3 },
        { value: '206', count: 1 },
        { value: '500', count: 1 },
        { value: 'AE', count: 1 }
      ],
      more: false
    })
    const dates = 'state=suspended&type=ADT%5EA01&error=102'
    const { count, types } = await counts(dates)
    assert.deepEqual([count, types], [2, [{ value: 'ADT^A01', count: 2 }]])
    assert.deepEqual(await idsOf(dates), ['DATE2', 'DATE1'])
    // Each count is how many the list then has.
    for (const { value, count: n } of (await counts('state=suspended')).errors) {
      assert.equal((await idsOf(`state=suspended&error=${value}`)).length, n, value)
    }
    const { count: naked, errors } = await counts('state=naked&controlId=OLD1')
    assert.deepEqual([naked, errors], [1, [{ value: '203', count: 1 }]])
  })

  it('is nothing of a node that is not set up', async () => {
    await world.deploy({ queue: 'disk', url: '' })
    const nothing = { count: 0, types: [], rules: [], errors: [], more: false }
    assert.deepEqual(await counts('state=suspended'), nothing)
  })
})
