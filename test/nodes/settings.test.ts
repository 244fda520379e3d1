import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { outProperties } from '../../nodes/hl7-https-out-properties.ts'
import { tokenProperties } from '../../nodes/oauth2-client-credentials-properties.ts'
import { startNodeRed, type FlowNode, type TestNodeRed } from '../support/node-red.ts'
import { adt, startWorld } from '../support/world.ts'

type Properties = Record<string, unknown>
type Caught = Record<string, unknown> & { error: { code: string; message: string } }

/** Invalid properties are reported; missing ones and other notations do no harm. */
describe('properties of hand-written flow files, in a real Node-RED', () => {
  let nodeRed: TestNodeRed
  before(async () => {
    nodeRed = await startNodeRed()
  })
  after(() => nodeRed.close())

  async function problem(
    out: Properties,
    auth: Properties = {},
    more: FlowNode[] = []
  ): Promise<string> {
    await nodeRed.deploy([
      { id: 'tab', type: 'tab', label: 'test' },
      ...more,
      {
        id: 'auth',
        type: 'oauth2-client-credentials',
        tokenEndpoint: 'https://127.0.0.1:9/token',
        credentials: { clientId: 'a', clientSecret: 'b' },
        ...auth
      },
      { id: 'in', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['out']] },
      {
        id: 'out',
        type: 'hl7-https-out',
        z: 'tab',
        url: 'https://127.0.0.1:9/',
        queue: 'memory',
        failureTimeout: 0,
        auth: 'auth',
        wires: [[], []],
        ...out
      },
      { id: 'catch', type: 'catch', z: 'tab', scope: ['out'], wires: [['caught']] },
      { id: 'caught', type: 'probe', z: 'tab', wires: [] }
    ])
    const before = nodeRed.messages('caught').length
    await nodeRed.inject('in', { payload: adt('SET00001') })
    const { error } = (await nodeRed.waitForMessages('caught', before + 1)).at(-1) as Caught
    return `${error.code} ${error.message}`
  }

  const UNSET = '${NOT_SET_ANYWHERE}'
  // The name is only a label; orderKey has a test below.
  const texts = Object.keys(outProperties).filter((name) => !['name', 'orderKey'].includes(name))
  for (const name of texts) {
    it(`names the missing variable of ${name}`, async () => {
      assert.match(await problem({ [name]: UNSET }), /^HL7_CONFIG .*NOT_SET_ANYWHERE/)
    })
  }

  it('names the missing variable of a list, a secret and an order key', async () => {
    for (const list of ['headers', 'formFields']) {
      for (const valueType of ['str', 'hl7', 'msg', 'jsonata']) {
        const entry = { name: 'x', value: UNSET, valueType }
        assert.match(await problem({ [list]: [entry] }), /^HL7_CONFIG .*NOT_SET_ANYWHERE/)
      }
      const slot = { name: 'x', value: 'secret2', valueType: 'cred' }
      assert.match(
        await problem({ [list]: [slot], credentials: { secret2: UNSET } }),
        /^HL7_CONFIG .*NOT_SET_ANYWHERE.*secret2/
      )
      assert.match(
        await problem({ [list]: [slot], credentials: { secret2: '' } }),
        /^HL7_CONFIG .*secret2 is empty/
      )
    }
    assert.match(await problem({ order: 'key', orderKey: UNSET }), /NOT_SET_ANYWHERE/)
  })

  const ofAuth = Object.keys(tokenProperties).filter((name) => name !== 'name')
  it('names the missing variable of each property of the auth node', async () => {
    for (const name of ofAuth) {
      assert.match(await problem({}, { [name]: UNSET }), /^HL7_CONFIG .*NOT_SET_ANYWHERE/, name)
    }
    for (const name of ['clientId', 'clientSecret', 'privateKey', 'privateKeyPassphrase']) {
      const credentials = { clientId: 'a', clientSecret: 'b', [name]: UNSET }
      assert.match(await problem({}, { credentials }), /^HL7_CONFIG .*NOT_SET_ANYWHERE/, name)
    }
    const extraParams = [{ name: 'x', value: 'secret1', valueType: 'cred' }]
    const credentials = { clientId: 'a', clientSecret: 'b', secret1: UNSET }
    assert.match(await problem({}, { extraParams, credentials }), /^HL7_CONFIG .*NOT_SET_ANYWHERE/)
  })

  it('reports HL7_CONFIG for invalid lists, wrong types and nodes of other types', async () => {
    const other = [
      // As the editor saves it; Node-RED 4.1 needs the empty values.
      { id: 'other', type: 'tls-config', cert: '', key: '', ca: '' },
      { id: 'other2', type: 'oauth2-client-credentials' }
    ]
    for (const [out, words] of [
      [{ headers: 5 }, /headers must be a list/],
      [{ headers: {} }, /headers must be a list/],
      [{ headers: [null] }, /headers must be a list/],
      [{ headers: ['x'] }, /headers must be a list/],
      [{ url: {} }, /url must be a text/],
      [{ retryInterval: 'soon' }, /retryInterval must be a number/],
      [{ retryInterval: true }, /retryInterval must be a number/],
      [{ failureTimeout: -0.5 }, /failureTimeout must be/],
      [{ failureTimeout: -2 }, /failureTimeout must be/],
      [{ queueLimit: 1.5 }, /queueLimit must be a whole number of at least 1/],
      [{ order: 'none', maxInFlight: 0.5 }, /maxInFlight must be a whole number from 1 to 1000/],
      [{ failWhileUnreachable: 'maybe' }, /must be true or false/],
      [{ auth: 'other' }, /auth .*another type/],
      [{ tls: 'auth' }, /tls .*another type/],
      [{ proxy: 'auth' }, /proxy/],
      [{ auth: 'nowhere' }, /OAuth 2\.0 node is missing/]
    ] as [Properties, RegExp][]) {
      assert.match(await problem(out, {}, other), words, JSON.stringify(out))
    }
    assert.match(await problem({}, { tls: 'other2' }, other), /HL7_CONFIG .*tls .*another type/)
  })

  it('accepts numbers and flags as text, and null as missing', async () => {
    const odd = {
      retryInterval: '5',
      failureTimeout: '0',
      maxInFlight: '8',
      failWhileUnreachable: 'false',
      queueLimit: null,
      queueCountAlert: '',
      headers: null,
      formFields: '',
      replyCodeActions: null,
      authScheme: null,
      name: 5,
      auth: null
    }
    assert.match(await problem(odd), /^HL7_DELIVERY_FAILED .*nothing is listening/)
  })

  it('needs only the URL', async () => {
    const bare = { auth: undefined, queue: undefined, failureTimeout: undefined }
    const text = await problem({ ...bare, replyCodeActions: 'E=F' })
    assert.match(text, /^HL7_DELIVERY_FAILED .*nothing is listening/)
  })
})

