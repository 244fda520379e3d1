import type { OutKey } from '../../src/form-text.ts'
import type { TestAnswer } from '../tests/test-result.ts'
import { askNodeRed } from './ask-node-red.ts'
import type { Form } from './form.ts'

/** A value that is an environment variable. */
const VARIABLE = /"\$\{(\w+)\}"/g

/**
 * Says at the top of the form which environment variables in it Node-RED has no value for, before a deploy shows it.
 *
 * @param id of the running node, whose flow may have variables of its own
 */
export function prepareUnsetVariables(form: Form<OutKey>, id: string): void {
  const note = document.getElementById('hl7-https-out-unset')
  let asked = ''
  const look = async (): Promise<void> => {
    if (note === null || !form.isOpen()) return
    const settings = form.settings()
    const written = [...JSON.stringify(settings).matchAll(VARIABLE)].map(([, name = '']) => name)
    const names = [...new Set(written)].sort()
    if (names.join() === asked) return
    asked = names.join()
    const unset = names.length === 0 ? [] : await unsetOf(id, settings)
    if (asked !== names.join() || !form.isOpen()) return
    note.hidden = unset.length === 0
    note.textContent =
      unset.length === 0
        ? ''
        : form.text('testMessage.unset', { names: unset.map((name) => `\${${name}}`).join(', ') })
  }
  const start = (): void => {
    // Without an answer, or the permission, nothing is said: a deploy will.
    look().catch(() => undefined)
  }
  $(form.root()).on('change', start)
  start()
}

async function unsetOf(id: string, node: object): Promise<readonly string[]> {
  const answer: TestAnswer = await askNodeRed('testNode', { id }, { dryRun: true, node })
  return answer.error?.unset ?? []
}
