import { createForm, type Form, type ReadValue } from './form.ts'
import { createFormTabs } from './form-tabs.ts'
import { isHl7Path, isToken, namedValue, namedValueProblem } from './named-value.ts'
import { createNamedValueList, type NamedValueList } from './named-value-list.ts'
import { numberProblem, type NumberBounds } from './number-problem.ts'
import { showSecretSlots } from './secret-slots.ts'
import { hostOf, isVariable, urlProblem } from './url-problem.ts'

/** Bounds of the numeric properties; seconds, or counts where `integer` stands. */
const numbers: Record<string, NumberBounds> = {
  retryInterval: { min: 0 },
  retryMaxInterval: { min: 0 },
  failureTimeout: { min: 0, special: -1 },
  connectTimeout: { min: 0.001 },
  responseTimeout: { min: 0.001 },
  maxInFlight: { min: 1, integer: true },
  queueLimit: { min: 1, integer: true },
  queueCountAlert: { min: 0, integer: true },
  queueWaitAlert: { min: 0 }
}

/** The content type that each format sends when the field is empty. */
const contentTypes: Record<string, string> = {
  raw: 'application/hl7-v2',
  mllp: 'application/hl7-v2',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
  json: 'application/json'
}

const namespace = '@hl7-https/node-red-hl7-https-out/hl7-https-out'
const text: Form['text'] = (key, values) => RED._(`${namespace}:${key}`, values)
const formatIs =
  (...formats: string[]) =>
  (value: ReadValue): boolean =>
    formats.includes(String(value('format')))

const sendsToken = (value: ReadValue): boolean => {
  const auth = value('auth')
  return typeof auth === 'string' && auth !== '' && auth !== '_ADD_'
}
const tokenIn =
  (placement: string) =>
  (value: ReadValue): boolean =>
    sendsToken(value) && value('tokenPlacement') === placement

const form = createForm({
  prefix: 'node-input',
  root: 'hl7-https-out-form',
  namespace,
  numbers: Object.keys(numbers),
  choices: { charset: 'hl7-https-out-charset', failureTimeout: 'hl7-https-out-failureTimeout' },
  rows: {
    tokenPlacement: sendsToken,
    tokenQuery: tokenIn('query'),
    authHeader: tokenIn('header'),
    authScheme: tokenIn('header'),
    bodyField: formatIs('form', 'multipart'),
    multipart: formatIs('multipart'),
    bodyEncoding: formatIs('form', 'multipart', 'json'),
    json: formatIs('json'),
    formFields: formatIs('form', 'multipart'),
    orderKey: (value) => value('order') === 'key',
    maxInFlight: (value) => value('order') !== 'fifo',
    failWhileUnreachable: (value) => Number(value('failureTimeout')) > 0
  },
  problem
})
let lists: NamedValueList[] = []
let resizeTabs: (() => void) | undefined

/** Why a property cannot be used, in words; an empty string where it can, or where it is not used. */
function problem(property: string, value: unknown, read: ReadValue): string {
  const given = typeof value === 'string' ? value.trim() : ''
  const bounds = numbers[property]
  if (bounds !== undefined) {
    if (property === 'maxInFlight' && read('order') === 'fifo') return ''
    return words(numberProblem(value, bounds), { min: bounds.min })
  }
  switch (property) {
    case 'url':
      return words(urlProblem(given))
    case 'tokenPlacement':
      return words(tokenIn('body')(read) && read('format') !== 'form' ? 'tokenBody' : '')
    case 'authHeader':
      if (!tokenIn('header')(read)) return ''
      return words(given !== '' && isToken(given) ? '' : 'headerName')
    case 'authScheme':
      if (!tokenIn('header')(read)) return ''
      return words(given === '' || isToken(given) ? '' : 'authScheme')
    case 'contentType':
    case 'bodyPartType':
      if (property === 'bodyPartType' && read('format') !== 'multipart') return ''
      return words(given === '' || /^[^\s/;,]+\/[^\s/;,]+/.test(given) ? '' : 'contentType')
    case 'charset':
      return words(given === '' ? 'charset' : '')
    case 'bodyField':
      return words(given === '' && formatIs('form', 'multipart')(read) ? 'bodyField' : '')
    case 'orderKey':
      return words(read('order') !== 'key' || isHl7Path(given) ? '' : 'hl7Path')
    case 'headers':
      return listProblem(value, 'header')
    case 'formFields':
      return formatIs('form', 'multipart')(read) ? listProblem(value, 'any') : ''
    default:
      return ''
  }
}

function words(key: string, values?: Record<string, string | number>): string {
  return key === '' ? '' : text(`problem.${key}`, values)
}

function listProblem(value: unknown, names: 'header' | 'any'): string {
  const entries: unknown[] = Array.isArray(value) ? value : []
  for (const entry of entries) {
    const found = words(namedValueProblem(namedValue(entry), names))
    if (found !== '') return found
  }
  return ''
}

function prepare(node: EditorNode): void {
  form.prepare(node)
  for (const property of ['bodyTemplate', 'replyPath']) {
    $(`#node-input-${property}`).typedInput({ types: ['jsonata'] })
  }
  const tabs = createFormTabs(
    'hl7-https-out-tabs',
    ['destination', 'message', 'reply', 'delivery'].map((tab) => ({
      pane: `hl7-https-out-${tab}`,
      label: text(`tab.${tab}`)
    })),
    text('tab.mark')
  )
  resizeTabs = tabs.resize
  form.onMarks(tabs.mark)

  lists = []
  const showSlots = (): void => {
    showSecretSlots(
      node,
      form.root(),
      'node-input',
      lists.flatMap((list) => list.slots())
    )
  }
  const types = ['str', 'env', 'cred', 'msg', 'jsonata', 'hl7'] as const
  lists = (['formFields', 'headers'] as const).map((property) =>
    createNamedValueList(node, {
      property,
      element: `hl7-https-out-${property}`,
      types,
      names: property === 'headers' ? 'header' : 'any',
      text,
      onChange: showSlots
    })
  )
  showSlots()

  const showContentType = (): void => {
    const input = document.getElementById('node-input-contentType')
    const format = String($('#node-input-format').val())
    if (input instanceof HTMLInputElement) input.placeholder = contentTypes[format] ?? ''
  }
  $('#node-input-format').on('change', showContentType)
  showContentType()

  document.getElementById('hl7-https-out-rules-help')?.addEventListener('click', (event) => {
    event.preventDefault()
    RED.sidebar.help.show('hl7-https-out')
  })
}

function save(node: EditorNode): void {
  for (const list of lists) list.save(node)
  form.save(node)
}

/** What the inline `registerType` of hl7-https-out.html calls. */
const hl7HttpsOutForm = {
  prepare,
  save,
  cancel: form.cancel,
  resize: (): void => {
    resizeTabs?.()
  },
  problem: form.problem,
  hostOf: (url: unknown): string => (isVariable(String(url)) ? String(url) : hostOf(url))
}
Object.assign(window, { hl7HttpsOutForm })
