import { hasMistake } from './form-tabs.ts'
import type { Form } from './form.ts'

/**
 * Opens and closes "More settings". It starts open if a setting in it is not the default, and opens
 * when one has a mistake.
 *
 * @param id of its button; its content has the same with `-body`
 */
export function prepareSection(form: Form, node: EditorNode, id: string): void {
  const head = document.getElementById(id)
  const body = document.getElementById(`${id}-body`)
  if (head === null || body === null) return
  const show = (open: boolean): void => {
    body.hidden = !open
    head.setAttribute('aria-expanded', String(open))
    const icon = head.querySelector('i')
    icon?.classList.toggle('fa-angle-down', open)
    icon?.classList.toggle('fa-angle-right', !open)
    RED.tray.resize()
  }
  head.addEventListener('click', () => {
    show(body.hidden !== false)
  })
  form.onMarks(() => {
    if (body.hidden && hasMistake(body)) show(true)
  })
  const holdsSomething = Object.entries(node._def.defaults).some(
    ([property, { value }]) =>
      body.contains(form.element(property)) &&
      JSON.stringify(node[property]) !== JSON.stringify(value)
  )
  if (holdsSomething) show(true)
}
