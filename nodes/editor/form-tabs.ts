import { html, nothing, render } from 'lit-html'

/** One tab: the id of its pane and its label. */
export interface FormTab {
  pane: string
  label: string
}

/**
 * Puts a form's panes behind tabs.
 *
 * @param list the `ul` of the tabs
 * @param markText the mark's tooltip, and what a screen reader says
 * @returns marks each tab whose pane contains a mistake
 */
export function createFormTabs(
  list: string,
  tabs: readonly FormTab[],
  markText: string
): () => void {
  const panes = tabs.flatMap(({ pane }) => document.getElementById(pane) ?? [])
  const bar = RED.tabs.create({
    element: $(`#${list}`),
    onchange: ({ id }) => {
      for (const pane of panes) pane.hidden = pane.id !== id
    }
  })
  for (const { pane, label } of tabs) bar.addTab({ id: pane, label })
  const mark = html`<i
    class="fa fa-exclamation-triangle hl7-https-tab-mark"
    role="img"
    title=${markText}
    aria-label=${markText}
  ></i>`
  return () => {
    for (const pane of panes) {
      const label = document.querySelector(`#red-ui-tab-${pane.id} .red-ui-tab-label > span`)
      const link = label?.parentElement
      if (link) render(hasMistake(pane) ? mark : nothing, link, { renderBefore: label })
    }
  }
}

/** Whether a field is in a hidden row, one that does not apply. */
export function isUnused(field: Element): boolean {
  return field.closest(':is(.form-row, [data-row])[hidden]') !== null
}

/** Whether a part of a form contains a mistake in a field that applies. */
export function hasMistake(part: Element): boolean {
  return [...part.querySelectorAll('.input-error')].some((field) => !isUnused(field))
}
