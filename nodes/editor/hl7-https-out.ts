import { parseReplyRules, ReplyRulesError } from '../../src/rules/reply-rules.ts'
import { readPath } from '../../src/hl7/path.ts'
import { typedUrlProblem } from '../../src/http-client/url-problem.ts'
import { headerNameProblem, headerValueProblem } from '../../src/https/header-values.ts'
import {
  outCredentials,
  outProperties,
  outTabs,
  tokenIsHeader
} from '../hl7-https-out-properties.ts'
import { is, names, type ReadValue } from '../property-table.ts'
import { searchFieldsProblem } from '../search-fields.ts'
import { prepareBodyPresets } from './body-preset-choice.ts'
import { createForm } from './form.ts'
import type { OutKey } from './form-text.ts'
import { prepareReplyRules, type ReplyRulesView } from './reply-rule-list.ts'
import { prepareTestMessage } from './test-message.ts'
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

const form = createForm<OutKey>({
  prefix: 'node-input',
  type: 'hl7-https-out',
  table: outProperties,
  credentials: outCredentials,
  tabs: outTabs,
  rows: {
    'hint.formFields': is('format', 'json', 'text'),
    bodyPreset: is('format', 'text')
  },
  problem,
  nameProblem
})
const { text, words } = form
let rules: ReplyRulesView | undefined

/** Why a property cannot be used, in words; an empty string if it can, or if it is not used. */
function problem(property: string, value: unknown, read: ReadValue): string {
  const given = typeof value === 'string' ? value.trim() : ''
  switch (property) {
    case 'url':
      return words(typedUrlProblem(given))
    case 'retryMaxInterval':
      return waitProblem(Number(value), Number(read('retryInterval')))
    case 'tokenPlacement':
      if (given !== 'header' && usesDpop(read)) return words('tokenDpop')
      return words(given === 'body' && read('format') !== 'form' ? 'tokenBody' : '')
    case 'authHeader':
      return given === '' ? '' : words(headerNameProblem(given))
    case 'authScheme':
      return words(headerValueProblem(given))
    case 'charset':
      return words(isCharset(given) ? '' : 'charset')
    case 'contentType':
    case 'bodyPartType':
      return contentTypeProblem(given)
    case 'orderKey':
      return words(readPath(given) === undefined ? 'hl7Path' : '')
    case 'searchFields':
      return words(searchFieldsProblem(given))
    case 'replyCodeActions':
      return rulesProblem(given)
    case 'bodyTemplate':
      return given === '' && read('format') === 'text'
        ? words('bodyTemplate')
        : jsonataProblem(given)
    case 'replyPath':
      return jsonataProblem(given)
    default:
      return ''
  }
}

function waitProblem(longest: number, first: number): string {
  return longest < first ? words('waitBelowFirst', { seconds: first }) : ''
}

function jsonataProblem(expression: string): string {
  if (expression === '') return ''
  const answer = RED.utils.validateTypedProperty(expression, 'jsonata', {})
  return answer === true ? '' : answer
}

/** Where and why the runtime's parser rejects the rules. */
function rulesProblem(rules: string): string {
  try {
    parseReplyRules(rules)
    return ''
  } catch (error) {
    if (!(error instanceof ReplyRulesError)) throw error
    const reason = text(`ruleMistake.${error.mistake}`)
    return words('replyCodeActions', { position: error.position + 1, reason })
  }
}

/** The token has its header, and with DPoP the proof. */
function nameProblem(property: string, name: string, read: ReadValue): string {
  if (property !== 'headers' || !tokenIsHeader(read)) return ''
  if (name.toLowerCase() === 'dpop' && usesDpop(read)) return words('headerReserved')
  const tokenHeader = String(read('authHeader')).trim() || 'Authorization'
  return words(name.toLowerCase() === tokenHeader.toLowerCase() ? 'headerIsToken' : '')
}

function isCharset(label: string): boolean {
  const key = label.toLowerCase().replace(/[^a-z0-9]/g, '')
  return ['', 'auto'].includes(label.toLowerCase()) || CHARSET_NAMES.includes(key)
}

/** A media type (RFC 9110 §8.3.1) that a header can carry; its parameters are not checked. */
function contentTypeProblem(given: string): string {
  if (given === '') return ''
  if (!/^[^\s/;,]+\/[^\s/;,]+/.test(given)) return words('contentType')
  return words(headerValueProblem(given))
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

  rules = prepareReplyRules(text)
  prepareTestMessage(form, node)
  document.getElementById('hl7-https-out-rules-help')?.addEventListener('click', (event) => {
    event.preventDefault()
    RED.sidebar.help.show('hl7-https-out')
  })
}

function save(node: EditorNode): void {
  rules?.save()
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
