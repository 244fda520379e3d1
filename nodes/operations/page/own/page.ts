import { html, nothing, render } from 'lit-html'
import type { Permission } from '../../permissions.ts'
import { GET_TIMEOUT_MS, RequestError } from '../../route-request.ts'
import type { RouteName } from '../../route-table.ts'
import { Application } from '../application.ts'
import { requestTrouble } from '../asking.ts'
import type { Frame } from '../frame.ts'
import { placeOf, showPlace } from './address.ts'
import { type Catalogue, languageOf, textsOf } from './catalogue.ts'
import { Login } from './login.ts'
import { LoginNeeded, Session } from './session.ts'

/** The page asks so often, in milliseconds, and so often while nobody sees it: its title counts. */
const EVERY_MS = 2500
const HIDDEN_EVERY_MS = 30_000

/** So often it asks who is logged in: a session or a permission that ends may leave what anybody may do. */
const USER_EVERY_MS = 60_000

/** The languages that there are texts in, and what to say in each if these do not come; inserted by the build. */
declare const LANGUAGES: Readonly<Record<string, { noNodeRed: string; again: string }>>

/** A page of its own as the frame of the application, with the login of Node-RED in front of it. */
class OwnPage {
  readonly #root = elementOf('application')
  readonly #account = elementOf('account')
  readonly #session = new Session(new URL('../', location.href))
  readonly #login: Login
  readonly #frame: Frame
  #application: Application | undefined
  #permissions: readonly Permission[] = []
  /** The user who last saw the application; `''` for one who had not logged in. */
  #user: string | undefined
  /** When it has asked who that is. */
  #userAt = -Infinity
  #again: ReturnType<typeof setTimeout> | undefined

