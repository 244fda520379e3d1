// Runs in the page: shows nothing but one message, by `show(message)`.
import { render } from 'lit-html'
import type { MessageContent } from '../../../nodes/operations/answers.ts'
import type { Desk } from '../../../nodes/operations/page/desk.ts'
import { textsOf } from '../../../nodes/operations/page/own/catalogue.ts'
import { messageView } from '../../../nodes/operations/page/story/message-view.ts'

/** Filled in by the test. */
declare const TAB: object
declare const FORMS: object

const said: string[] = []
let draw = (): void => undefined

function show(message: MessageContent): void {
  const desk = {
    // A user who may read, but not the text of messages.
    frame: { may: (permission: string) => permission === 'hl7-https-out.read' },
    text: textsOf(TAB, 'en-US'),
    language: 'en-US',
    now: () => Date.parse('2026-11-25T03:00:00Z'),
    busy: new Set<string>(),
    say: (_: string, words: string) => said.push(words),
    draw: () => {
      draw()
    },
    ruleText: textsOf(FORMS, 'en-US')
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
