import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { Receiver, type ReceiverSettings } from '../../src/https/receiver.ts'
import { createClient, type LocalServer, startServer } from '../http-client/local-server.ts'

describe('Receiver', () => {
  const closing: (() => void | Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })

  const message = readOutgoingMessage('MSH|^~\\&|A|B|C|D|20260102||ADT^A01|R1|P|2.5.1', 'auto')
  const shipment = { message, input: {}, token: 'token-1' }
  const receiver = (more: Partial<ReceiverSettings>): Receiver => {
    const client = createClient()
    closing.push(() => {
      client.close()
    })
    return new Receiver(
      {
        url: new URL('http://127.0.0.1:9/hl7'),
        method: 'POST',
        tokenPlacement: 'header',
        authHeader: 'Authorization',
        authScheme: 'Bearer',
        headers: [],
        formFields: [],
        userAgent: 'test/1',
        format: 'raw',
        contentType: '',
        bodyField: 'message',
        bodyFileName: 'message.hl7',
        bodyPartType: 'text/plain',
        bodyEncoding: 'text',
        ...more
      },
      client
    )
  }

  it('sends header names as written, and returns them in lower case', async () => {
    let raw: string[] = []
    const server: LocalServer = await startServer((request, response) => {
      raw = request.rawHeaders
      response.end()
    })
    closing.push(server.close)
    const mine = receiver({
      url: server.url,
      authHeader: 'X-Access-TOKEN',
      headers: [
        { name: 'UPHN-INFOMAP', value: '{}' },
        { name: 'ACCEPT', value: 'text/plain' },
        { name: 'uphn-infomap', value: '{"later":"one"}' }
      ]
    })
    const prepared = await mine.prepare(shipment)
    await mine.send(prepared, { responseTimeoutMs: 2000 })
    const names = raw.filter((_, index) => index % 2 === 0)
    for (const name of ['X-Access-TOKEN', 'ACCEPT', 'uphn-infomap', 'Content-Type', 'Date']) {
      assert.ok(names.includes(name), names.join())
    }
    assert.equal(raw[raw.indexOf('uphn-infomap') + 1], '{"later":"one"}', 'the later one counts')
    assert.ok(!names.includes('Accept') && !names.includes('UPHN-INFOMAP'), names.join())

    const headers = prepared.headers.inLowerCase()
    assert.equal(headers['x-access-token'], 'Bearer token-1')
    assert.equal(headers['accept'], 'text/plain')
    for (const name of Object.keys(headers)) assert.equal(name, name.toLowerCase())
  })

  it('leaves the configured URL unchanged if the token goes into the query', async () => {
    const url = new URL('https://hl7.example.org/x?a=b+c&d')
    const mine = receiver({ url, tokenPlacement: 'query' })
    const token = 'a+b/c=&d'
    for (let time = 0; time < 2; time++) {
      const prepared = await mine.prepare({ ...shipment, token })
      assert.equal(prepared.url.search, '?a=b+c&d&access_token=a%2Bb%2Fc%3D%26d')
    }
    assert.equal(url.href, 'https://hl7.example.org/x?a=b+c&d')
  })

  it('asks caches not to store a URL with a token, with the value of the user if there is one', async () => {
    const control = async (settings: Partial<ReceiverSettings>): Promise<string | undefined> => {
      const { headers } = await receiver(settings).prepare(shipment)
      return headers.inLowerCase()['cache-control']
    }
    assert.equal(await control({ tokenPlacement: 'query' }), 'no-store')
    assert.equal(await control({}), undefined)
    const own = [{ name: 'CACHE-control', value: 'no-cache, no-store' }]
    assert.equal(await control({ tokenPlacement: 'query', headers: own }), 'no-cache, no-store')
  })

  it('reports that a message cannot be sent if its bytes are not text', async () => {
    const bytes = Buffer.from('MSH|^~\\&|||||||ADT^A01|R1|P|2.5||||||UNICODE UTF-8|\xfc', 'latin1')
    const broken = { ...shipment, message: readOutgoingMessage(bytes, 'auto') }
    await assert.rejects(receiver({ format: 'json' }).prepare(broken), {
      code: 'HL7_INVALID_MESSAGE',
      message: /bytes that are not utf-8 characters/
    })
  })

  it('quotes nothing of what an expression throws', async () => {
    const throws = () => {
      throw new Error('Lindqvist')
    }
    for (const settings of [
      { headers: [{ name: 'x', value: throws }] },
      { format: 'form' as const, formFields: [{ name: 'x', value: throws }] },
      { format: 'json' as const, bodyTemplate: () => Promise.reject(new Error('Lindqvist')) }
    ]) {
      await assert.rejects(
        receiver(settings).prepare(shipment),
        (error: Error) => !String(error.stack).includes('Lindqvist') && error.cause === undefined
      )
    }
  })
})
