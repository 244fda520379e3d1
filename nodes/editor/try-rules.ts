import type { OutKey } from '../../src/form-text.ts'
import type { ReplyRules } from '../../src/rules/reply-rules.ts'
import { exampleAnswer, trialExamples, type TrialExample } from '../rules/trial-examples.ts'
import { trialWords } from '../rules/trial-words.ts'
import {
  sentHeaders,
  tryAnswer,
  type Trial,
  type TrialSettings,
  type TriedAnswer
} from '../rules/rule-trial.ts'
import { outProperties } from '../settings/hl7-https-out-properties.ts'
import { triedMessage, USUAL_TYPE } from '../tests/test-sample.ts'
import type { Form } from './form.ts'
import type { ReplyRuleList } from './reply-rule-list.ts'
import { ResultBox } from './result-box.ts'

const prefix = 'hl7-https-out-try'

/** What the last test sent, and what came back. */
export interface LastTest {
  /** The message as HL7 text. */
  message: string
  status: number
  contentType: string
  reply: string
}

/**
 * *Try the rules*: a reply, pasted or chosen, and what the rules of the form make of it, rule by rule, while both are
 * changed. Nothing is sent.
 */
export class TryRules {
  readonly #form: Form<OutKey>
  readonly #rules: ReplyRuleList
  readonly #result = new ResultBox(`${prefix}-result`)
  readonly #fields = {
    details: element(prefix, HTMLDetailsElement),
    answer: element(`${prefix}-answer`, HTMLSelectElement),
    reply: element(`${prefix}-reply`, HTMLElement),
    status: element(`${prefix}-status`, HTMLInputElement),
    contentType: element(`${prefix}-type`, HTMLInputElement),
    text: element(`${prefix}-text`, HTMLTextAreaElement),
    again: element(`${prefix}-again`, HTMLInputElement),
    list: element(`${prefix}-list`, HTMLElement)
  }
  #last: LastTest | undefined
  /** What was shown last was made of this. */
  #shown = ''

  constructor(form: Form<OutKey>, rules: ReplyRuleList) {
    this.#form = form
    this.#rules = rules
    const { answer, contentType, details, status, text } = this.#fields
    for (const example of trialExamples) {
      answer.append(new Option(form.text(`tryExample.${example}`), example))
    }
    for (const more of ['last', 'own'] as const) {
      const option = new Option(form.text(`tryExample.${more}`), more)
      option.hidden = true
      answer.append(option)
    }
    answer.addEventListener('change', () => {
      this.#fill()
    })
    for (const field of [status, contentType, text]) {
      field.addEventListener('input', () => {
        this.#choose('own')
      })
    }
    answer.value = 'AE'
    this.#fill()
    const update = (): void => {
      void this.#update()
    }
    details.addEventListener('toggle', update)
    $(form.root()).on('change keyup input click sortstop', update)
  }

  /** A test has ended: its reply can be tried with other rules. */
  showLastTest(last: LastTest): void {
    this.#last = last
    this.#choose('last')
    this.#fill()
    void this.#update()
  }

  #choose(what: 'last' | 'own'): void {
    const { answer } = this.#fields
    for (const option of answer.options) if (option.value === what) option.hidden = false
    answer.value = what
  }

  /** Puts what was chosen into the fields. */
  #fill(): void {
    const { contentType, reply, status, text } = this.#fields
    const answer = this.#chosen()
    reply.hidden = answer?.failure !== undefined
    if (answer === undefined || answer.failure !== undefined) return
    status.value = String(answer.status)
    contentType.value = answer.contentType
    text.value = answer.text
  }

  /** Undefined if the fields have a text of their own. */
  #chosen(): TriedAnswer | undefined {
    const chosen = this.#fields.answer.value as TrialExample | 'last' | 'own'
    if (chosen === 'own') return undefined
    if (chosen !== 'last') return exampleAnswer(chosen, sentHeaders(this.#sent()).controlId)
    const { contentType = '', reply = '', status = 200 } = this.#last ?? {}
    return { status, contentType, text: reply.replace(/\r\n?/g, '\n') }
  }

  #answer(): TriedAnswer {
    const chosen = this.#chosen()
    if (chosen?.failure !== undefined) return chosen
    const { contentType, status, text } = this.#fields
    return {
      status: Number(status.value) || 200,
      contentType: contentType.value.trim(),
      text: text.value
    }
  }

  /** What the reply is compared with: the last test's message, else the one that a test would send. */
  #sent(): string {
    if (this.#last !== undefined) return this.#last.message
    const own = String($('#node-input-sample').val()).trim()
    if (own !== '') return own
    const type = String($('#hl7-https-out-test-type').val()).trim() || USUAL_TYPE
    return triedMessage(type)
  }

  async #update(): Promise<void> {
    const { details } = this.#fields
    if (!this.#form.isOpen() || !details.isConnected) return
    const rules = details.open ? this.#rules.rules() : undefined
    const made = JSON.stringify([rules, this.#answer(), this.#sent(), this.#times(), this.#view()])
    if (made === this.#shown) return
    this.#shown = made
    if (rules === undefined) {
      this.#rules.showTrial([])
      this.#fields.list.replaceChildren()
      this.#result.clear()
      if (details.open) this.#result.say(this.#form.text('tried.unreadable'))
      return
    }
    const trial = await tryAnswer(this.#answer(), this.#settings(rules))
    // It may have been changed meanwhile.
    if (this.#shown === made) this.#show(trial)
  }

  /** Where the rules are shown: there, too, is what each of them makes of the answer. */
  #view(): { again: boolean; isText: boolean } {
    const list = document.getElementById('hl7-https-out-rules-view-list')
    return { again: this.#fields.again.checked, isText: list?.hidden === true }
  }

  #show(trial: Trial): void {
    const { text } = this.#form
    const { compared, decider, following, isGood, rules } = trialWords(trial, text, RED.i18n.lang())
    this.#rules.showTrial(rules)
    this.#fields.list.replaceChildren(
      ...(this.#view().isText ? rules : []).map(({ text: rule, state, words }) => {
        const item = document.createElement('li')
        const code = document.createElement('code')
        code.textContent = rule
        item.className = `hl7-https-tried-${state}`
        item.append(code, ` ${words}`)
        return item
      })
    )
    this.#result.show(
      isGood ? 'good' : 'bad',
      decider,
      [
        [text('try.follows'), following],
        [text('try.compared'), compared]
      ],
      [],
      false
    )
  }

  #settings(rules: ReplyRules): TrialSettings {
    const { auth, replyPath } = this.#form.settings()
    const { failureTimeout, failWhileUnreachable, retryInterval, retryMaxInterval } = this.#times()
    const pick = pickWith(textOf(replyPath))
    return {
      rules,
      reply: pick === undefined ? {} : { pick },
      hasToken: typeof auth === 'string' && auth !== '' && RED.nodes.node(auth) !== null,
      sent: this.#sent(),
      again: this.#fields.again.checked,
      retry: { intervalMs: 1000 * retryInterval, maxIntervalMs: 1000 * retryMaxInterval },
      failureTimeoutMs: failureTimeout < 0 ? Infinity : 1000 * failureTimeout,
      failWhileUnreachable
    }
  }

  /** In seconds. A variable has the default here: its value is not known. */
  #times(): {
    retryInterval: number
    retryMaxInterval: number
    failureTimeout: number
    failWhileUnreachable: boolean
  } {
    const values = this.#form.settings()
    const number = (name: 'retryInterval' | 'retryMaxInterval' | 'failureTimeout'): number => {
      const given = textOf(values[name])
      return given === '' || Number.isNaN(Number(given))
        ? outProperties[name].default
        : Number(given)
    }
    return {
      retryInterval: number('retryInterval'),
      retryMaxInterval: number('retryMaxInterval'),
      failureTimeout: number('failureTimeout'),
      failWhileUnreachable: values['failWhileUnreachable'] === true
    }
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
}

/** The editor has JSONata, too. One that is wrong is marked at its field. */
function pickWith(expression: string): ((json: unknown) => unknown) | undefined {
  if (expression === '' || typeof jsonata === 'undefined') return undefined
  try {
    const compiled = jsonata(expression)
    return (json) => compiled.evaluate(json)
  } catch {
    return undefined
  }
}

function element<Kind extends HTMLElement>(id: string, kind: abstract new () => Kind): Kind {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`No element ${id}`)
  return found
}
