import { html, nothing, render, type TemplateResult } from 'lit-html'
import type { OutKey } from '../../src/form-text.ts'
import type { ReplyRules } from '../../src/rules/reply-rules.ts'
import { durationWords } from '../rules/duration-words.ts'
import { replyLines, type ReplyLine } from '../rules/reply-lines.ts'
import { contentDaysKept } from '../settings/hl7-https-out-properties.ts'
import { elementOf } from './element-of.ts'
import type { Form } from './form.ts'
import { isOutputWired } from './output-wires.ts'
import type { SaidOfRule } from './reply-rule-element.ts'
import { ReplyRuleList } from './reply-rule-list.ts'
import { presetOf, replyRulePresets, type ReplyRulePreset } from './reply-rule-presets.ts'
import { testedMessage, trialSettings } from './trial-settings.ts'

const prefix = 'hl7-https-out-rules'
const DAY = 86_400

/** The presets that need a word of warning. */
const NOTED = ['statusDecides', 'suspendRefusals', 'suspendTimeouts'] as const

/**
 * The *Reply* tab: a preset, what becomes of each kind of reply, and behind a button the rules themselves, which own ones
 * show at once.
 */
export class ReplyTab {
  readonly #form: Form<OutKey>
  readonly #node: EditorNode
  readonly #list: ReplyRuleList
  readonly #parts = {
    preset: elementOf(`${prefix}-preset`, HTMLSelectElement),
    change: elementOf(`${prefix}-change`, HTMLButtonElement),
    back: elementOf(`${prefix}-back`, HTMLButtonElement),
    lines: elementOf(`${prefix}-lines`, HTMLElement),
    rules: elementOf(prefix, HTMLElement),
    more: elementOf('hl7-https-out-reply-more', HTMLElement),
    text: elementOf('node-input-replyCodeActions', HTMLTextAreaElement)
  }
  /** The preset of the rules; undefined of own ones. */
  #preset: ReplyRulePreset | undefined
  /** The preset to go back to. */
  #last: ReplyRulePreset | undefined
  /** The user's own rules, to return to from a preset. */
  #own: string | undefined
  /** *Change the rules* was pressed. */
  #isChanging = false
  /** What the lines were made of. */
  #told = ''

  constructor(form: Form<OutKey>, node: EditorNode) {
    this.#form = form
    this.#node = node
    const { back, change, preset, text } = this.#parts
    this.#list = new ReplyRuleList(form.text, text, () => {
      this.#changed()
    })
    this.#changed()
    preset.addEventListener('change', () => {
      const chosen = preset.value as ReplyRulePreset | ''
      this.#isChanging = false
      this.#list.enter(chosen === '' ? (this.#own ?? '') : replyRulePresets[chosen])
    })
    change.addEventListener('click', () => {
      this.#isChanging = true
      this.#show()
      back.focus()
    })
    back.addEventListener('click', () => {
      this.#isChanging = false
      this.#list.enter(replyRulePresets[this.#last ?? 'default'])
      this.#show()
      preset.focus()
    })
    $(form.root()).on('change keyup input', () => {
      this.#show()
      void this.#tell()
    })
  }

  /** The rules as they are now; undefined if they cannot be read. */
  rules(): ReplyRules | undefined {
    return this.#list.rules()
  }

  /** Whether they are in sight as a list, which says at each rule what it makes of a reply. */
  isListed(): boolean {
    const list = document.getElementById(`${prefix}-view-list`)
    return !this.#parts.rules.hidden && list?.hidden === false
  }

  showTrial(said: readonly SaidOfRule[]): void {
    this.#list.showTrial(said)
  }

  save(): void {
    this.#list.save()
  }

  #changed(): void {
    const { value } = this.#parts.text
    this.#preset = presetOf(value)
    if (this.#preset === undefined) this.#own = value
    else this.#last = this.#preset
    const { preset } = this.#parts
    preset.value = this.#preset ?? ''
    const own = [...preset.options].find((option) => option.value === '')
    if (own) own.hidden = this.#own === undefined
    this.#show()
    // The list calls this while it is made.
    void Promise.resolve().then(() => this.#tell())
  }

  #show(): void {
    if (!this.#form.isOpen()) return
    const { back, change, more, rules } = this.#parts
    const isOpen = this.#isChanging || this.#preset === undefined
    rules.hidden = !isOpen
    change.hidden = isOpen
    back.hidden = !isOpen || this.#last === undefined
    const { format, replyPath } = this.#form.settings()
    more.hidden = !isOpen && format !== 'json' && replyPath === ''
  }

  /** Says what becomes of each kind of reply. */
  async #tell(): Promise<void> {
    const { lines } = this.#parts
    if (!this.#form.isOpen() || !lines.isConnected) return
    const rules = this.rules()
    const settings = rules && trialSettings(this.#form, rules, testedMessage())
    const now = this.#form.settings()
    const kept = contentDaysKept((name) => now[name]) || 0
    const made = JSON.stringify([settings, this.#preset, kept])
    if (made === this.#told) return
    this.#told = made
    const { text } = this.#form
    const told = settings && (await replyLines(settings, text, RED.i18n.lang()))
    // Something else was chosen meanwhile.
    if (this.#told === made) render(told ? this.#view(told, kept) : nothing, lines)
  }

  #view(told: readonly ReplyLine[], daysKept: number): TemplateResult {
    const { text } = this.#form
    const noted = NOTED.find((one) => one === this.#preset)
    const days = durationWords(DAY * daysKept, RED.i18n.lang())
    return html`<dl class="hl7-https-lines">
        ${told.map(
          ({ follows, kinds }) =>
            html`<div>
              <dt>${kinds}</dt>
              <dd>${follows}</dd>
            </div>`
        )}
      </dl>
      <div class="hl7-https-hint hl7-https-wide">
        ${noted === undefined ? nothing : html`<p>${text(`presetNote.${noted}`)}</p>`}
        <p>${daysKept > 0 ? text('rules.keptHere', { days }) : text('rules.notKept')}</p>
        ${
          isOutputWired(this.#node, 1)
            ? nothing
            : html`<p id="hl7-https-out-nak-unwired">${text('rules.nakUnwired')}</p>`
        }
      </div>`
  }
}
