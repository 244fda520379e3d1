/**
 * Twelve nights: somebody on call who does not know this node opens the page, and has to read from the first screen
 * who is at fault, what waits, what is gone, and whom to call. Everything is real: nodes, servers, page.
 */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it, type TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import type { Hl7Receiver } from '../../demo/hl7-receiver.ts'
import { startServer } from '../http-client/local-server.ts'
import type { FlowNode } from '../support/node-red.ts'
import { conditionsOf } from '../../nodes/flow/conditions.ts'
import { adviceOf, type AdviceFacts } from '../../nodes/flow/advice.ts'
import type { AllStates } from '../../nodes/operations/answers.ts'
import { toldInEnglish } from '../../src/told-in-english.ts'
import { createAuthority } from '../support/certificates.ts'
import { conditionFacts } from '../support/condition-facts.ts'
import { newPage, sticksOut } from '../support/page.ts'
import { SmallDisk } from '../support/small-disk.ts'
import { ackFor, adt, controlIdIn, startWorld, type World } from '../support/world.ts'
import type { ReceivedRequest, ReceiverAnswer } from '../../demo/received-request.ts'

const CONTACT = 'Laboratory desk, +1 555 0100'
const NIGHT = { retryInterval: 60, retryMaxInterval: 60, contact: CONTACT, queue: 'disk' }
/** Where pictures of the first screens go, to be looked at. */
const { HL7_NIGHTS: pictures } = process.env

