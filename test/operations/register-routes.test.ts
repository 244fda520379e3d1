import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import express from 'express'
import type { NodeAPI } from 'node-red'
import { DeliveryError } from '../../src/delivery/delivery-error.ts'
import { queueFailed } from '../../src/delivery/queue-errors.ts'
import { QueueError } from '../../src/queue/queue-error.ts'
import { registerRoutes, type Handlers } from '../../nodes/operations/register-routes.ts'
import { refused } from '../../nodes/operations/route-error.ts'
import { ROUTES, type Route, type RouteName } from '../../nodes/operations/route-table.ts'

const name = { controlId: 'A1', type: 'ADT^A01' }
const PATH = '/data/node-red/hl7-https-out/out.sqlite'

/** What is thrown where a request is answered, and what comes of it. */
const errors: readonly [is: string, error: unknown, status: number, text: RegExp][] = [
  [
    'a message that could not be stored',
    queueFailed(name, new QueueError(`Trouble with the queue file ${PATH}`, 'SQLITE_FULL')),
    409,
    /^The queue cannot be used \(SQLITE_FULL\)/
  ],
  [
    'a queue that cannot be used',
    new QueueError(`The queue file ${PATH} is in use by another process`, 'ERR_QUEUE_IN_USE'),
    500,
    /^The queue cannot be used \(ERR_QUEUE_IN_USE\)/
  ],
  [
    'a limit of the queue',
    new DeliveryError('HL7_QUEUE_FULL', 'The queue holds 2 messages, its limit: A1 …'),
    409,
    /^The queue holds 2 messages/
  ],
  ['too many messages', new QueueError('More than 10,000 match.', 'ERR_TOO_MANY'), 409, /10,000/],
  ['a refusal', refused(404, 'refusal.noMessage'), 404, /no such message/],
  [
    'any other error',
    Object.assign(new Error(`ENOENT: no such file or directory, open '${PATH}'`), {
      code: 'ENOENT'
    }),
    500,
    /internal error/
  ]
]

describe('a route', () => {
  let url = ''
  let thrown: unknown
  let isReplaced = false
  const audited: string[] = []
  const logged: string[] = []
  const app = express()
  app.use(express.json(), express.urlencoded({ extended: true }))
  const server = createServer(app)

  before(async () => {
    const names = Object.keys(ROUTES).filter((one) => one !== 'page') as RouteName[]
    const handlers = Object.fromEntries(
      names.map((one) => [
        one,
        () => {
          if (thrown === undefined) return {}
          throw thrown as Error
        }
      ])
    ) as unknown as Handlers<RouteName>
    const RED = {
      httpAdmin: app,
      auth: {
        needsPermission: () => (_: unknown, __: unknown, next: () => void) => {
          next()
        }
      },
      log: {
        audit: ({ event }: { event: string }) => audited.push(event),
        error: (line: string) => logged.push(line)
      }
    }
    registerRoutes(RED as unknown as NodeAPI, names, () =>
      isReplaced
        ? Promise.reject(new Error(`Cannot find module '${PATH}'`))
        : Promise.resolve(handlers)
    )
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => server.close())

  for (const [is, error, status, text] of errors) {
    it(`that meets ${is} answers ${status}, and never where a file is`, async () => {
      thrown = error
      const response = await fetch(`${url}/hl7-https-out/out/messages/resend`, { method: 'POST' })
      const body = await response.text()
      thrown = undefined
      assert.equal(response.status, status)
      assert.match((JSON.parse(body) as { error: string }).error, text)
      assert.ok(!body.includes('/data') && !body.includes('.sqlite'), body)
    })
  }

  it('logs an internal error by its kind and where it was thrown, and what it answers in words not at all', async () => {
    const lines = async (error: unknown): Promise<string[]> => {
      thrown = error
      logged.length = 0
      await fetch(`${url}/hl7-https-out/out/messages/resend`, { method: 'POST' })
      thrown = undefined
      return [...logged]
    }
    for (const [is, error] of errors.slice(0, -1)) assert.deepEqual(await lines(error), [], is)
    const [line = '', ...more] = await lines(
      Object.assign(new TypeError('DOE^JOHN\n    at home is no text'), { code: 'ERR_OF_IT' })
    )
    assert.deepEqual(more, [])
    assert.match(
      line,
      /^hl7-https-out: POST \/hl7-https-out\/:id\/messages\/resend failed .*: TypeError ERR_OF_IT .*register-routes\.test\.ts/
    )
    assert.doesNotMatch(line, /DOE|home/)
    // Whatever is thrown, and whatever became of it.
    const changed = new TypeError('of\n    at DOE^JOHN')
    // It is written when it is read first.
    assert.match(changed.stack ?? '', /DOE/)
    changed.message = 'another'
    const odd = Object.assign(new Error('DOE^JOHN'), { code: Symbol('x'), stack: 5, name: 7 })
    for (const one of ['DOE^JOHN', null, changed, odd]) {
      const [said = '', ...others] = await lines(one)
      assert.deepEqual(others, [])
      assert.match(said, /^hl7-https-out: POST/)
      assert.doesNotMatch(said, /DOE/)
    }
  })

  it('says that Node-RED has to be restarted if an update has replaced what answers it', async () => {
    isReplaced = true
    const response = await fetch(`${url}/hl7-https-out`)
    isReplaced = false
    assert.equal(response.status, 503)
    const { error } = (await response.json()) as { error: string }
    assert.match(error, /restart Node-RED\.$/)
    assert.ok(!error.includes('/data'), error)
  })

  it('that acts takes only JSON from a browser: no form of another site acts through it', async () => {
    const posts = Object.values<Route>(ROUTES).filter(({ method }) => method === 'POST')
    assert.ok(posts.length > 8)
    for (const { path } of posts) {
      const ask = async (headers: Record<string, string>, body?: string): Promise<number> => {
        const request = { method: 'POST', headers, ...(body !== undefined && { body }) }
        const { status } = await fetch(url + path.replaceAll(/:\w+/g, '1'), request)
        return status
      }
      const origin = 'https://elsewhere.example.org'
      audited.length = 0
      // What a form can send, and a script of another site without asking first.
      for (const type of [
        'application/x-www-form-urlencoded',
        'text/plain',
        'multipart/form-data; boundary=x',
        'text/plain; application/json',
        'application/jsonp'
      ]) {
        assert.equal(await ask({ origin, 'content-type': type }, '{}'), 415, `${path} ${type}`)
      }
      assert.equal(await ask({ origin }), 415, path)
      assert.equal(await ask({ origin: 'null', 'content-type': 'text/plain' }, '{}'), 415, path)
      assert.deepEqual(audited, [], path)
      for (const type of [
        'application/json',
        'application/json;charset=utf-8',
        'Application/JSON'
      ]) {
        assert.equal(await ask({ origin, 'content-type': type }, '{}'), 200, `${path} ${type}`)
      }
      // curl, and scripts.
      assert.equal(await ask({}), 200, path)
      assert.equal(await ask({ 'content-type': 'application/x-www-form-urlencoded' }, 'a=1'), 200)
    }
  })
})
