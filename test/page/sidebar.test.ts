import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { Editor } from '../support/editor.ts'
import {
  evilOperations,
  FakeOperations,
  nodesInTrouble,
  nodeState
} from '../support/fake-operations.ts'
import { startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { tabText } from '../support/tab-texts.ts'

const flows = [
  { id: 'tab', type: 'tab', label: 'test' },
  { id: 'other', type: 'tab', label: 'elsewhere' },
  { id: 'Registry', type: 'hl7-https-out', z: 'other', x: 3000, y: 2000, wires: [[], []] },
  { id: 'sub', type: 'subflow', name: 'sub', in: [], out: [] },
  { id: 'inner-1', type: 'hl7-https-out', z: 'sub', wires: [[], []] },
  { id: 'instance', type: 'subflow:sub', z: 'tab', wires: [] }
]

describe('the sidebar tab', () => {
  let nodeRed: TestNodeRed
  let editor: Editor
  let page: Page
  let fake: FakeOperations

  before(async () => {
    nodeRed = await startNodeRed({ flows })
    editor = await Editor.open(nodeRed.url, 'Registry')
    page = editor.page
    // Node-RED's own tick after the deploy of these flows comes within two seconds; all others are those of `tick`.
    await wait(2100)
  })
  after(async () => {
    await editor.leave()
    await nodeRed.close()
  })
  beforeEach(async () => {
    await page.unrouteAll()
    fake = new FakeOperations()
    await fake.serve(page)
    await editor.ask(`RED.workspaces.show('tab'), delete document.hidden, delete RED.settings.user`)
    await editor.newTab()
  })

  async function open(width = 285): Promise<void> {
    await editor.ask(`RED.actions.invoke('hl7-https-out:show-tab')`)
    await page.waitForSelector('.hl7-tab [data-key]')
    await editor.sidebarWidth(width)
  }
  /** Asks again, as a tick makes the tab do. */
  async function tick(): Promise<void> {
    await editor.ask(`RED.events.emit('deploy')`)
    await editor.rest()
  }
  async function until(look: () => boolean | Promise<boolean>): Promise<void> {
    for (const since = Date.now(); Date.now() < since + 20_000;) {
      if (await look()) return
      await editor.settle(0)
    }
    assert.fail(`waited in vain: ${look.toString()}`)
  }
  const seen = async (selector: string): Promise<string> => {
    const found = `document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`
    return (await editor.ask<string>(found)).replace(/\s+/g, ' ').trim()
  }
  const keys = (): Promise<string[]> =>
    editor.ask(
      `[...document.querySelectorAll('.hl7-tab [data-key]')].map((row) => row.dataset.key)`
    )

  it('asks for nothing but the number on its icon until it is opened, nor while the page is hidden', async () => {
    await until(() => fake.asked.length === 1)
    await until(() => editor.ask(`document.querySelector('.hl7-badge')?.textContent === '3'`))
    // A minute has not passed.
    await tick()
    await tick()
    assert.deepEqual(fake.asked, ['/hl7-https-out'])
    await open()
    await editor.rest()
    assert.deepEqual(fake.asked, ['/hl7-https-out', '/hl7-https-out'])

    await editor.ask(`RED.sidebar.show('info')`)
    // The browser says that it is hidden with one of the next frames.
    const asksByTick = async (): Promise<boolean> => {
      const asked = fake.asked.length
      await tick()
      return fake.asked.length > asked
    }
    await until(async () => !(await asksByTick()))
    const before = fake.asked.length
    await tick()
    assert.equal(fake.asked.length, before)

    // Back again: up to date at once.
    fake.nodes = [nodeState('Radiology')]
    await editor.ask(`RED.sidebar.show('hl7-https-out')`)
    await until(() => fake.asked.length > before)
    await editor.rest()
    assert.equal(await editor.ask(`document.querySelector('.hl7-badge')`), null)
    await editor.ask(`(() => {
      Object.defineProperty(document, 'hidden', { value: true, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    })()`)
    await editor.rest()
    const hidden = fake.asked.length
    await tick()
    assert.equal(fake.asked.length, hidden)
    assert.deepEqual(editor.complaints, [])
  })

  it('lists all nodes, those first that need somebody: why, whom to call, and where they are', async () => {
    const contact = 'Lab IT, 4711'
    const values = { host: 'x', cause: '503', waiting: 120, queue: 'disk', contact }
    const advice = { kind: 'advice-unavailable', values, text: '' } as const
    fake.nodes = nodesInTrouble().map((node) =>
      node.id === 'Registry' ? { ...node, contact, advice } : { ...node, contact }
    )
    await open()
    assert.deepEqual(await keys(), ['Pharmacy', 'Laboratory', 'Registry', 'Radiology'])
    assert.equal(await seen('.hl7-summary'), '3 of 4 nodes need attention')
    assert.match(
      await seen('[data-key=Registry]'),
      // With the date, in the first half hour of a day.
      /^Registry retrying since .+ · 120 waiting for 31 min The receiver x is not available \(HTTP 503\)\. .*Receiver's contact: Lab IT, 4711 Show in flow On the HL7 page$/
    )
    // Who is paused, or is well, needs nobody there.
    assert.doesNotMatch(await seen('[data-key=Pharmacy]'), /Lab IT/)
    assert.doesNotMatch(await seen('[data-key=Radiology]'), /Lab IT/)
    assert.match(
      await editor.ask(`document.querySelector('[data-key=Registry] a').href`),
      /\/hl7-https-out\/page#node=Registry$/
    )
    const [opened] = await Promise.all([
      page.waitForEvent('popup'),
      page.click('[data-key=Registry] a')
    ])
    assert.match(opened.url(), /\/hl7-https-out\/page/)
    await opened.close()
  })

  it('shows a node in the flow: one in a subflow in its template, and says so of one that is not there', async () => {
    await open()
    await page.click('[data-key=Registry] button')
    await until(() => editor.ask(`RED.workspaces.active() === 'other'`))
    const laboratory = page.locator('[data-key=Laboratory] button')
    assert.equal(await laboratory.getAttribute('aria-disabled'), 'true')
    assert.match((await laboratory.getAttribute('title')) ?? '', /not in the flows/)
    fake.nodes = [nodeState('instance-inner-1')]
    await tick()
    await page.click('[data-key=instance-inner-1] button')
    await until(() => editor.ask(`RED.workspaces.active() === 'sub'`))
  })

  it('keeps the focus where it is when rows move, and moves none under the pointer', async () => {
    await open()
    await page.focus('[data-key=Radiology] button')
    fake.nodes.sort(
      (one, other) => Number(other.id === 'Radiology') - Number(one.id === 'Radiology')
    )
    await tick()
    assert.equal((await keys())[0], 'Radiology')
    const focused = `document.activeElement.closest('[data-key]').dataset.key`
    assert.equal(await editor.ask(focused), 'Radiology')
    await page.hover('[data-key=Registry]')
    fake.nodes.reverse()
    await tick()
    assert.equal((await keys())[0], 'Radiology')
  })

  it('asks nothing for a user without hl7-https-out.read, and says so', async () => {
    await editor.ask(
      `RED.settings.user = { permissions: ['flows.read', 'flows.write', 'status.read'] }`
    )
    await editor.rest()
    fake.asked.length = 0
    await editor.newTab()
    await editor.ask(`RED.actions.invoke('hl7-https-out:show-tab')`)
    await until(async () =>
      (await seen('.hl7-tab .hl7-trouble')).includes('You need the permission hl7-https-out.read')
    )
    assert.deepEqual(fake.asked, [])
  })

  it('tells a refusal of the server and a Node-RED that is gone in words, and recovers', async () => {
    await open()
    fake.status = 403
    await editor.ask(`RED.events.emit('deploy')`)
    await until(async () => (await seen('.hl7-trouble')).startsWith('Node-RED refused'))
    // Nobody has to log in to this Node-RED.
    fake.status = 401
    await editor.ask(`RED.events.emit('deploy')`)
    await until(async () =>
      (await seen('.hl7-trouble')).startsWith('The server in front of Node-RED wants a login')
    )
    await page.route('**/hl7-https-out', (route) => route.abort())
    await editor.ask(`RED.events.emit('deploy')`)
    await until(async () => (await seen('.hl7-trouble')).startsWith('Node-RED does not answer'))
    assert.equal((await keys()).length, 4)
    await page.unroute('**/hl7-https-out')
    fake.status = 200
    await tick()
    assert.equal(await page.isVisible('.hl7-trouble'), false)
  })

  it('shows markup from outside as text, in every field', async () => {
    await evilOperations().serve(page)
    await open()
    await tick()
    assert.equal(await editor.ask(`window.hacked`), undefined)
    assert.equal(
      await editor.ask(`document.querySelectorAll('.hl7-tab :is(img, script)').length`),
      0
    )
    assert.ok((await seen('.hl7-tab')).includes('<script>'))
  })

  // Korean is no language of this package.
  for (const [language, spoken] of [
    ['de', 'de'],
    ['ko', 'en-US']
  ] as const) {
    it(`has the words of ${spoken} for ${language}, and room for them in a narrow sidebar`, async () => {
      await editor.speak(language)
      await editor.newTab()
      await open()
      const text = tabText(spoken)
      assert.equal(await seen('.hl7-summary'), text('summary.trouble', { n: 3, count: 4 }))
      const laboratory = await seen('.hl7-tab [data-key=Laboratory]')
      for (const words of [text('state.SUSPENDED', { count: 8 }), text('button.showInFlow')]) {
        assert.ok(laboratory.includes(words), laboratory)
      }
      const outside = await editor.ask<string[]>(`(() => {
        const tab = document.querySelector('.hl7-tab')
        const { right } = tab.getBoundingClientRect()
        return [...tab.querySelectorAll('*')]
          .filter((one) => one.checkVisibility())
          .filter((one) => one.getBoundingClientRect().right > right + 0.5)
          .map((one) => one.textContent)
      })()`)
      assert.deepEqual(outside, [])
      await editor.speak('en-US')
    })
  }

  it('follows the rules of axe-core', async () => {
    await open()
    assert.deepEqual(await editor.violations('.hl7-tab'), [])
    fake.status = 500
    await tick()
    await page.waitForSelector('.hl7-trouble:visible')
    assert.deepEqual(await editor.violations('.hl7-tab'), [], 'trouble')
  })
})
