import { html, nothing, type TemplateResult } from 'lit-html'
import { durationText, tookText } from '../../../src/told.ts'
import type { NodeState } from '../answers.ts'
import { actOnMany } from './bulk.ts'
import { MOST_REASON, printable, printableProse } from '../../../src/printable.ts'
import { act, button, type Desk, whyGrey } from './desk.ts'
import { backupFacts, takesNoTests, testOutcome } from '../test-outcome.ts'
import { inFlow } from './in-flow.ts'
import { hostActions, pauseAction } from './pause.ts'
import { ruleView } from './rule.ts'
import { clockTime, until } from './times.ts'
import {
  adviceText,
  besides,
  hostOf,
  needsLook,
  nextTry,
  reasonOf,
  ruleOf,
  shownState,
  tokenWords
} from './words.ts'
import type { TestAnswer } from '../../tests/test-result.ts'
import { USUAL_TYPE } from '../../tests/test-sample.ts'

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
  return html`<section class="hl7-details">
    <div class="hl7-heading">
      <h2 tabindex="-1">${name(node.id)}</h2>
      <span class="hl7-where"
        >${printable([node.flow, node.host].filter(Boolean).join(' · '), 160)}</span
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
    ${actions(node, desk)} ${question.view('node')}
    <p class="hl7-facts">${factsOf(node, desk)}</p>
  </section>`
}

