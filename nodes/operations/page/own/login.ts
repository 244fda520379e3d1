import { html, nothing, render, type TemplateResult } from 'lit-html'
import { printableProse } from '../../../../src/printable.ts'
import { RequestError } from '../../route-request.ts'
import type { Text } from '../times.ts'
import type { LoginKind, Session } from './session.ts'

/** Asks for the login. */
export class Login {
  readonly #root: HTMLElement
  readonly #session: Session
  readonly #text: Text
  readonly #done: () => void
  #kind: LoginKind = 'none'
  #why = ''
  #isBusy = false

  /** @param done there is a session again, or another one */
  constructor(root: HTMLElement, session: Session, text: Text, done: () => void) {
    this.#root = root
    this.#session = session
    this.#text = text
    this.#done = done
    // Somebody may log in or out elsewhere in this browser: what one has opened is not for the next.
    session.onChange(() => {
      if (!this.isShown || session.hasToken) done()
    })
  }

  get isShown(): boolean {
    return !this.#root.hidden
  }

  /**
   * Shows it.
   *
   * @param kind how Node-RED wants it
   * @param why why it is asked for
   */
  show(kind: LoginKind, why: string): void {
    this.#kind = kind
    this.#why = why
    this.#root.hidden = false
    this.#draw()
    this.#root.querySelector<HTMLElement>('input, a')?.focus()
  }

  hide(): void {
    this.#root.hidden = true
    render(nothing, this.#root)
  }

  #draw(): void {
    render(this.#view(), this.#root)
  }

  #view(): TemplateResult {
    const text = this.#text
    return html`<div class="hl7-login">
      <h1>${text('title')}</h1>
      <p role="alert">${this.#why}</p>
      ${this.#kind === 'password' ? this.#form() : this.#elsewhere()}
    </div>`
  }

  #form(): TemplateResult {
    const text = this.#text
    const submitted = (event: SubmitEvent): void => {
      event.preventDefault()
      void this.#logIn()
    }
    return html`<form @submit=${submitted}>
      <label for="hl7-username">${text('login.user')}</label>
      <input id="hl7-username" name="username" autocomplete="username" required />
      <label for="hl7-password">${text('login.password')}</label>
      <input
        id="hl7-password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
      />
      <button class="hl7-button hl7-first" aria-busy=${this.#isBusy ? 'true' : nothing}>
        ${text('login.button')}
      </button>
    </form>`
  }

  #elsewhere(): TemplateResult {
    const text = this.#text
    const again = html`<button type="button" class="hl7-button" @click=${this.#done}>
      ${text('login.again')}
    </button>`
    if (typeof this.#kind === 'object') {
      const { label, message, url } = this.#kind
      return html`<p>${printableProse(message, 500)}</p>
        <p><a href=${url} target="_blank" rel="noopener">${printableProse(label, 100)}</a></p>
        ${again}`
    }
    if (this.#kind === 'nowhere') return html`<p>${text('login.nowhere')}</p>`
    return html`<p>${text('login.elsewhere')}</p>
      <p>
        <a href=${this.#session.editor.href} target="_blank" rel="noopener"
          >${text('login.editor')}</a
        >
      </p>
      ${again}`
  }

  async #logIn(): Promise<void> {
    const username = this.#root.querySelector<HTMLInputElement>('#hl7-username')
    const password = this.#root.querySelector<HTMLInputElement>('#hl7-password')
    if (this.#isBusy || username === null || password === null) return
    const text = this.#text
    this.#isBusy = true
    this.#draw()
    try {
      const answer = await this.#session.logIn(username.value, password.value)
      if (answer === true) {
        this.#done()
        return
      }
      // Of too many attempts, Node-RED says how long to wait.
      const isWrong = answer.status === 403 || answer.says === ''
      this.#why = isWrong ? text('login.refused') : printableProse(answer.says, 120)
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      this.#why = text('trouble.noNodeRed')
    } finally {
      this.#isBusy = false
      if (!this.#root.hidden) this.#draw()
    }
    password.select()
    password.focus()
  }
}
