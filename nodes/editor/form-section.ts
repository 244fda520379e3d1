import { hasMistake } from './form-tabs.ts'
import type { Form } from './form.ts'

/**
 * "More settings" is open from the start if a setting in it is not the default, and opens when one
 * has a mistake.
 *
 * @param id of its `details` element
 */
export function prepareSection(form: Form, node: EditorNode, id: string): void {
  const section = document.getElementById(id)
  if (!(section instanceof HTMLDetailsElement)) return
  form.onMarks(() => {
    if (hasMistake(section)) section.open = true
  })
  section.open = Object.entries(node._def.defaults).some(
    ([property, { value }]) =>
      section.contains(form.element(property)) &&
      JSON.stringify(node[property]) !== JSON.stringify(value)
  )
}
