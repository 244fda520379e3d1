/** One tab: the id of its pane and its label. */
export interface FormTab {
  pane: string
  label: string
}

/** The tabs of a form. */
export interface FormTabs {
  /** Marks each tab whose pane holds a mistake, seen or hidden. */
  mark: () => void
  /** Fits the tabs to the dialog's width. */
  resize: () => void
}

/**
 * Puts a form's panes behind tabs.
 *
 * @param list the `ul` of the tabs
 * @param markText what a mark says to a reader of the screen and as a tooltip
 */
export function createFormTabs(list: string, tabs: readonly FormTab[], markText: string): FormTabs {
  const panes = new Map(tabs.map(({ pane }) => [pane, document.getElementById(pane)]))
  const bar = RED.tabs.create({
    element: $(`#${list}`),
    onchange: ({ id }) => {
      for (const [pane, element] of panes) if (element !== null) element.hidden = pane !== id
      RED.tray.resize()
    }
  })
  for (const { pane, label } of tabs) bar.addTab({ id: pane, label })
  const first = tabs[0]
  if (first !== undefined) bar.activateTab(first.pane)

  const mark = (): void => {
    for (const [pane, element] of panes) {
      const link = document.querySelector(`#red-ui-tab-${pane} .red-ui-tab-label`)
      if (element === null || link === null) continue
      const wrong = [...element.querySelectorAll('.input-error')].some(
        (field) => field.closest('[data-row][hidden]') === null
      )
      const shown = link.querySelector('.hl7-https-tab-mark')
      if (wrong && shown === null) link.append(markElement(markText))
      else if (!wrong) shown?.remove()
    }
  }
  return {
    mark,
    resize: () => {
      bar.resize()
    }
  }
}

function markElement(text: string): HTMLElement {
  const mark = document.createElement('i')
  mark.className = 'fa fa-exclamation-triangle hl7-https-tab-mark'
  mark.title = text
  mark.setAttribute('role', 'img')
  mark.setAttribute('aria-label', text)
  return mark
}
