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
  const audited: Record<string, unknown>[] = []
  const checked: string[] = []
  const questions: object[] = []
  const logged: string[] = []
  const app = express()
  app.use(express.json(), express.urlencoded({ extended: true }))
  const server = createServer(app)

  before(async () => {
    const names = Object.keys(ROUTES).filter((one) => one !== 'page') as RouteName[]
    const handlers = Object.fromEntries(
      names.map((one) => [
        one,
        ({ question }: { question: object }) => {
          questions.push(question)
          if (thrown === undefined) return {}
          throw thrown as Error
        }
      ])
    ) as unknown as Handlers<RouteName>
    const RED = {
      httpAdmin: app,
      auth: {
        needsPermission: (permission: string) => (_: unknown, __: unknown, next: () => void) => {
          checked.push(permission)
          next()
        }
      },
      log: {
        audit: (entry: Record<string, unknown>) => audited.push(entry),
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
    // The path of the file may have any word in it.
    assert.doesNotMatch(line, /DOE\^JOHN|is no text/)
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
      assert.doesNotMatch(said, /DOE\^JOHN/)
    }
  })

  it('logs no error where nobody waits for the answer any longer', async () => {
    logged.length = 0
    for (const gone of [
      Object.assign(new Error('closed'), { code: 'ERR_STREAM_PREMATURE_CLOSE' }),
      new DOMException('aborted', 'AbortError')
    ]) {
      thrown = gone
      await fetch(`${url}/hl7-https-out/out/messages/resend`, { method: 'POST' })
    }
    thrown = undefined
    assert.deepEqual(logged, [])
  })

  /** POSTs JSON. @returns what was checked, written to the audit log, and handed on */
  async function posted(path: string, body: unknown): Promise<unknown[]> {
    for (const list of [audited, checked, questions]) list.length = 0
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body)
    })
    assert.equal(response.status, 200)
    return [checked, audited, questions].map((list) => [...list])
  }

  const ofExport = { event: 'hl7-https-out.export', node: 'out' }
  for (const [what, path, body, permission, audit, isNothing = false] of [
    [
      'an export, with what is said of it',
      '/out/messages/export',
      { reason: `a\n${'x'.repeat(300)}`, clear: true, replies: false, all: true },
      'hl7-https-out.export',
      { ...ofExport, reason: `a?${'x'.repeat(197)}…`, clear: true, replies: false }
    ],
    [
      'the count of one',
      '/out/messages/export',
      { dryRun: true },
      'hl7-https-out.export',
      { ...ofExport, event: 'hl7-https-out.export-count' }
    ],
    ['no count', '/out/messages/export', { dryRun: false }, 'hl7-https-out.export', ofExport],
    [
      'one message',
      '/out/messages/7/resend',
      { payload: 'MSH|' },
      'hl7-https-out.write',
      { event: 'hl7-https-out.edit', node: 'out', message: '7' }
    ],
    [
      'settings of a form, which are for those who may deploy',
      '/out/test',
      { node: {} },
      'flows.write',
      { event: 'hl7-https-out.test', node: 'out' }
    ],
    [
      'a list in place of an object',
      '/out/messages/export',
      ['reason'],
      'hl7-https-out.export',
      ofExport,
      true
    ]
  ] satisfies [string, string, unknown, string, object, boolean?][]) {
    it(`checks the permission, and writes to the audit log: ${what}`, async () => {
      const [permissions, audits, asked] = await posted(`/hl7-https-out${path}`, body)
      assert.deepEqual(permissions, [permission])
      assert.deepEqual(audits, [audit])
      assert.deepEqual(asked, [isNothing ? {} : body])
    })
  }

  it('writes nothing to the audit log of a test that is only shown, as a form does that is opened', async () => {
    const [, audits] = await posted('/hl7-https-out/out/test', { dryRun: true, node: {} })
    assert.deepEqual(audits, [])
    const [, searches] = await posted('/hl7-https-out/messages/search', { controlId: 'A1' })
    assert.deepEqual(searches, [])
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
        assert.notEqual(await ask({ origin, 'content-type': type }, '{}'), 415, `${path} ${type}`)
      }
      // curl, and scripts.
      assert.notEqual(await ask({}), 415, path)
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      assert.notEqual(await ask(form, 'reason=x'), 415)
    }
  })
})
