// Runs in the page: shows nothing but one message, by `show(message)`.
import { render } from 'lit-html'
import type { MessageContent } from '../../../nodes/operations/answers.ts'
import type { Desk } from '../../../nodes/operations/page/desk.ts'
import { messageView } from '../../../nodes/operations/page/story/message-view.ts'

/** Filled in by the test. */
declare const TAB: Texts
declare const FORMS: Texts

interface Texts {
  [name: string]: string | Texts
}

const lookUp =
  (catalogue: Texts) =>
  (key: string, values: Record<string, string | number> = {}): string => {
    const find = (path: string): string | undefined => {
      let at: Texts | string | undefined = catalogue
      for (const name of path.split('.')) at = typeof at === 'object' ? at[name] : undefined
      return typeof at === 'string' ? at : undefined
    }
    const plural = key + (values['count'] === 1 ? '_one' : '_other')
    const found = find('count' in values ? plural : key) ?? find(key) ?? key
    return found.replace(/__(\w+?)__/g, (_, name: string) => String(values[name]))
  }

const said: string[] = []
let draw = (): void => undefined

function show(message: MessageContent): void {
  const desk = {
    // A user who may read, but not the text of messages.
    frame: { may: (permission: string) => permission === 'hl7-https-out.read' },
    text: lookUp(TAB),
    language: 'en-US',
    now: () => Date.parse('2026-11-25T03:00:00Z'),
    busy: new Set<string>(),
    say: (_: string, words: string) => said.push(words),
    draw: () => {
      draw()
    },
    ruleText: lookUp(FORMS)
  }
  const place = document.querySelector<HTMLElement>('main > div')
  if (!place) throw new Error('The page has no place for the message')
  draw = () => {
    render(messageView({ host: 'lab.example.org' }, message, desk as unknown as Desk), place)
  }
  draw()
}

Object.assign(window, {
  said,
  show,
  draw: () => {
    draw()
  }
})
