import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import type { NodeState } from '../../nodes/operations/answers.ts'
import { newPage, pageViolations, sticksOut, waitForWords } from '../support/page.ts'
import { shareWorld } from '../support/world.ts'

/** The page on its real routes: the receiver is down for maintenance. */
describe('on the page, a pause', () => {
  const world = shareWorld()
  let page: Page
  let complaints: string[]

  beforeEach(async () => {
    ;({ page, complaints } = await newPage())
    const nodes = world.flow({ queue: 'disk', name: 'First' })
    const out = nodes.find(({ id }) => id === 'out')
    assert.ok(out)
    await world.nodeRed.deploy([...nodes, { ...out, id: 'out2', name: 'Second', wires: [[], []] }])
  })
  afterEach(async () => {
    assert.deepEqual(complaints, [])
    await page.close()
  })

  const open = async (width: number): Promise<void> => {
    await page.setViewportSize({ width, height: 900 })
    await page.goto(`${world.nodeRed.url}/hl7-https-out/page#node=out`)
  }
  const shows = (selector: string, words: RegExp): Promise<void> =>
    waitForWords(page, selector, words)
  const paused = async (id: string): Promise<NodeState['paused']> => (await world.state(id)).paused

  it('is of all nodes that send to a host, listed first, until a time that everybody sees', async () => {
    await open(300)
    await page.click('[data-button=pause-host]')
    await shows('#hl7-question', /Pause all nodes that send to .*: First, Second\.$/)
    await page.fill('#hl7-question-text', 'new release')
    await page.fill('#hl7-question-until', '2096-11-26T06:00')
    assert.deepEqual(await sticksOut(page), [])
    assert.deepEqual(await pageViolations(page), [])
    await page.click('.hl7-question .hl7-first')
    // Nobody waits for so long.
    await shows('.hl7-outcome', /until is a time to come, within a year/)
    assert.equal(await paused('out'), null)
    const until = new Date(Date.now() + 3_600_000)
    const field = `${until.getFullYear()}-${two(until.getMonth() + 1)}-${two(until.getDate())}T${two(until.getHours())}:${two(until.getMinutes())}`
    await page.click('[data-button=pause-host]')
    await page.fill('#hl7-question-text', 'new release')
    await page.fill('#hl7-question-until', field)
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /paused First, Second/)
    await shows('.hl7-do', new RegExp(`Paused until .*${field.slice(-5)}: “new release”`))
    assert.deepEqual(
      [(await paused('out'))?.reason, (await paused('out2'))?.reason],
      ['new release', 'new release']
    )
    await page.click('[data-button=resume-host]')
    await page.click('.hl7-question .hl7-first')
    await shows('.hl7-outcome', /the pause has ended for First, Second/)
    assert.deepEqual([await paused('out'), await paused('out2')], [null, null])
  })
})

function two(value: number): string {
  return String(value).padStart(2, '0')
}