describe('hl7HttpsOutMaxReplyBytes in settings.js', () => {
  async function caught(bytes: unknown, replyBytes: number): Promise<Caught> {
    const world = await startWorld({ settings: { hl7HttpsOutMaxReplyBytes: bytes } })
    try {
      world.receiver.respond = () => ({ body: 'x'.repeat(replyBytes) })
      await world.deploy({ failureTimeout: 0 })
      await world.nodeRed.inject('in', { payload: adt('MAX00001') })
      return (await world.nodeRed.waitForMessages('caught', 1))[0] as Caught
    } finally {
      await world.close()
    }
  }

  it('limits how much of an answer is read', async () => {
    const { error } = await caught(4096, 4097)
    assert.deepEqual((error as { cause?: unknown }).cause, {
      code: 'ERR_RESPONSE_TOO_LARGE',
      status: 200
    })
    assert.match((await caught(4096, 4096)).error.message, /contains no HL7 acknowledgement/)
  })

  it('leads to HL7_CONFIG if it is not a number of bytes', async () => {
    for (const bytes of ['4096', 0, 1.5, -1, true]) {
      const { error } = await caught(bytes, 1)
      assert.equal(error.code, 'HL7_CONFIG')
      assert.match(
        error.message,
        /hl7HttpsOutMaxReplyBytes in settings\.js must be a whole number of bytes from 1024 to /
      )
    }
  })
})
