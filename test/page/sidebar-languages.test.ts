import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { Editor } from '../support/editor.ts'
import { FakeOperations } from '../support/fake-operations.ts'
import { startNodeRed, type TestNodeRed } from '../support/node-red.ts'
import { tabText } from '../support/tab-texts.ts'

const languages = readdirSync(new URL('../../locales/', import.meta.url)).sort()
const flows = [
  { id: 'tab', type: 'tab', label: 'test' },
  { id: 'Laboratory', type: 'hl7-https-out', z: 'tab', wires: [[], []] }
]

describe('the sidebar tab in each language', () => {
  let nodeRed: TestNodeRed
  let editor: Editor

  before(async () => {
    nodeRed = await startNodeRed({ flows })
    editor = await Editor.open(nodeRed.url, 'Laboratory')
    await new FakeOperations().serve(editor.page)
  })
  after(async () => {
    await editor.leave()
    await nodeRed.close()
  })

  for (const [language, spoken] of [
    ...languages.map((known) => [known, known] as const),
    // Korean is not among them.
    ['ko', 'en-US'] as const
  ]) {
    it(`has the words of ${spoken} for ${language}, and room for them in a narrow sidebar`, async () => {
      const { page } = editor
      await editor.speak(language)
      await editor.newTab()
      await editor.ask(`RED.actions.invoke('hl7-https-out:show-tab')`)
      await page.waitForSelector('.hl7-tab [data-key=Pharmacy]')
      await editor.sidebarWidth(285)
      await editor.rest()

      const text = tabText(spoken)
      assert.equal(
        (await page.textContent('.hl7-summary'))?.trim(),
        text('summary.trouble', { n: 3, count: 4 })
      )
      const laboratory = await page.innerText('.hl7-tab [data-key=Laboratory]')
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
      assert.deepEqual(editor.complaints, [])
    })
  }
})
