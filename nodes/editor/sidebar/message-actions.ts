import type { MessageContent, MessageAnswer, NodeState } from '../../operations/answers.ts'
import type { MessageFilter } from '../../operations/questions.ts'
import { askNodeRed } from '../ask-node-red.ts'
import { requestTrouble } from './asking.ts'
import { actOnMany } from './bulk.ts'
import { act, type Desk, deskButton, refusal } from './desk.ts'
import { type Button, element } from './dom.ts'
import { MessageText } from './message-text.ts'
import { cut } from './told.ts'

/** The suspended messages that match a filter. */
export interface Matching {
  /** What was counted, and so what is acted on: the fields may say something else by then. */
  filter: MessageFilter
  count: number
  /** There are more than were counted. */
  more: boolean
}

/** No longer in the queue. */
const HAS_LEFT: readonly string[] = ['acked', 'naked', 'failed']

/** What can be done with the chosen message, and with all suspended ones that match a filter. */
export class MessageActions {
  readonly many = element('div', { class: 'hl7-https-buttons' })
  readonly one = element('div')
  readonly #desk: Desk
  readonly #resendMany: Button
  readonly #discardMany: Button
  readonly #show: Button
  readonly #resend: Button
  readonly #discard: Button
  readonly #content: MessageText
  #node: NodeState | undefined
  #row: MessageAnswer | undefined
  #matching: Matching | undefined

  constructor(desk: Desk) {
    this.#desk = desk
    const button = (icon: string, press: () => Promise<void>): Button =>
      deskButton(desk, icon, press)
    this.#resendMany = button('repeat', () => this.#actOnMany('resend'))
    this.#discardMany = button('trash-o', () => this.#actOnMany('discard'))
    this.#show = button('file-text-o', () => this.#showContent())
    this.#resend = button('repeat', () => this.#actOnOne('resend'))
    this.#discard = button('trash-o', () => this.#actOnOne('discard'))
    this.#content = new MessageText(desk)
    this.many.append(this.#resendMany.element, this.#discardMany.element)
    this.one.append(
      element(
        'div',
        { class: 'hl7-https-buttons' },
        ...[this.#show.element, this.#resend.element, this.#discard.element]
      ),
      this.#content.element
    )
  }

  /**
   * @param row the chosen message; undefined if none is
   * @param matching undefined without a filter
   */
  show(node: NodeState, row: MessageAnswer | undefined, matching: Matching | undefined): void {
    const { text } = this.#desk
    if (node.id !== this.#node?.id || row?.id !== this.#row?.id) this.#content.clear()
    this.#node = node
    this.#row = row
    this.#matching = matching
    const write = refusal(this.#desk, 'resendMessages')
    this.many.hidden = matching === undefined || matching.count === 0
    if (matching !== undefined) {
      const { count } = matching
      const n = counted(matching)
      this.#resendMany.show(text('button.resendThese', { count, n }), write)
      this.#discardMany.show(text('button.discardThese', { count, n }), write)
    }
    this.one.hidden = row === undefined
    if (row === undefined) return
    const suspended = row.state === 'suspended' ? '' : text('trouble.notSuspended')
    const left = HAS_LEFT.includes(row.state) ? text('trouble.left') : ''
    this.#show.show(text('button.showMessage'), refusal(this.#desk, 'message') || left)
    this.#resend.show(text('button.resendOne'), write || suspended)
    this.#discard.show(text('button.discardOne'), write || suspended)
  }

  async #actOnMany(action: 'resend' | 'discard'): Promise<void> {
    const { text } = this.#desk
    const node = this.#node
    const matching = this.#matching
    if (node === undefined || matching === undefined) return
    const { count, filter } = matching
    const values = { count, n: counted(matching), filter: Object.values(filter).join(', ') }
    await actOnMany(this.#desk, node, {
      action,
      which: filter,
      count,
      title: text(`question.${action}These`, values),
      confirm: text(`button.${action}These`, values)
    })
  }

  async #actOnOne(action: 'resend' | 'discard'): Promise<void> {
    const { text, question, say } = this.#desk
    const node = this.#node
    const row = this.#row
    if (node === undefined || row === undefined) return
    const controlId = cut(row.controlId, 80)
    if (action === 'discard') {
      const consent = await question.ask({
        title: text('question.discardOne', { controlId }),
        confirm: text('button.discard', { count: 1 })
      })
      if (consent === undefined) return
    }
    await act(this.#desk, async () => {
      await askNodeRed(`${action}Message`, { id: node.id, messageId: row.id }, {})
      say('good', text(action === 'resend' ? 'done.resentOne' : 'done.discardedOne', { controlId }))
    })
  }

  async #showContent(): Promise<void> {
    const { text, say, refresh } = this.#desk
    const node = this.#node
    const id = this.#row?.id
    if (node === undefined || id === undefined) return
    let content: MessageContent
    try {
      content = await askNodeRed('message', { id: node.id, messageId: id }, {})
    } catch (error) {
      say('bad', requestTrouble(error, text))
      return
    }
    // Another message may have been chosen meanwhile.
    if (this.#row?.id === id && this.#node?.id === node.id) this.#content.show(content)
    // That it was shown is an event.
    refresh()
  }
}

/** `8`, or `2100+` if there are more than were counted. */
function counted({ count, more }: Matching): string {
  return `${count}${more ? '+' : ''}`
}
