import { html, nothing, type TemplateResult } from 'lit-html'
import { durationText } from '../../../src/told.ts'
import type { NodeState } from '../answers.ts'
import { MOST_REASON, printable } from '../../../src/printable.ts'
import { onNode } from './action.ts'
import { actionsAt } from './action-buttons.ts'
import type { Desk } from './desk.ts'
import { ruleView } from './rule.ts'
import { clockTime, until } from './times.ts'
import { adviceText, besides, nextTry, reasonOf, ruleOf, shownState, tokenWords } from './words.ts'

/** The chosen node: what is wrong with it, and what can be done. */
export function nodeDetails(node: NodeState, desk: Desk): TemplateResult {
  const { text, language, now, question, name } = desk
  const { word, level } = shownState(node, desk)
  const since = clockTime(node.since, now(), language)
  const advice = adviceText(node, desk)
  // Advice says why, but not when the next try is.
  const more = advice === '' ? reasonOf(node, desk) : nextTry(node, desk)
  // Of a node in trouble, the advice names who can help.
  const contact = advice === '' ? printable(node.contact, 200) : ''
  const { backup } = node
  const onBackup = backup && text('phrase.backup', { host: backup.host })
  return html`<section class="hl7-details">
    <div class="hl7-heading">
      <h2 tabindex="-1">${name(node.id)}</h2>
      <span class="hl7-where"
        >${printable([node.flow, node.host, onBackup].filter(Boolean).join(' · '), 160)}</span
      >
    </div>
    <div class="hl7-advice" data-level=${level}>
      ${advice === '' ? nothing : html`<p class="hl7-do">${advice}</p>`}
      <p class="hl7-why">
        ${[since === '' ? word : text('since', { state: word, since }), more]
          .filter(Boolean)
          .join(' · ')}
      </p>
      ${besides(node, desk).map((words) => html`<p class="hl7-why">${words}</p>`)}
      ${noteOf(node, desk)} ${ruleView(ruleOf(node), desk)}
      ${contact === '' ? nothing : html`<p class="hl7-contact">${text('contact', { contact })}</p>`}
    </div>
    <div class="hl7-buttons">${actionsAt('node', onNode(node, desk), desk)}</div>
    ${question.view('node')}
    <p class="hl7-facts">${factsOf(node, desk)}</p>
  </section>`
}

function factsOf(node: NodeState, desk: Desk): string {
  const { text, now, language } = desk
  const facts = [tokenWords(node, desk)]
  const lastAck = clockTime(node.lastAckAt, now(), language)
  if (lastAck !== '') facts.unshift(text('lastAck', { at: lastAck }))
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

/** What somebody said who takes care of it. */
function noteOf(
  { note: said }: NodeState,
  { text, language, now }: Desk
): TemplateResult | typeof nothing {
  if (said === null) return nothing
  const { at, by, text: words } = said
  const values = {
    at: clockTime(at, now(), language),
    by: printable(by),
    text: printable(words, MOST_REASON)
  }
  return html`<p class="hl7-note">${text(by === '' ? 'notedAt' : 'noted', values)}</p>`
}
