import type { TemplateResult } from 'lit-html'
import { repeat } from 'lit-html/directives/repeat.js'
import { type Action, type ActionPlace, type On, valuesOf } from './action.ts'
import { type ActionName, ACTIONS, type AskingName, type SayingName } from './actions.ts'
import { act, button, type Desk, whyGrey } from './desk.ts'
import type { Entered } from './question.ts'

const NAMES = Object.keys(ACTIONS) as ActionName[]
/** Of an action that asks nothing. */
const NOTHING: Entered = { value: () => '', isChecked: () => false }

/** The buttons of all that can be done there, in the order of the table. */
export function actionsAt(place: ActionPlace, on: On, desk: Desk): unknown {
  const shown = NAMES.filter((name) => {
    const { isShown, place: its }: Action = ACTIONS[name]
    return its === place && (isShown?.(on, desk) ?? true)
  })
  // A button that takes turns with another keeps the focus.
  return repeat(shown, idOf, (name) => actionButton(name, on, desk))
}

/** `resend-all` */
function idOf(name: ActionName): string {
  const { id }: Action = ACTIONS[name]
  return id ?? name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function actionButton(name: ActionName, on: On, desk: Desk): TemplateResult {
  const { isFirst, label, route, values, why, withText }: Action = ACTIONS[name]
  const { node, place, rows } = on
  const filled = { ...valuesOf(on, desk), ...values?.(on, desk) }
  const words = desk.text(label?.(on) ?? `button.${name}`, filled)
  const grey = route === undefined ? '' : whyGrey(desk, route, withText)
  return button(desk, {
    id: idOf(name),
    of: place === 'message' ? `${node.id} ${rows[0]?.id ?? ''}` : node.id,
    label: words,
    why: grey || (why?.(on, desk) ?? ''),
    isFirst: isFirst?.(on) ?? false,
    press: async () => {
      const { asks, work }: Action = ACTIONS[name]
      const question = asks?.(on, desk)
      const entered =
        question === undefined
          ? NOTHING
          : await desk.question.ask({
              place,
              title: desk.text(`question.${name as AskingName}`, filled),
              // It asks nothing more.
              confirm: words.replace(/\s*…$/, ''),
              ...question
            })
      if (entered === undefined) return
      await act(desk, node, async () => {
        const done = await work(on, desk, entered)
        if (done === undefined) return
        const said = desk.text(`done.${name as SayingName}`, done)
        // Words that name the node need no heading.
        desk.say('good', said, 'name' in done ? undefined : node)
      })
    }
  })
}