describe('the first screen of the page, to a stranger on call', () => {
  let world: World
  let receiver: Hl7Receiver
  let page: Page

  before(async () => {
    world = await startWorld()
    receiver = world.receiver
    ;({ page } = await newPage())
  })
  after(() => world.close())

  const answer = (
    how: (id: string, request: ReceivedRequest) => ReceiverAnswer | undefined
  ): void => {
    receiver.respond = (request) => how(controlIdIn(request.body), request)
  }

  /** A node in trouble, and one that is well. */
  async function deploy(
    out: Record<string, unknown>,
    auth?: Record<string, unknown>
  ): Promise<void> {
    const flow = world.flow({ ...NIGHT, name: 'Laboratory', ...out }, auth)
    const [well] = world.flow({ ...NIGHT, id: 'well', name: 'Radiology', auth: '' }).slice(4)
    await world.nodeRed.deploy([...flow, well as FlowNode])
  }

  const send = async (...payloads: string[]): Promise<void> => {
    for (const payload of payloads) await world.nodeRed.inject('in', { payload })
  }
  const holds = (code: string, at = world): Promise<void> =>
    at.eventually(async () =>
      (await at.state()).conditions.some((condition) => condition.code === code)
    )

  /**
   * What stands on the first screen, at the width of a monitor, and of a phone.
   *
   * @param calls whether the contact of the receiver can do something about it
   */
  async function firstScreen(name: string, calls = true, at = world): Promise<string> {
    let text = ''
    await page.goto(`${at.nodeRed.url}/hl7-https-out/page`)
    await page.locator('.hl7-node-rows [data-key=out]').waitFor()
    for (const width of [300, 1400]) {
      await page.setViewportSize({ width, height: 900 })
      if (pictures !== undefined) {
        mkdirSync(pictures, { recursive: true })
        await page.screenshot({ path: join(pictures, `${name}-${width}.png`) })
      }
      assert.deepEqual(await sticksOut(page), [], `${width} pixels`)
      // In sight without a click or a scroll.
      const row = page.locator('.hl7-node-rows [data-key]').first()
      assert.ok(((await row.boundingBox())?.y ?? 900) < 300, `${width} pixels`)
      text = await page.locator('body').innerText()
      const first = await row.innerText()
      assert.ok(first.includes('Laboratory'), `the node in trouble comes first: ${first}`)
      assert.equal(first.includes('555 0100'), calls, `whom to call: ${first}`)
    }
    return text.replace(/\s+/g, ' ')
  }

  /** Nothing of this night is left for the next one. */
  async function end(): Promise<void> {
    receiver.respond = undefined
    const { nodes } = (await world.nodeRed.get('/hl7-https-out')).body as AllStates
    for (const { id } of nodes) {
      await world.nodeRed.post(`/hl7-https-out/${id}/pause`, {})
      for (const state of ['waiting', 'retrying', undefined]) {
        const which = { all: true, ...(state && { state }) }
        await world.nodeRed.post(`/hl7-https-out/${id}/messages/discard`, which)
      }
      await world.eventually(async () => {
        const { inFlight, queued, suspended } = await world.state(id)
        return queued + inFlight + suspended === 0
      })
      await world.nodeRed.post(`/hl7-https-out/${id}/resume`, {})
    }
    await world.nodeRed.deploy([])
  }

  function night(
    what: string,
    test: (context: TestContext) => Promise<readonly RegExp[]>,
    calls = true
  ): void {
    it(what, async (context) => {
      try {
        const name = what.replace(/\W+/g, '-')
        const wanted = await test(context)
        const said = await firstScreen(name, calls)
        for (const words of wanted) assert.match(said, words)
      } finally {
        await end()
      }
    })
  }

  night(
    'the feed is silent since 01:10',
    async () => {
      await deploy({ inactivityAlert: 1 })
      await send(adt('N1'))
      await holds('QUIET')
      return [
        /1 of 2 nodes needs? attention/,
        /No message has come in for/,
        /This node is all right: ask those who send/
      ]
    },
    false
  )

  night('one ORU that always gets 500, with others behind it', async () => {
    answer((id) => (id === 'ORU' ? { status: 500 } : undefined))
    await deploy({ auth: '' })
    await send(adt('ORU'), ...Array.from({ length: 20 }, (_, at) => adt(`N2-${at}`)))
    await holds('RETRYING')
    return [
      /The receiver \S+ fails \(HTTP 500, try 2 of ORU\)/,
      /21 messages wait on disk; nothing is lost/,
      /The receiver may have ORU already/,
      /If only ORU fails, suspend it: the others then go on/
    ]
  })

  night('AE 103 on everything after a change of codes', async () => {
    answer((id) => ({ body: ackFor(id, 'AE', 'ERR||PV1^1^3|103^x^HL70357|E') }))
    await deploy({ auth: '' })
    await send(...Array.from({ length: 6 }, (_, at) => adt(`N3-${at}`)))
    await holds('REFUSING')
    return [
      /refuses every message of type ADT\^A01: AE 103 Table value not found, 6 in a row/,
      /They left on NAK. None of them waits/,
      /have the sender correct the data/
    ]
  })

  night('AE 207 on everything', async () => {
    answer((id) => ({ body: ackFor(id, 'AE', 'ERR||PID^1|207^x^HL70357|E') }))
    await deploy({ auth: '' })
    await send(...Array.from({ length: 6 }, (_, at) => adt(`N4-${at}`)))
    await holds('REFUSING')
    return [/AE 207 Application internal error/, /the receiver's own trouble: call its operator/]
  })

  night('504s for what was stored', async () => {
    answer(() => ({ status: 504 }))
    await deploy({ auth: '' })
    await send(adt('N5'), adt('N5-2'))
    await holds('RETRYING')
    return [
      /The gateway in front of the receiver \S+ got no valid answer from the receiver behind it \(HTTP 504/,
      /2 messages wait on disk; nothing is lost/,
      /The receiver may have N5 already/,
      /the operator of the receiver has to get it running/
    ]
  })

  it('a secret that expired, with a token good for another ten minutes', () => {
    // A real one would take as long.
    const now = 1_000_000
    const trouble = { code: 'invalid_client', message: '', hint: '', permanent: true }
    const facts: AdviceFacts = {
      ...conditionFacts(
        { state: 'idle' },
        { token: { state: 'refresh failing', validUntil: now + 600_000, ...trouble }, now }
      ),
      names: {
        ...{
          host: 'lab.example.org',
          backup: '',
          server: 'login.example.org',
          client: 'ward',
          proxy: ''
        },
        ...{ grant: 'client_credentials', hasSecret: true, isBlankAround: false }
      },
      contact: CONTACT,
      contentDays: 0,
      isNakWired: true,
      giveUp: { afterMs: 900_000, whileUnreachable: false },
      isDurable: true
    }
    const advice = adviceOf(
      conditionsOf(facts, () => 0),
      facts
    )
    assert.equal(
      advice && toldInEnglish(advice),
      `The token server login.example.org does not renew the token (invalid_client). Messages are sent until it expires in 10 min; after that they wait. It refuses client ward. Check Client ID and secret in the OAuth 2.0 node: has the secret expired, or been changed?`
    )
  })

  night('a certificate from a new CA', async (t) => {
    const authority = await createAuthority('The new one')
    const renewed = await startServer(
      (_request, response) => response.end(),
      await authority.issueServer()
    )
    t.after(renewed.close)
    await deploy({ auth: '', url: renewed.url.href })
    await send(adt('N7'), adt('N7-2'))
    await holds('RETRYING')
    return [
      /The certificate of the receiver \S+ was issued by a CA that is not trusted here/,
      /2 messages wait on disk; nothing is lost/,
      /Ask its operator whether it has been renewed/
    ]
  })

  night(
    'five hosts behind a proxy that is down',
    async () => {
      const flow = world.flow({ ...NIGHT, auth: '', tls: '', proxy: 'proxy' })
      const out = flow.find(({ id }) => id === 'out') as FlowNode
      const others = Array.from({ length: 4 }, (_, at) => ({
        ...{ ...out, id: `out${at}`, name: `Ward ${at}` },
        url: `https://ward-${at}.example.org/hl7`
      }))
      const proxy = { id: 'proxy', type: 'http proxy', url: 'http://127.0.0.1:9', noproxy: [] }
      const inject = { ...flow.find(({ id }) => id === 'in'), wires: [['out', 'later']] }
      // What waits longest comes first.
      const later = {
        ...{ id: 'later', type: 'delay', z: 'tab', pauseType: 'delay' },
        ...{ timeout: '200', timeoutUnits: 'milliseconds' },
        wires: [['out0', 'out1', 'out2', 'out3']]
      }
      const rest = flow.filter(({ id }) => id !== 'in' && id !== 'out')
      const first = { ...out, name: 'Laboratory', url: 'https://lab.example.org/hl7' }
      await world.nodeRed.deploy([
        ...rest,
        inject as FlowNode,
        later,
        first,
        ...others,
        proxy
      ] as FlowNode[])
      await send(adt('N8'))
      for (const id of ['out', 'out0', 'out1', 'out2', 'out3']) {
        await world.eventually(async () => (await world.state(id)).retry !== null)
      }
      return [
        /5 nodes get no connection from the proxy 127\.0\.0\.1:9 \(ECONNREFUSED\)/,
        /Check that the proxy is running/
      ]
    },
    false
  )

  night('a login page with 200 where 2xx is accepted', async () => {
    const body = '<html><form><input name="u"><input type="password" name="p"></form></html>'
    answer(() => ({ body, headers: { 'content-type': 'text/html' } }))
    await deploy({ auth: '', replyCodeActions: ':?A=C,:~=C,X=C' })
    await send(adt('N10'), adt('N10-2'))
    await holds('RETRYING')
    return [/a web page asks for a login/, /2 messages wait on disk; nothing is lost/]
  })

  night('accept acknowledgements come, application acknowledgements stopped', async () => {
    answer((id) => ({ body: ackFor(id, 'CA') }))
    await deploy({ auth: '', replyCodeActions: ':CA=AS', applicationAckTimeout: 1, order: 'none' })
    await send(adt('N11'), adt('N11-2'))
    await world.eventually(async () => (await world.state()).suspended === 2)
    return [
      /2 messages are suspended: the receiver \S+ has them, but their application acknowledgements did not come/
    ]
  })

  night('A40s refused among good A08s', async () => {
    answer((id) => ({
      body: id.startsWith('A40') ? ackFor(id, 'AE', 'ERR||PID^1|204^x^HL70357|E') : ackFor(id)
    }))
    await deploy({ auth: '' })
    for (let at = 0; at < 6; at++) {
      await send(
        adt(`A40-${at}`).replace('ADT^A01^ADT_A01', 'ADT^A40'),
        adt(`A08-${at}`).replace('ADT^A01^ADT_A01', 'ADT^A08')
      )
    }
    await holds('REFUSING')
    await world.eventually(async () => (await world.state()).acked === 6)
    return [
      /refuses every message of type ADT\^A40: AE 204 Unknown key identifier, 6 in a row/,
      /None of them waits/
    ]
  })

  it('a full disk', async (context) => {
    const disk = SmallDisk.mount(context, 'tmpfs', 8)
    if (disk === undefined) return
    const full = await startWorld({ settings: { hl7HttpsOutQueueDirectory: disk.place } })
    try {
      full.receiver.respond = ({ body }) => ({ body: ackFor(controlIdIn(body)) })
      await full.deploy({ ...NIGHT, name: 'Laboratory', auth: '' })
      await full.send(adt('N9'))
      disk.fillUp()
      await full.caught(adt('N9-2'))
      await holds('TURNED_AWAY', full)
      const said = await firstScreen('a-full-disk', false, full)
      assert.match(said, /The disk of the queue is full: new messages are not accepted/)
      await page.click('.hl7-node-rows [data-key=out]')
      const picture =
        '.hl7-picture-turnedAway svg[aria-label^="Turned away in the last 24 hours: 1,"]'
      await page.locator(picture).waitFor()
      // What cannot be stored is told, too.
      const events = page.locator('.hl7-events')
      await events.getByText('The queue has a fault: disk full').waitFor()
      await events.getByText(/1 message was turned away here at .* \(disk full\)/).waitFor()
      // There is room again: what did not get in has to come again.
      disk.cleanUp()
      await full.send(adt('N9-3'))
      await full.eventually(async () => (await full.state()).advice?.kind === 'advice-turned-away')
      assert.match(
        await firstScreen('after-a-full-disk', false, full),
        /1 message was turned away here at \d\d:\d\d \(disk full\) .* Have the sender repeat it/
      )
      await page.click('.hl7-node-rows [data-key=out]')
      await events.getByText(/could not be written \(disk full\); since then it can/).waitFor()
    } finally {
      disk.cleanUp()
      await full.close()
      disk.end()
    }
  })
})