function actions(node: NodeState, desk: Desk): TemplateResult {
  const { text, frame } = desk
  const write = whyGrey(desk, 'pause')
  const areFlowsStopped = node.kind.startsWith('flows-')
  const why = areFlowsStopped ? 'trouble.flowsStopped' : 'trouble.stopped'
  const stopped = node.state === 'stopped' ? text(why) : ''
  const none = node.suspended === 0 ? text('trouble.noneSuspended') : ''
  const unusable = node.state === 'config' ? text('trouble.config') : ''
  const isPaused = node.state === 'paused'
  const { flow } = frame
  const shown = flow && inFlow(node.id, flow.has)
  return html`<div class="hl7-buttons">
    ${pauseAction(node, desk, stopped || unusable)}
    ${
      // Of one that is paused, it says that it is to be resumed first.
      node.retry === null && node.token?.state !== 'none' && !isPaused
        ? nothing
        : button(desk, {
            id: 'try',
            of: node.id,
            label: text('button.tryNow'),
            why: write || (isPaused ? text('trouble.paused') : ''),
            press: () => tryNow(node, desk)
          })
    }
    ${node.backupHost === '' ? nothing : backupButton(node, desk, write || stopped || unusable)}
    ${button(desk, {
      id: 'resend-all',
      of: node.id,
      label: text(`button.resendAll${node.suspended === 0 ? 'None' : ''}`, { n: node.suspended }),
      why: write || stopped || unusable || none,
      isFirst: node.suspended > 0 && !isPaused,
      press: () => actOnAll(node, 'resend', desk)
    })}
    ${button(desk, {
      id: 'discard-all',
      of: node.id,
      label: text(`button.discardAll${node.suspended === 0 ? 'None' : ''}`, { n: node.suspended }),
      why: write || stopped || none,
      press: () => actOnAll(node, 'discard', desk)
    })}
    ${button(desk, {
      id: 'note',
      label: text('button.note'),
      why:
        whyGrey(desk, 'note') ||
        stopped ||
        unusable ||
        (needsLook(node) ? '' : text('trouble.nothingToNote')),
      press: () => note(node, desk)
    })}
    ${button(desk, {
      id: 'test',
      of: node.id,
      label: text('button.test'),
      why: write || stopped || unusable,
      press: () => sendTest(node, desk)
    })}
    ${hostActions(node, desk)}
    ${
      flow === undefined
        ? nothing
        : button(desk, {
            id: 'flow',
            of: node.id,
            label: text('button.showInFlow'),
            why: shown === undefined ? text('trouble.notInEditor') : '',
            press: () => {
              if (shown !== undefined) flow.reveal(shown)
            }
          })
    }
  </div>`
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

async function note(node: NodeState, desk: Desk): Promise<void> {
  const { text, question, say, frame } = desk
  const name = desk.name(node.id)
  const consent = await question.ask({
    place: 'node',
    title: text('question.note', { name }),
    fields: [
      { kind: 'line', name: 'text', label: text('question.noteText'), maxLength: MOST_REASON }
    ],
    confirm: text('button.note')
  })
  const words = consent?.value('text').trim() ?? ''
  if (words === '') return
  await act(desk, node, async () => {
    await frame.ask('note', { id: node.id }, { text: words })
    say('good', text('done.noted', { name }), node)
  })
}

/** After these, a try too many can make it worse: the account may be locked, or the receiver refuses for longer. */
const COSTLY: readonly string[] = ['401', '407', '429', '431']

async function tryNow(node: NodeState, desk: Desk): Promise<void> {
  const { text, question, say, frame } = desk
  const cause = String(node.advice?.values['cause'] ?? node.values['cause'] ?? '')
  if (COSTLY.includes(cause)) {
    const consent = await question.ask({
      place: 'node',
      title: text('question.tryNow', { host: hostOf(node), cause: `HTTP ${cause}` }),
      confirm: text('button.tryNow')
    })
    if (consent === undefined) return
  }
  await act(desk, node, async () => {
    await frame.ask('tryNow', { id: node.id }, {})
    say('good', text('done.tried'), node)
  })
}

/** There, or back: who turns to the backup by hand also turns back by hand. */
function backupButton(node: NodeState, desk: Desk, why: string): TemplateResult {
  const to = node.backup === null ? 'backup' : 'first'
  return html`${button(desk, {
    id: 'backup',
    of: node.id,
    label: desk.text(to === 'backup' ? 'button.toBackup' : 'button.toFirst'),
    why,
    press: () => turn(node, to, desk)
  })}`
}

async function turn(node: NodeState, to: 'backup' | 'first', desk: Desk): Promise<void> {
  const { text, question, say, frame } = desk
  const name = desk.name(node.id)
  const host = printable(to === 'backup' ? node.backupHost : node.host)
  const consent = await question.ask({
    place: 'node',
    title: text(to === 'backup' ? 'question.toBackup' : 'question.toFirst', { name, host }),
    confirm: text(to === 'backup' ? 'button.toBackup' : 'button.toFirst')
  })
  if (consent === undefined) return
  await act(desk, node, async () => {
    await frame.ask('backup', { id: node.id }, { to })
    say('good', text('done.turned', { host }), node)
  })
}

async function actOnAll(node: NodeState, action: 'resend' | 'discard', desk: Desk): Promise<void> {
  const { text, name } = desk
  const count = node.suspended
  await actOnMany(desk, node, {
    action,
    place: 'node',
    which: { all: true },
    count,
    title: text(`question.${action}`, { count, name: name(node.id) }),
    confirm: text(`button.${action}`, { count })
  })
}

/** MSH-9 is no longer. */
const MOST_TYPE = 60

/** Asks first: the receiver gets a real request, with a patient that does not exist. */
async function sendTest(node: NodeState, desk: Desk): Promise<void> {
  const { text, question, say, frame } = desk
  const name = desk.name(node.id)
  const host = printable([node.host, node.backupHost].filter(Boolean).join(', '))
  const consent = await question.ask({
    place: 'node',
    title: text('question.test', { name, host }),
    fields: [
      {
        kind: 'line',
        name: 'type',
        label: text('question.testType'),
        maxLength: MOST_TYPE,
        value: USUAL_TYPE
      },
      ...(frame.may('hl7-https-out.content')
        ? [
            {
              kind: 'lines' as const,
              name: 'sample',
              label: text('question.testSample'),
              value: '',
              rows: 4
            }
          ]
        : [])
    ],
    confirm: text('button.sendTest', { host })
  })
  if (consent === undefined) return
  const sample = consent.value('sample')
  const test = {
    type: consent.value('type').trim() || USUAL_TYPE,
    ...(sample.trim() !== '' && { sample })
  }
  say('good', text('test.busy', { name }))
  await act(desk, node, async () => {
    const answer = await frame.ask('testNode', { id: node.id }, test)
    const { good, words } = testWords(answer, desk)
    say(good ? 'good' : 'bad', words, node)
  })
}

/** What a test message showed, in a sentence; and at the backup. */
function testWords(answer: TestAnswer, desk: Desk): { good: boolean; words: string } {
  const first = wordsOfTest(answer, desk)
  const { backup } = answer
  if (backup === undefined) return first
  const second = `${printable(backup.host)}: ${printableProse(backupFacts(backup).join(', '))}`
  return { good: first.good && backup.error === null, words: `${first.words} ${second}` }
}

function wordsOfTest(answer: TestAnswer, { text }: Desk): { good: boolean; words: string } {
  const { error, ack, status, elapsedMs } = answer
  if (error !== undefined && error !== null) {
    const why = [error.reason || error.code, error.hint].filter(Boolean).join(' ')
    return { good: false, words: text('test.failed', { why: printableProse(why) }) }
  }
  const outcome = testOutcome(answer)
  const code = ack?.code ?? ''
  const facts = [code, status ? `HTTP ${status}` : '', elapsedMs ? tookText(elapsedMs, text) : '']
  return {
    good: outcome === 'accepted' || outcome === 'awaits',
    words: [
      text(`test.${outcome}`, { facts: printable(facts.filter(Boolean).join(', '), 100) }),
      ...(outcome === 'refused' && takesNoTests(answer) ? [text('test.takesNoTests')] : [])
    ].join('. ')
  }
}
