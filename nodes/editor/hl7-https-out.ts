import { ReplyRulesError } from '../../src/rules/reply-rules-error.ts'
import { tryReplyRules } from '../rules/reply-rule-row.ts'
import { outCredentials, outProperties, outTabs } from '../settings/hl7-https-out-properties.ts'
import { besideToken, outDoubt, outProblem, type Circumstances } from '../settings/out-problems.ts'
import { is, names, type ReadValue } from '../settings/property-table.ts'
import { prepareBodyPresets } from './body-preset-choice.ts'
import { Form } from './form.ts'
import { prepareImport } from './import/import-settings.ts'
import type { OutKey } from '../../src/form-text.ts'
import { LoadedReplyTab } from './loaded-reply-tab.ts'
import { prepareTestMessage, runningId } from './test-message.ts'
import { prepareUnsetVariables } from './unset-variables.ts'
import { hostOf } from './host-of.ts'

/** The content type of each format if the field is empty. */
const contentTypes: Record<string, string> = {
  raw: 'application/hl7-v2',
  mllp: 'application/hl7-v2',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
  json: 'application/json',
  text: 'text/plain; charset=utf-8'
}

/** Whether the chosen OAuth 2.0 node uses DPoP, which sets the scheme and needs the header. */
const usesDpop = (value: ReadValue): boolean =>
  names('auth')(value) && RED.nodes.node(String(value('auth')))?.['dpop'] === true

const form = new Form<OutKey>({
  prefix: 'node-input',
  type: 'hl7-https-out',
  table: outProperties,
  credentials: outCredentials,
  tabs: outTabs,
  rows: {
    'hint.order': is('order', 'fifo'),
    'hint.formFields': is('format', 'json', 'text'),
    sentFields: is('format', 'form', 'multipart'),
    bodyPreset: is('format', 'text'),
    sample: () => $('#hl7-https-out-test-type').val() === ''
  },
  problem,
  nameProblem
})
const { text, words } = form
let reply: LoadedReplyTab | undefined

/** Why a property cannot be used, in words; an empty string if it can, or if it is not used. */
function problem(property: string, value: unknown, read: ReadValue): string {
  const given = String(value).trim()
  if (property === 'replyCodeActions' && reply?.isListed() === true) return ruleProblem(given)
  const circumstances: Circumstances = { read, usesDpop: usesDpop(read), isCodec, text }
  return (
    outProblem(property, given, circumstances) ||
    outDoubt(property, given, circumstances) ||
    (property === 'bodyTemplate' || property === 'replyPath' ? jsonataProblem(given) : '')
  )
}

const isCodec = (name: string): boolean => CHARSET_NAMES.includes(name)

/** In a list, a position in the text says nothing. */
function ruleProblem(given: string): string {
  const rules = tryReplyRules(given)
  return rules instanceof ReplyRulesError ? text(`ruleMistake.${rules.mistake}`) : ''
}

function jsonataProblem(expression: string): string {
  if (expression === '') return ''
  const answer = RED.utils.validateTypedProperty(expression, 'jsonata', {})
  return answer === true ? '' : answer
}

function nameProblem(property: string, name: string, read: ReadValue): string {
  return property === 'headers' ? words(besideToken(name, { read, usesDpop: usesDpop(read) })) : ''
}

function prepare(node: EditorNode): void {
  form.prepare(node)
  prepareBodyPresets(form)

  const showPlaceholders = (): void => {
    const format = String($('#node-input-format').val())
    const input = document.getElementById('node-input-contentType')
    if (input instanceof HTMLInputElement) input.placeholder = contentTypes[format] ?? ''
    const template = document
      .getElementById('node-input-bodyTemplate')
      ?.parentElement?.querySelector('input.red-ui-typedInput-input')
    if (template instanceof HTMLInputElement) {
      template.placeholder = format === 'json' ? '{"message": $message}' : ''
    }
  }
  $('#node-input-format').on('change', showPlaceholders)
  showPlaceholders()

  const opened = new LoadedReplyTab(form, node)
  reply = opened
  prepareTestMessage(form, node, (last) => {
    opened.showLastTest(last)
  })
  prepareImport(form, 'out')
  prepareUnsetVariables(form, runningId(node) ?? node.id)
  document.getElementById('hl7-https-out-rules-help')?.addEventListener('click', (event) => {
    event.preventDefault()
    RED.sidebar.help.show('hl7-https-out')
  })
}

function save(node: EditorNode): void {
  reply?.save()
  form.save(node)
}

/** Called by the inline `registerType` of hl7-https-out.html. */
const hl7HttpsOutForm = {
  prepare,
  save,
  cancel: form.cancel,
  problem: form.problem,
  hostOf
}
Object.assign(window, { hl7HttpsOutForm })
