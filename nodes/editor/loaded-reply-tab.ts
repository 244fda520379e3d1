import type { OutKey } from '../../src/form-text.ts'
import { elementOf } from './element-of.ts'
import type { Form } from './form.ts'
import type { ReplyTab } from './reply-tab.ts'
import type { LastTest, TryRules } from './try-rules.ts'

/**
 * The *Reply* tab of an open form, loaded when the form is opened: it brings the code that asks rules at run time, and is
 * larger than all else that the editor loads. Until it is there, and if it never comes, the rules stay as they are.
 */
export class LoadedReplyTab {
  #tab: ReplyTab | undefined
  #trial: TryRules | undefined
  /** A test may have ended first. */
  #last: LastTest | undefined

  constructor(form: Form<OutKey>, node: EditorNode) {
    void this.#load(form, node)
  }

  /** See `ReplyTab.isListed`. */
  isListed(): boolean {
    return this.#tab?.isListed() === true
  }

  showLastTest(last: LastTest): void {
    this.#last = last
    this.#trial?.showLastTest(last)
  }

  save(): void {
    this.#tab?.save()
  }

  async #load(form: Form<OutKey>, node: EditorNode): Promise<void> {
    const pane = elementOf('hl7-https-out-reply', HTMLElement)
    const note = elementOf('hl7-https-out-reply-note', HTMLElement)
    const parts = [import('./reply-tab.ts'), import('./try-rules.ts')] as const
    const loaded = await Promise.all(parts).catch(() => undefined)
    // What is open by now may be another form.
    if (!pane.isConnected || !form.isOpen()) return
    pane.removeAttribute('aria-busy')
    if (loaded === undefined) {
      note.textContent = form.text('rules.notLoaded')
      return
    }
    elementOf('hl7-https-out-rules-preset', HTMLSelectElement).disabled = false
    elementOf('hl7-https-out-try', HTMLElement).hidden = false
    const [{ ReplyTab }, { TryRules }] = loaded
    this.#tab = new ReplyTab(form, node)
    this.#trial = new TryRules(form, this.#tab)
    if (this.#last !== undefined) this.#trial.showLastTest(this.#last)
  }
}
