import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { newPage, waitForNews, waitForWords } from '../support/page.ts'
import { adt } from '../support/world.ts'

const flows = [
  { id: 'tab', type: 'tab', label: 'Admissions' },
  { id: 'in', type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [['registry']] },
  {
    ...{ id: 'registry', type: 'hl7-https-out', z: 'tab', name: 'Registry' },
    ...{ url: 'https://127.0.0.1:9', queue: 'disk', wires: [[], []] }
  }
]

describe('flows that somebody stops while the page is open', () => {
  let nodeRed: TestNodeRed
  before(async () => {
    const runtimeState = { enabled: true, ui: true }
    nodeRed = await startNodeRed({ flows, settings: { runtimeState } })
    await nodeRed.post('/hl7-https-out/registry/pause')
    await nodeRed.inject('in', { payload: adt('HALT1') })
    await nodeRed.waitFor(async () => {
      const { body } = await nodeRed.get('/hl7-https-out/registry')
      return (body as { queued: number }).queued === 1
    })
  })
  after(() => nodeRed.close())

  it('is told, with what waits, and is no trouble of the page', async () => {
    const { page } = await newPage()
    await page.goto(`${nodeRed.url}/hl7-https-out/page`)
    await waitForWords(page, '.hl7-node-rows', /Registry/)
    await nodeRed.post('/flows/state', { state: 'stop' })
    await waitForNews(page, '.hl7-do', /flows are stopped: somebody.* 1 message waits on disk/)
    await waitForWords(page, '.hl7-summary', /1 node needs attention/)
    await page.locator('.hl7-details [data-button=pause]').click({ force: true })
    await waitForWords(page, '.hl7-outcome', /Node-RED’s flows are stopped\./)
    // What cannot be asked is not said to be nothing.
    assert.doesNotMatch(
      await page.innerText('body'),
      /no longer knows this node|for 0 s|None\b|Last hour and day|Events/
    )
    await nodeRed.post('/flows/state', { state: 'start' })
    await waitForNews(page, '.hl7-details', /Paused/)
    await waitForWords(page, 'body', /Last hour and day/)
    await page.close()
  })
})
