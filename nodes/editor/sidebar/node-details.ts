import { durationText } from '../../../src/told.ts'
import type { History, NodeState, TestAnswer } from '../../operations/answers.ts'
import { askNodeRed } from '../ask-node-red.ts'
import { actOnMany } from './bulk.ts'
import { act, type Desk, deskButton, refusal } from './desk.ts'
import { type Button, element, setAttribute, setText } from './dom.ts'
import { Pictures } from './pictures.ts'
import { clockTime, until } from './times.ts'
import { cut } from './told.ts'
import { nameOf, reasonOf, stateOf, tokenWords } from './words.ts'

/** As long as the runtime keeps it. */
const MAX_REASON = 200

/** The chosen node: what is wrong with it, what can be done, and how it went. */
export class NodeDetails {
  readonly element = element('section', { class: 'hl7-https-details' })
  readonly #desk: Desk
  readonly #name = element('h2')
  readonly #where = element('span', { class: 'hl7-https-where' })
  readonly #why = element('p', { class: 'hl7-https-why' })
  readonly #facts = element('p', { class: 'hl7-https-facts' })
  readonly #pictures: Pictures
  readonly #pause: Button
  readonly #resend: Button
  readonly #discard: Button
  readonly #test: Button
  readonly #flow: Button
  #node: NodeState | undefined

  constructor(desk: Desk) {
    this.#desk = desk
    this.#pictures = new Pictures(desk.text)
    const button = (icon: string, press: (node: NodeState) => void | Promise<void>): Button =>
      deskButton(desk, icon, () => (this.#node === undefined ? undefined : press(this.#node)))
    this.#pause = button('pause', (node) => this.#pauseOrResume(node))
    this.#resend = button('repeat', (node) => this.#actOnAll(node, 'resend'))
    this.#discard = button('trash-o', (node) => this.#actOnAll(node, 'discard'))
    this.#test = button('flask', (node) => this.#sendTest(node))
    this.#flow = button('crosshairs', (node) => {
      const id = inEditor(node.id)
      if (id !== undefined) RED.view.reveal(id)
    })
    this.element.append(
      element('div', { class: 'hl7-https-name' }, this.#name, this.#where),
      this.#why,
      element(
        'div',
        { class: 'hl7-https-buttons' },
        ...[this.#pause, this.#resend, this.#discard, this.#test, this.#flow].map(
          (one) => one.element
        )
      ),
      this.#pictures.element,
      this.#facts
    )
  }

  show(node: NodeState): void {
    const { text, language, now } = this.#desk
    if (node.id !== this.#node?.id) this.#desk.question.close()
    this.#node = node
    setText(this.#name, nameOf(node))
    setText(this.#where, cut([node.flow, node.host].filter(Boolean).join(' · '), 120))
    const { word, level } = stateOf(node, this.#desk)
    const since = clockTime(node.since, now(), language)
    const reason = reasonOf(node, this.#desk)
    setText(
      this.#why,
      [since === '' ? word : text('since', { state: word, since }), reason]
        .filter(Boolean)
        .join(' · ')
    )
    setAttribute(this.#why, 'data-level', level)

    const write = refusal(this.#desk, 'pause')
    const stopped = node.state === 'stopped' ? text('trouble.stopped') : ''
    const none = node.suspended === 0 ? text('trouble.noneSuspended') : ''
    const unusable = node.state === 'config' ? text('trouble.config') : ''
    this.#pause.show(
      text(node.state === 'paused' ? 'button.resume' : 'button.pause'),
      write || stopped || unusable
    )
    this.#resend.show(
      text(`button.resendAll${node.suspended === 0 ? 'None' : ''}`, { n: node.suspended }),
      write || stopped || unusable || none
    )
    this.#discard.show(
      text(`button.discardAll${node.suspended === 0 ? 'None' : ''}`, { n: node.suspended }),
      write || stopped || none
    )
    this.#test.show(text('button.test'), write || stopped || unusable)
    this.#flow.show(
      text('button.showInFlow'),
      inEditor(node.id) === undefined ? text('trouble.notInEditor') : ''
    )
    setText(this.#facts, this.#factsOf(node))
  }

  history(history: History | undefined, range: string): void {
    this.#pictures.show(history, range)
  }

  #factsOf(node: NodeState): string {
    const { text, now } = this.#desk
    const facts = [tokenWords(node, this.#desk)]
    for (const { of, validTo } of node.certificates.slice(0, 5)) {
      const left = until(validTo, now())
      if (left === null) continue
      facts.push(
        text(left < 0 ? 'certificate.ended' : 'certificate.ends', {
          of: text(`certificate.${of === 'token server' ? 'token-server' : of}`),
          left: durationText(Math.abs(left), text)
        })
      )
    }
    if (node.awaiting > 0) facts.push(text('awaiting', { count: node.awaiting }))
    return facts.filter(Boolean).join(' · ')
  }

  async #pauseOrResume(node: NodeState): Promise<void> {
    const { text, question, say } = this.#desk
    const name = nameOf(node)
    if (node.state === 'paused') {
      await act(this.#desk, async () => {
        await askNodeRed('resume', { id: node.id }, {})
        say('good', text('done.resumed', { name }))
      })
      return
    }
    const consent = await question.ask({
      title: text('question.pause', { name }),
      input: { label: text('question.reason'), maxLength: MAX_REASON },
      confirm: text('button.pause')
    })
    if (consent === undefined) return
    await act(this.#desk, async () => {
      await askNodeRed('pause', { id: node.id }, { reason: consent.text })
      say('good', text('done.paused', { name }))
    })
  }

  async #actOnAll(node: NodeState, action: 'resend' | 'discard'): Promise<void> {
    const { text } = this.#desk
    const count = node.suspended
    await actOnMany(this.#desk, node, {
      action,
      which: { all: true },
      count,
      title: text(`question.${action}`, { count, name: nameOf(node) }),
      confirm: text(`button.${action}`, { count })
    })
  }

  async #sendTest(node: NodeState): Promise<void> {
    const { text, say } = this.#desk
    say('good', text('test.busy', { name: nameOf(node) }))
    await act(this.#desk, async () => {
      const answer = await askNodeRed('testNode', { id: node.id }, { type: 'ADT^A01' })
      const { good, words } = testOutcome(answer, this.#desk)
      say(good ? 'good' : 'bad', words)
    })
  }
}

/** What a test message showed, in a sentence. */
function testOutcome(answer: TestAnswer, { text }: Desk): { good: boolean; words: string } {
  const { error, ack, status, elapsedMs, action = '' } = answer
  if (error !== undefined && error !== null) {
    const why = [error.reason || error.code, error.hint].filter(Boolean).join(' ')
    return { good: false, words: text('test.failed', { why: cut(why) }) }
  }
  const good = ['', 'C'].includes(action.replace('W', ''))
  const code = ack?.code ?? ''
  const facts = [code, status ? `HTTP ${status}` : '', elapsedMs ? `${elapsedMs} ms` : '']
  return {
    good,
    words: text(good ? 'test.accepted' : 'test.refused', {
      facts: cut(facts.filter(Boolean).join(', '), 100)
    })
  }
}

/**
 * The node in the editor that runs under an id; undefined if there is none. A node in a subflow runs
 * under the ids of all its instances and its own, joined with hyphens.
 */
function inEditor(id: string): string | undefined {
  const parts = id.split('-')
  return parts
    .map((_, from) => parts.slice(from).join('-'))
    .find((rest) => (RED.nodes.node(rest) ?? null) !== null)
}
