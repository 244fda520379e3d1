/** Builds and changes elements. Everything shown is text, never markup: part of it comes from outside. */

/** An element with its attributes; `text` is its text. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) {
    if (attribute === 'text') made.textContent = value
    else made.setAttribute(attribute, value)
  }
  made.append(...children)
  return made
}

/** Changes a text only if it is another: a refresh must not disturb a selection or a screen reader. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

/** Sets an attribute, or removes it. */
export function setAttribute(target: Element, name: string, value: string | null): void {
  if (target.getAttribute(name) === value) return
  if (value === null) target.removeAttribute(name)
  else target.setAttribute(name, value)
}

/** An icon of the editor's font, not read out. */
export function icon(name: string): HTMLElement {
  return element('i', { class: `fa fa-${name}`, 'aria-hidden': 'true' })
}

/**
 * Puts children in an order with as few moves as possible, and removes all others. The one that has
 * the focus is never moved, because it would lose it.
 */
export function place(parent: Element, wanted: readonly Element[]): void {
  const kept = wanted.find((child) => child.contains(document.activeElement))
  let at = parent.firstElementChild
  for (const child of wanted) {
    if (child === kept) {
      // What is before it comes later, or goes.
      while (at !== null && at !== kept) {
        const next: Element | null = at.nextElementSibling
        parent.append(at)
        at = next
      }
      if (at === null) parent.append(child)
    }
    if (at === child) at = at.nextElementSibling
    else if (child !== kept) parent.insertBefore(child, at)
  }
  while (at !== null) {
    const next: Element | null = at.nextElementSibling
    at.remove()
    at = next
  }
}

/** A button as the editor has them. */
export class Button {
  readonly element: HTMLButtonElement
  readonly #label = element('span')
  #why = ''
  #busy = false

  /**
   * @param press not called while the button is greyed out or busy
   * @param refused called instead, with the reason why it is greyed out
   */
  constructor(
    iconName: string,
    press: () => void | Promise<void>,
    refused: (why: string) => void = () => undefined
  ) {
    this.element = element('button', { type: 'button', class: 'red-ui-button red-ui-button-small' })
    if (iconName !== '') this.element.append(icon(iconName), ' ')
    this.element.append(this.#label)
    this.element.addEventListener('click', () => {
      if (this.#busy) return
      if (this.#why !== '') {
        refused(this.#why)
        return
      }
      const work = press()
      if (!(work instanceof Promise)) return
      this.#busy = true
      setAttribute(this.element, 'aria-busy', 'true')
      void work.finally(() => {
        this.#busy = false
        setAttribute(this.element, 'aria-busy', null)
      })
    })
  }

  /**
   * @param why why it cannot be pressed; empty if it can. It stays reachable: a button that vanishes
   * or is disabled loses the focus, and nobody learns why.
   */
  show(label: string, why = ''): void {
    setText(this.#label, label)
    this.#why = why
    this.element.classList.toggle('disabled', why !== '')
    setAttribute(this.element, 'aria-disabled', why === '' ? null : 'true')
    setAttribute(this.element, 'title', why === '' ? null : why)
  }
}
