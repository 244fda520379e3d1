const prefix = 'hl7-https-out-rules'

/**
 * Wires the buttons for the two views.
 *
 * @param hasList false while the text cannot be read: the list would show old rules
 * @param onText called when the text is shown
 */
export function prepareRuleViews(
  first: 'list' | 'text',
  hasList: () => boolean,
  onText: () => void
): void {
  const views = ['list', 'text'] as const
  const showView = (view: 'list' | 'text'): void => {
    const shown = view === 'list' && !hasList() ? 'text' : view
    for (const one of views) {
      show(`${prefix}-view-${one}`, one === shown)
      const button = document.getElementById(`${prefix}-show-${one}`)
      button?.setAttribute('aria-pressed', String(one === shown))
    }
    show(`${prefix}-move`, shown === 'list')
    if (shown === 'text') onText()
  }
  for (const view of views) {
    document.getElementById(`${prefix}-show-${view}`)?.addEventListener('click', () => {
      showView(view)
    })
  }
  showView(first)
}

export function show(id: string, shown: boolean): void {
  const element = document.getElementById(id)
  if (element !== null) element.hidden = !shown
}
