import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createAuthority } from '../../demo/certificates.ts'
import { startHl7Receiver } from '../../demo/hl7-receiver.ts'
import { Trouble } from '../../demo/trouble.ts'

describe('the trouble that the demo makes', () => {
  it('ignores what the flow does not send', async (t) => {
    const receiver = await startHl7Receiver({ tls: await (await createAuthority()).issueServer() })
    t.after(() => receiver.close())
    const said: string[] = []
    const trouble = new Trouble(receiver, (line) => said.push(line))
    for (const message of [
      undefined,
      null,
      'away',
      { trouble: 'other', seconds: 1 },
      { trouble: 'locked' },
      { trouble: 'locked', seconds: '1' },
      { trouble: 'locked', seconds: 0 },
      { trouble: 'locked', seconds: 601 },
      { trouble: 'locked', seconds: NaN }
    ]) {
      trouble.take(message)
    }
    trouble.close()
    assert.deepEqual([said, receiver.isLocked], [[], false])
  })
})
