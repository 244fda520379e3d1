/** One tab: the id of its pane and its label. */
export interface FormTab {
  pane: string
  label: string
}

/** The tabs of a form. */
export interface FormTabs {
  /** Marks each tab whose pane contains a mistake. */
  mark: () => void
  /** Fits the tabs to the dialog's width. */
  resize: () => void
}

/**
 * Puts a form's panes behind tabs.
 *
 * @param list the `ul` of the tabs
 * @param markText the mark's tooltip, and what a screen reader says
 */
export function createFormTabs(list: string, tabs: readonly FormTab[], markText: string): FormTabs {
  const panes = new Map(tabs.map(({ pane }) => [pane, document.getElementById(pane)]))
  const show = (shown: string): void => {
    for (const [pane, element] of panes) {
      if (element !== null) element.hidden = pane !== shown
      const link = tabLink(pane)
      link?.setAttribute('aria-selected', String(pane === shown))
      if (link) link.tabIndex = pane === shown ? 0 : -1
    }
    RED.tray.resize()
  }
  const bar = RED.tabs.create({
    element: $(`#${list}`),
    onchange: ({ id }) => {
      show(id)
    },
    // Node-RED 4 takes quick clicks on two tabs for a double click.
    ondblclick: ({ id }) => {
      bar.activateTab(id)
    }
  })
  for (const { pane, label } of tabs) bar.addTab({ id: pane, label })
  nameTabs(
    list,
    tabs.map(({ pane }) => pane),
    (pane) => {
      bar.activateTab(pane)
    }
  )
  // Node-RED activated the first tab before the others existed.
  const first = tabs[0]
  if (first !== undefined) show(first.pane)

  const mark = (): void => {
    for (const [pane, element] of panes) {
      const link = tabLink(pane)
      if (element === null || link === null) continue
      const wrong = hasMistake(element)
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

/** Whether a field is in a hidden row, one that does not apply. */
export function isUnused(field: Element): boolean {
  return field.closest(':is(.form-row, [data-row])[hidden]') !== null
}

/** Whether a part of a form contains a mistake in a field that applies. */
export function hasMistake(part: Element): boolean {
  return [...part.querySelectorAll('.input-error')].some((field) => !isUnused(field))
}

function markElement(text: string): HTMLElement {
  const mark = document.createElement('i')
  mark.className = 'fa fa-exclamation-triangle hl7-https-tab-mark'
  mark.title = text
  mark.setAttribute('role', 'img')
  mark.setAttribute('aria-label', text)
  return mark
}

function tabLink(pane: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(`#red-ui-tab-${pane} .red-ui-tab-label`)
}

/** Node-RED's tabs are plain links: gives them the roles and the arrow keys of tabs (WAI-ARIA). */
function nameTabs(list: string, panes: readonly string[], activate: (pane: string) => void): void {
  document.getElementById(list)?.setAttribute('role', 'tablist')
  panes.forEach((pane, index) => {
    const link = tabLink(pane)
    const element = document.getElementById(pane)
    if (link === null || element === null) return
    link.id = `${pane}-tab`
    link.closest('li')?.setAttribute('role', 'presentation')
    link.setAttribute('role', 'tab')
    link.setAttribute('aria-controls', pane)
    element.setAttribute('role', 'tabpanel')
    element.setAttribute('aria-labelledby', link.id)
    const next: Record<string, number> = {
      ArrowRight: index + 1,
      ArrowLeft: index - 1,
      Home: 0,
      End: -1
    }
    link.addEventListener('keydown', (event) => {
      const place = next[event.key]
      const to = place === undefined ? undefined : panes.at(place % panes.length)
      if (to === undefined) return
      event.preventDefault()
      activate(to)
      tabLink(to)?.focus()
    })
  })
}