  constructor(language: string, { tab, rules }: Catalogue) {
    const text = textsOf(tab, language)
    document.title = text('title')
    this.#frame = {
      ask: (name, params, question) => this.#asked(name, this.#session.ask(name, params, question)),
      download: (name, params, question) =>
        this.#asked(name, this.#session.download(name, params, question)),
      text,
      ruleText: textsOf(rules, language),
      language,
      may: (permission) => this.#permissions.includes(permission),
      everyMs: () => (document.hidden ? HIDDEN_EVERY_MS : EVERY_MS),
      chosen: showPlace,
      attention: (count) => {
        document.title = count === 0 ? text('title') : `(${count}) ${text('title')}`
      }
    }
    this.#login = new Login(elementOf('login'), this.#session, text, () => void this.enter())
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#application?.tick()
    })
    addEventListener('hashchange', () => this.#application?.goTo(placeOf(location.hash)))
  }

  /** Asks for the login if that is what was missing. */
  async #asked<Answer>(name: RouteName, answer: Promise<Answer>): Promise<Answer> {
    try {
      const answered = await answer
      const isDue = performance.now() > this.#userAt + USER_EVERY_MS
      if (name === 'nodes' && isDue) void this.enter()
      return answered
    } catch (error) {
      // A session that ends may leave what anybody may do: too little for this.
      const isRefused = name === 'nodes' && isUnauthorized(error)
      if (error instanceof LoginNeeded || isRefused) void this.#askForLogin()
      throw error
    }
  }

  /** Shows the application to a user who is logged in, or asks for the login. Never rejects. */
  async enter(): Promise<void> {
    this.#userAt = performance.now()
    try {
      const { name, permissions, hasEditor } = await this.#session.ask('user', {}, {})
      if (this.#isAnother(name)) return
      this.#permissions = permissions
      if (hasEditor) this.#frame.flow = flowsIn(this.#session.editor)
      // A token that has run out is of nobody.
      await this.#showAccount(name, name !== '' && this.#session.hasToken)
    } catch (error) {
      if (!isUnauthorized(error)) {
        this.#tryAgain(error)
        return
      }
      if (error instanceof LoginNeeded || !this.#session.hasToken) {
        await this.#askForLogin()
        return
      }
      // Of a user who may not even read: the application says so.
      if (this.#isAnother('')) return
      this.#permissions = []
      await this.#showAccount('', true).catch(() => undefined)
    }
    this.#login.hide()
    if (!this.#root.isConnected) document.body.append(this.#root)
    this.#application ??= new Application(this.#root, this.#frame, placeOf(location.hash))
    this.#application.look(true)
  }

  /** Whether a different user was logged in before. If so, reloads the page, so that nothing they opened is left in it. */
  #isAnother(user: string): boolean {
    const before = this.#user
    this.#user = user
    if (before === undefined || before === user) return false
    location.reload()
    return true
  }

  async #askForLogin(): Promise<void> {
    if (this.#login.isShown) return
    const { text } = this.#frame
    try {
      const kind = await this.#session.loginKind()
      // A Node-RED without a login has refused nobody.
      if (kind === 'none') throw new RequestError(401, undefined, true)
      this.#leave()
      this.#login.show(kind, text(this.#session.hasToken ? 'login.ended' : 'login.needed'))
    } catch (error) {
      this.#tryAgain(error)
    }
  }

  /** Nothing that needs a login stays in the page: who sits down at it next could read it there. */
  #leave(): void {
    this.#application?.look(false)
    this.#root.remove()
    render(nothing, this.#account)
  }

  #tryAgain(error: unknown): void {
    const words = requestTrouble(error, this.#frame.text)
    render(html`<p class="hl7-trouble" role="alert">${words}</p>`, this.#account)
    clearTimeout(this.#again)
    this.#again = setTimeout(() => void this.enter(), EVERY_MS)
  }

  /** Who is logged in, and how to log in or out. */
  async #showAccount(name: string, isLoggedIn: boolean): Promise<void> {
    const { text } = this.#frame
    const kind = await this.#session.loginKind()
    const logOut = async (): Promise<void> => {
      await this.#session.logOut()
      // Reloading clears any message from the page.
      location.reload()
    }
    const leave = (): void => {
      logOut().catch((error: unknown) => {
        this.#tryAgain(error)
      })
    }
    const logIn = (): void => {
      this.#leave()
      this.#login.show(kind, '')
    }
    render(
      kind === 'none'
        ? nothing
        : html`<span>${name}</span> ${
              // A proxy in front of Node-RED may have logged the user in.
              name !== '' && !isLoggedIn
                ? nothing
                : html`<button
                    type="button"
                    class="hl7-button"
                    @click=${isLoggedIn ? leave : logIn}
                  >
                    ${text(isLoggedIn ? 'login.out' : 'login.button')}
                  </button>`
            }`,
      this.#account
    )
  }
}

/** Shows flows in the editor, in a new tab: its address names the node to open at. */
function flowsIn(editor: URL): NonNullable<Frame['flow']> {
  return {
    // The id of a node inside a subflow instance consists of several ids, joined with hyphens.
    has: (id) => !id.includes('-'),
    reveal: (id) => {
      window.open(new URL(`#node/${id}`, editor), '_blank', 'noopener')
    }
  }
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof RequestError && error.status === 401 && !error.isOfFront
}

/** Loads the texts, and shows the page. Never rejects. */
async function start(): Promise<void> {
  const wanted = [localStorage.getItem('editor-language') ?? '', ...navigator.languages]
  const language = languageOf(wanted.filter(Boolean), Object.keys(LANGUAGES))
  document.documentElement.lang = language
  const root = elementOf('application')
  render(nothing, root)
  let catalogue: Catalogue
  try {
    const signal = AbortSignal.timeout(GET_TIMEOUT_MS)
    const response = await fetch(new URL(`page/${language}.json`, location.href), { signal })
    // What stands in front of Node-RED may answer in JSON, too.
    if (!response.ok) throw new RequestError(response.status, undefined)
    catalogue = (await response.json()) as Catalogue
  } catch {
    const { noNodeRed, again } = LANGUAGES[language] ?? { noNodeRed: '', again: '' }
    render(
      html`<p class="hl7-trouble" role="alert">
        ${noNodeRed}
        <button type="button" class="hl7-button" @click=${() => void start()}>${again}</button>
      </p>`,
      root
    )
    return
  }
  await new OwnPage(language, catalogue).enter()
}

function elementOf(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`There is no element ${id}.`)
  return found
}

void start()
