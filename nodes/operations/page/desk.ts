import { html, nothing, type TemplateResult } from 'lit-html'
import type { MessageAnswer, NodeState } from '../answers.ts'
import { type Route, ROUTES, type RouteName } from '../route-table.ts'
import { requestTrouble } from './asking.ts'
import type { Frame } from './frame.ts'
import type { QuestionBox } from './question.ts'
import type { Speech } from './told.ts'

/** What the parts of the application share. */
export interface Desk extends Speech {
  frame: Frame
  question: QuestionBox
  /** The nodes as they were last seen. */
  nodes: () => readonly NodeState[]
  /** What a node is called: of equal names, with more. */
  name: (id: string) => string
  /**
   * Says what came of an action, for eye and ear.
   *
   * @param of the node that it is about, if the words do not name it: another one may be chosen by then
   * @param more what somebody may want to read besides, or to see of each message
   */
  say: (outcome: 'good' | 'bad', words: string, of?: NodeState, more?: SaidMore) => void
  /** Brings everything up to date. */
  refresh: () => void
  /** Shows a message of a node. */
  open: (node: string, message: MessageAnswer) => void
  /**
   * Lists messages that were sent, with what becomes of each, unless somebody does something else by now.
   *
   * @param opened the message that may be open
   */
  follow: (node: NodeState, ids: readonly string[], opened?: string) => void
  /** Draws what has changed; resolves when that is done. */
  draw: () => Promise<void>
  /** The buttons whose work is not done, with what they work on. */
  busy: Set<string>
}

/** What may be said of an action besides. */
export interface SaidMore {
  details?: readonly string[]
  /** The ids of the messages that were sent. */
  ids?: readonly string[] | undefined
}

/**
 * Why this user may not ask a route; empty if that is allowed.
 *
 * @param withText the text of a message is asked for, or given
 */
export function whyGrey(
  { frame, text }: Pick<Desk, 'frame' | 'text'>,
  route: RouteName,
  withText = false
): string {
  const { permission, contentPermission }: Route = ROUTES[route]
  const needed = [permission, withText ? contentPermission : undefined]
  const missing = needed.find((one) => one && !frame.may(one))
  return missing ? text('trouble.permission', { permission: missing }) : ''
}

export interface ButtonOptions {
  /** Of all buttons that are shown. */
  id: string
  /** What it acts on: the same button of something else is not held up by its work. */
  of?: string
  label: string
  /** Why it cannot be pressed; empty or missing if it can. */
  why?: string
  /** What is pressed most often in its group. */
  isFirst?: boolean
  /** Of one that shows or hides something. */
  isExpanded?: boolean
  /** Of one that is on or off. */
  isPressed?: boolean
  /** If the label says too little by itself. */
  hint?: string
  press: () => void | Promise<void>
}

/**
 * A button. One that cannot be pressed stays reachable, and says why: one that vanishes or is disabled
 * loses the focus, and nobody learns why.
 */
export function button(
  desk: Desk,
  { id, of = '', label, why = '', isExpanded, isFirst, isPressed, hint, press }: ButtonOptions
): TemplateResult {
  const { busy, say, draw } = desk
  const key = `${id} ${of}`
  const pressed = (): void => {
    if (busy.has(key)) return
    if (why !== '') {
      say('bad', why)
      return
    }
    const work = press()
    if (!(work instanceof Promise)) return
    busy.add(key)
    void draw()
    void work.finally(() => {
      busy.delete(key)
      void draw()
    })
  }
  return html`<button
    type="button"
    class=${isFirst === true ? 'hl7-button hl7-first' : 'hl7-button'}
    data-button=${id}
    aria-disabled=${why === '' ? nothing : 'true'}
    aria-busy=${busy.has(key) ? 'true' : nothing}
    aria-label=${hint ?? nothing}
    aria-expanded=${isExpanded ?? nothing}
    aria-pressed=${isPressed ?? nothing}
    title=${why === '' ? nothing : why}
    @click=${pressed}
  >
    ${label}
  </button>`
}

/**
 * Does something that an operator asked for, and brings everything up to date.
 *
 * @param node the one that it is done to
 * @param work says itself what came of it; a refusal by Node-RED is said here
 * @returns whether it was done
 */
export async function act(
  { text, say, refresh }: Desk,
  node: NodeState,
  work: () => Promise<void>
): Promise<boolean> {
  let isDone = true
  try {
    await work()
  } catch (error) {
    isDone = false
    say('bad', requestTrouble(error, text), node)
  }
  refresh()
  return isDone
}
