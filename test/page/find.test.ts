import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { newPage, pageViolations, sticksOut, waitForNews, waitForWords } from '../support/page.ts'
import { ackFor, adt, controlIdIn, startWorld, type World } from '../support/world.ts'

/** The page on its real routes, with two nodes: what one asks of whom somebody calls about messages. */
describe('on the page, messages are found', () => {
  let world: World
  let page: Page
  let complaints: string[]
  const urls: string[] = []

  before(async () => {
    world = await startWorld()
    world.receiver.respond = ({ body }) => {
      const id = controlIdIn(body)
      return { body: ackFor(id, id.startsWith('BAD') ? 'AE' : 'AA') }
    }
    const lab = { type: 'hl7-https-out', z: 'tab', tls: 'tls', wires: [[], []], queue: 'disk' }
    await world.nodeRed.deploy([
      ...world.flow({ queue: 'disk', name: 'Registry', searchFields: 'PID-3.1' }),
      { ...lab, id: 'lab', name: 'Lab', url: world.receiver.url, searchFields: 'PID-3.1' },
      { id: 'to-lab', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['lab']] }
    ])
    await world.nodeRed.post('/hl7-https-out/lab/pause', { reason: 'test' })
    for (const id of ['A-1', 'A-2', 'BAD-3']) await world.send(adt(id))
    for (const id of ['A-2', 'W-4', '-5']) {
      await world.nodeRed.inject('to-lab', { payload: adt(id) })
    }
    await world.eventually(async () => (await world.state('lab')).queued === 3)
  })
  after(() => world.close())
  beforeEach(async () => {
    ;({ page, complaints } = await newPage())
    page.on('request', (request) => urls.push(request.url()))
  })
  afterEach(async () => {
    assert.deepEqual(complaints, [])
    await page.close()
  })

  const open = async (width: number): Promise<void> => {
    await page.setViewportSize({ width, height: 900 })
    await page.goto(`${world.nodeRed.url}/hl7-https-out/page`)
    await page.waitForSelector('#hl7-find')
  }
  const find = async (what: string): Promise<void> => {
    await page.fill('#hl7-find', what)
    await page.press('#hl7-find', 'Enter')
  }
  /** As somebody does it. */
  const paste = async (text: string): Promise<void> => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`)
    await page.press('#hl7-find', 'ControlOrMeta+a')
    await page.press('#hl7-find', 'ControlOrMeta+v')
    await page.press('#hl7-find', 'Enter')
  }
  const shows = (words: RegExp, selector = '.hl7-all'): Promise<void> =>
    waitForWords(page, selector, words)
  const listed = async (): Promise<string[]> => {
    const rows = await page.locator('.hl7-all-rows [data-key]').allInnerTexts()
    return rows.map((row) => row.replace(/\s+/g, ' ').trim())
  }

  it('by a pasted list: what became of each, those first that need somebody', async () => {
    await open(300)
    await paste('A-1\nA-2\r\nGONE-9\nBAD-3\tW-4\n-5\n')
    await shows(/6 control IDs\. 6 messages are known: 3 waiting, 1 refused \(NAK\), 2 delivered\./)
    await shows(/1 is known to no running node: it was never accepted/)
    await shows(/GONE-9: not known/)
    const lines = await listed()
    const expected = [
      ...[/Lab -5 ADT\^A01.* waiting$/, /Lab W-4 .* waiting$/, /Lab A-2 .* waiting$/],
      ...[/Registry BAD-3 ADT\^A01 1.* refused \(NAK\): AE/],
      ...[/Registry A-1 .* delivered: AA$/, /Registry A-2 .* delivered: AA$/]
    ]
    assert.equal(lines.length, expected.length)
    for (const words of expected) {
      assert.ok(
        lines.some((line) => words.test(line)),
        String(words)
      )
    }
    assert.match(lines[0] ?? '', /waiting/)
    assert.match(lines.at(-1) ?? '', /delivered/)
    assert.deepEqual(await sticksOut(page), [])
    assert.deepEqual(await pageViolations(page), [])
    await page.locator('.hl7-all-rows [data-key]', { hasText: 'BAD-3' }).click()
    await page.waitForSelector('.hl7-message-rows [aria-expanded=true]')
  })

  it('and the list can be copied into a spreadsheet, in which nothing is a formula', async () => {
    await open(1400)
    await paste('A-1\n-5\nGONE-9')
    await shows(/3 control IDs/)
    await page.click('[data-button=copy-found]')
    await shows(/The list has been copied/, '.hl7-outcome')
    const copied = String(await page.evaluate('navigator.clipboard.readText()')).split('\n')
    assert.deepEqual(copied[0]?.split('\t').slice(0, 3), ['Control ID', 'Node', 'State'])
    assert.deepEqual(copied[1]?.split('\t'), ['GONE-9', '', 'not known', '', '', ''])
    assert.match(copied[2] ?? '', /^'-5\tLab\twaiting\t\d{4}-\d\d-\d\dT.*Z\t\t$/)
    assert.match(copied[3] ?? '', /^A-1\tRegistry\tdelivered\t.*Z\t.*Z\tAA$/)
    assert.equal(copied.length, 5)
  })

  it('by control IDs in a sentence; a single one may have blanks in it', async () => {
    await open(1400)
    await find('A-1, W-4; GONE-9')
    await shows(/3 control IDs\. 2 messages are known/)
    await find('A-1')
    await shows(/A-1[^]*delivered: AA/, '.hl7-all-rows')
    await find('Unheard of')
    await shows(/2 control IDs\. 2 are known to no running node/)
    await find('GONE-9')
    await shows(/No running node knows GONE-9/)
    await page.press('#hl7-find', 'Escape')
    await page.waitForFunction(`document.querySelector('.hl7-all') === null`)
  })

  it('by more than fit on the page: counted, a part listed; by too many, not at all', async () => {
    await open(1400)
    const many = Array.from({ length: 10_000 }, (_, index) => `N-${index}`)
    await paste(many.join('\n'))
    await shows(/10,000 are known to no running node|10000 are known to no running node/)
    await shows(/Only 50 are listed/)
    const named = await page.locator('.hl7-all p', { hasText: ': not known' }).innerText()
    assert.equal(named.split(', ').length, 50)
    await paste([...many, 'one', 'more'].join('\n'))
    await shows(/These are 10,002 control IDs: find at most 10,000 at a time/)
  })

  it('by a patient number, in all nodes; no value is in a URL, a log or an event', async () => {
    await open(1400)
    await page.selectOption('.hl7-find select', 'PID-3.1')
    await find('NS471100')
    await shows(/6 messages have this value of Patient ID \(PID-3\.1\):/)
    assert.equal((await listed()).length, 6)
    // The same actions as in the list of a node, node by node.
    await page.locator('.hl7-all-rows [data-key]', { hasText: 'W-4' }).locator('input').check()
    await page.locator('.hl7-all button', { hasText: 'Suspend the chosen one' }).click()
    await page.locator('.hl7-all .hl7-question .hl7-first').click()
    await waitForNews(page, '.hl7-outcome', /1 message is suspended/)
    await find('NS471101')
    await shows(/No message with this value of Patient ID \(PID-3\.1\) is known/)
    const { body } = await world.nodeRed.get('/hl7-https-out/out/events')
    const log = (await world.nodeRed.printed()).join('\n')
    assert.doesNotMatch(`${urls.join('\n')}${JSON.stringify(body)}${log}`, /NS4711|GONE-9|W-4/)
  })
})
