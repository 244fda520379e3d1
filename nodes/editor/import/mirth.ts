import type { outProperties } from '../../settings/hl7-https-out-properties.ts'
import { numberRow } from './number-row.ts'
import {
  jsonTemplate,
  MESSAGE,
  MESSAGE_NAME,
  readJson,
  textTemplate,
  templateRow,
  type BodyTemplate
} from './body-template.ts'
import {
  contentTypeRow,
  entryRow,
  headerRow,
  isBytes,
  isUtf8,
  shownHeader,
  Slots,
  typeAndCharset,
  type EntryOptions
} from './import-header.ts'
import {
  note,
  told,
  type ImportRow,
  type ImportSource,
  type NoteKey,
  type OutValues
} from './import-row.ts'
import { importUrl } from './import-url.ts'
import { mirthRules } from './mirth-rules.ts'
import { hasReference, HIDDEN, isSecret, isSecretName, shownValue } from './shown-value.ts'
import { allNamed, childOf, textOf, xmlElement, type XmlElement } from './xml-tree.ts'

const HTTP = /HttpDispatcherProperties$/
const SOAP = /WebServiceDispatcherProperties$/

/** Settings that are not taken, and what is said of them. */
const TOLD: Readonly<Record<string, NoteKey>> = {
  sendFirst: 'sendFirst',
  regenerateTemplate: 'notNeeded',
  includeFilterTransformer: 'notNeeded',
  resourceIds: 'notNeeded',
  queueBufferSize: 'notNeeded',
  reattachAttachments: 'attachments',
  responseXmlBody: 'replyAutomatic',
  responseParseMultipart: 'replyAutomatic',
  responseIncludeMetadata: 'replyAutomatic',
  responseBinaryMimeTypes: 'replyAutomatic',
  responseBinaryMimeTypesRegex: 'replyAutomatic',
  originalMessageControlId: 'replyIds',
  originalIdMapVariable: 'replyIds',
  wsdlUrl: 'wsdl',
  service: 'wsdl',
  port: 'wsdl',
  operation: 'wsdl',
  wsdlDefinitionMap: 'wsdl',
  oneWay: 'replyAlways',
  waitForPrevious: 'notNeeded',
  metaDataId: 'notNeeded',
  mode: 'notNeeded',
  transportName: 'asHere',
  description: 'description'
}

/** Of these, a value that is not empty is told, and `false` is what it is here. */
const TOLD_IF_SET: Readonly<Record<string, NoteKey>> = {
  useProxyServer: 'proxyNode',
  proxyAddress: 'proxyNode',
  proxyPort: 'proxyNode',
  useAuthentication: 'basicAuthentication',
  authenticationType: 'basicAuthentication',
  usePreemptiveAuthentication: 'notNeeded',
  username: 'basicAuthentication',
  useHeadersVariable: 'listVariable',
  headersVariable: 'listVariable',
  headerVariables: 'listVariable',
  isUseHeadersVariable: 'listVariable',
  useParametersVariable: 'listVariable',
  parametersVariable: 'listVariable',
  dataTypeBinary: 'binary',
  useMtom: 'attachments',
  attachmentNames: 'attachments',
  attachmentContents: 'attachments',
  attachmentTypes: 'attachments',
  attachmentsVariable: 'attachments',
  isUseAttachmentsVariable: 'attachments'
}

/** Settings that are in use only if another one says so. */
const USED_IF: Readonly<Record<string, string>> = {
  proxyAddress: 'useProxyServer',
  proxyPort: 'useProxyServer',
  authenticationType: 'useAuthentication',
  username: 'useAuthentication',
  headersVariable: 'useHeadersVariable',
  parametersVariable: 'useParametersVariable'
}

/** The destinations of channels that send over HTTP. */
export function mirthSources(root: XmlElement): ImportSource[] {
  const channels = allNamed(root, 'channel')
  const inChannels = channels.flatMap((channel) =>
    allNamed(channel, 'connector').map((connector) => ({ channel, connector }))
  )
  const known = new Set(inChannels.map(({ connector }) => connector))
  const alone = allNamed(root, 'connector')
    .filter((connector) => !known.has(connector))
    .map((connector) => ({ channel: undefined, connector }))
  return [...inChannels, ...alone]
    .filter(({ connector }) => kindOf(connector) !== undefined)
    .map(({ channel, connector }) => ({
      kind: 'mirth',
      name: [textOf(channel, 'name'), textOf(connector, 'name')]
        .filter((name) => name !== '')
        .join(' – '),
      isTokenRequest: false,
      rows: (slots) => new Destination(connector, channel, new Slots(slots)).rows()
    }))
}

function kindOf(connector: XmlElement): 'http' | 'soap' | undefined {
  const className = childOf(connector, 'properties')?.attributes['class'] ?? ''
  const transport = textOf(connector, 'transportName')
  if (HTTP.test(className) || transport === 'HTTP Sender') return 'http'
  return SOAP.test(className) || transport === 'Web Service Sender' ? 'soap' : undefined
}

/** A destination: each of its settings as a row; what runs before and behind it by number. */
class Destination {
  readonly #connector: XmlElement
  readonly #channel: XmlElement | undefined
  readonly #properties: XmlElement | undefined
  readonly #queue: XmlElement | undefined
  readonly #validation: XmlElement | undefined
  readonly #slots: Slots
  readonly #format: string
  readonly #rules: OutValues

  constructor(connector: XmlElement, channel: XmlElement | undefined, slots: Slots) {
    this.#connector = connector
    this.#channel = channel
    this.#slots = slots
    const properties = childOf(connector, 'properties')
    this.#properties = properties === undefined ? undefined : asToday(properties)
    // Its name in versions before 3.0 was that of a queue.
    this.#queue = ['destinationConnectorProperties', 'queueConnectorProperties']
      .map((name) => childOf(this.#properties, name))
      .find((found) => found !== undefined)
    const response = childOf(connector, 'responseTransformer')
    // Of what comes in; what the response transformer makes of it has no say.
    const validation = childOf(
      childOf(response, 'inboundProperties'),
      'responseValidationProperties'
    )
    const hasCodes = childOf(validation, 'successfulACKCode') !== undefined
    this.#validation = hasCodes ? validation : undefined
    this.#format = this.#formatOf()
    this.#rules = this.#rulesOf()
  }

  rows(): ImportRow[] {
    const own = this.#connector.children.filter(
      ({ name }) => !['properties', 'transformer', 'responseTransformer', 'filter'].includes(name)
    )
    return [
      ...own.map((one) => secondRow(this.#connector, one) ?? this.#row(one, '')),
      ...this.#settings(this.#properties, ''),
      ...this.#validationRows(),
      ...this.#steps()
    ]
  }

  /** The settings within an element; those that have settings of their own, with their name in front. */
  #settings(element: XmlElement | undefined, path: string): ImportRow[] {
    return (element?.children ?? []).flatMap((child) => {
      if (child === this.#queue) return this.#settings(child, '')
      const second = path === '' ? secondRow(element, child) : undefined
      if (second !== undefined) return [second]
      if (['headers', 'parameters'].includes(child.name)) return this.#entries(child)
      const isMap =
        child.name === 'wsdlDefinitionMap' ||
        child.children.some(({ name }) => ['entry', 'string'].includes(name))
      if (child.children.length > 0 && !isMap && path.length < 100) {
        return this.#settings(child, `${path}${child.name.split('.').at(-1) ?? ''}.`)
      }
      return [this.#row(child, path)]
    })
  }

  #row(element: XmlElement, path: string): ImportRow {
    const { name } = element
    const setting = `${path}${name}`
    const value = flatText(element)
    // Never read: an export has it in clear.
    if (isSecretName(name)) {
      return told(setting, value === '' ? '' : HIDDEN, value === '' ? 'empty' : 'exportSecret')
    }
    // A list within a setting may hold secrets, and nothing says which.
    const isList = name === 'headerVariables' && value !== ''
    const given = isList ? '…' : shownValue(name, value)
    const takes = (out: OutValues, ...keys: NoteKey[]): ImportRow => ({
      setting,
      given,
      out,
      notes: keys.map((key) => note(key))
    })
    if (path !== '') return told(setting, given, value === '' ? 'empty' : pluginNote(setting))
    switch (name) {
      case 'name':
        return takes({ name: value })
      case 'enabled':
        return told(setting, given, value === 'false' ? 'disabled' : 'asHere')
      case 'host':
      case 'locationURI':
        return this.#address(setting, given, value)
      case 'method':
        return ['POST', 'PUT'].includes(value.toUpperCase())
          ? takes({ method: value.toUpperCase() })
          : told(setting, given, 'method')
      case 'contentType':
        return ['form', 'multipart'].includes(this.#format)
          ? told(setting, given, 'formatHasType')
          : contentTypeRow(setting, given, this.#typeAsSent(value), this.#format)
      case 'charset':
        return this.#charset(setting, given, value)
      case 'multipart':
        return isOn(value)
          ? takes({ format: 'multipart' }, 'multipart')
          : told(setting, given, 'asHere')
      case 'content':
      case 'envelope':
        return this.#body(setting, given, value)
      case 'soapAction':
        return value === ''
          ? told(setting, given, 'empty')
          : headerRow(
              setting,
              'SOAPAction',
              `"${value.replaceAll('"', '')}"`,
              this.#options('headers')
            )
      case 'socketTimeout':
        return this.#seconds(setting, value, ['responseTimeout'])
      case 'retryIntervalMillis':
      case 'reconnectMillisecs':
        return this.#seconds(setting, value, ['retryInterval', 'retryMaxInterval'], 'fixedWait')
      case 'retryCount':
        return this.#retryCount(setting, value)
      case 'queueEnabled':
      case 'queue':
      case 'usePersistentQueues':
        return this.#hasQueue()
          ? takes({ failureTimeout: '-1', ...this.#rules }, 'queueForEver')
          : told(setting, given, 'queueAlways')
      case 'rotate':
      case 'rotateQueue':
      case 'threadCount':
      case 'threadAssignmentVariable':
        return this.#order(setting, value)
      case 'validateResponse':
        return this.#validates()
          ? takes(this.#rules)
          : { ...takes({ replyCodeActions: this.#acceptingRules() }, 'notValidating'), tick: true }
    }
    if (Object.hasOwn(TOLD, name)) return told(setting, given, TOLD[name] ?? 'unknown')
    if (Object.hasOwn(TOLD_IF_SET, name)) {
      const isUsed =
        !['', 'false', '0'].includes(value) && this.#get(USED_IF[name] ?? '') !== 'false'
      const isDigest = name === 'authenticationType' && !/^basic$/i.test(value)
      const key = isDigest ? 'authentication' : (TOLD_IF_SET[name] ?? 'unknown')
      return told(setting, given, isUsed ? key : 'asHere')
    }
    return told(setting, given, value === '' ? 'empty' : 'unknown')
  }

  #get(name: string): string {
    return textOf(this.#queue, name) || textOf(this.#properties, name)
  }

  #options(list: EntryOptions['list']): EntryOptions {
    return { form: 'out', list, slots: this.#slots, takesSecrets: false }
  }

  #hasQueue(): boolean {
    return [this.#get('queueEnabled'), this.#get('usePersistentQueues')].some(isOn)
  }

  /** It looks at acknowledgements only if the response is read as HL7 v2. */
  #validates(): boolean {
    return this.#get('validateResponse') === 'true' && this.#validation !== undefined
  }

  #rulesOf(): OutValues {
    const replyCodeActions = mirthRules({
      hasQueue: this.#hasQueue(),
      retryCount: Number(this.#get('retryCount')) || 0,
      validates: this.#validates(),
      successful: textOf(this.#validation, 'successfulACKCode'),
      error: textOf(this.#validation, 'errorACKCode'),
      rejected: textOf(this.#validation, 'rejectedACKCode'),
      checksId: textOf(this.#validation, 'validateMessageControlId') === 'true'
    })
    return replyCodeActions === '' ? {} : { replyCodeActions }
  }

  /** Every 2xx is accepted, whatever stands in it. */
  #acceptingRules(): string {
    return mirthRules({
      hasQueue: this.#hasQueue(),
      retryCount: Number(this.#get('retryCount')) || 0,
      validates: false,
      accepts2xx: true
    })
  }

  #address(setting: string, given: string, value: string): ImportRow {
    if (value === '') return told(setting, given, setting === 'host' ? 'urlUnreadable' : 'wsdl')
    const query = this.#format === 'form' ? [] : entriesOf(childOf(this.#properties, 'parameters'))
    const variable = /^\$\{env\.get\(['"](\w+)['"]\)\}$/.exec(value)?.[1]
    if (variable !== undefined) {
      const notes = [note('variable', { name: variable })]
      return { setting, given, out: { url: `\${${variable}}` }, notes }
    }
    const { url, notes } = importUrl(value, true)
    if (url === undefined) return { setting, given, notes }
    const whole = new URL(url)
    const taken = query.filter(([name, text]) => !hasReference(text) && !isSecret(name, text))
    const more = new URLSearchParams(taken).toString()
    whole.search = [whole.search.slice(1), more].filter((part) => part !== '').join('&')
    return { setting, given, out: { url: whole.href }, notes }
  }

  /** There, the character set is added to a content type that names none. */
  #typeAsSent(type: string): string {
    const charset = textOf(this.#properties, 'charset')
    const isAdded = this.#format === 'raw' && charset !== '' && charset !== 'DEFAULT_ENCODING'
    return isAdded && typeAndCharset(type).charset === '' ? `${type}; charset=${charset}` : type
  }

  /** There, a character set that the content type names wins. */
  #charset(setting: string, given: string, value: string): ImportRow {
    if (value === '' || value === 'DEFAULT_ENCODING') return told(setting, given, 'charsetFallback')
    const charset = value.toLowerCase()
    if (!isBytes(this.#format) && !isUtf8(charset)) return told(setting, given, 'bodyUtf8')
    const isNamed = typeAndCharset(textOf(this.#properties, 'contentType')).charset !== ''
    if (isNamed && this.#format === 'raw') return told(setting, given, 'charsetInType')
    return { setting, given, out: { charset }, notes: [] }
  }

  #formatOf(): string {
    if (this.#properties !== undefined && kindOf(this.#connector) === 'soap') return 'text'
    if (isOn(textOf(this.#properties, 'multipart'))) return 'multipart'
    const parameters = entriesOf(childOf(this.#properties, 'parameters'))
    const type = textOf(this.#properties, 'contentType')
    if (/^application\/x-www-form-urlencoded/i.test(type) && parameters.length > 0) return 'form'
    const content = textOf(this.#properties, 'content')
    if (content === '' || isMessage(content) || isVariable(content)) return 'raw'
    return isJson(content, type) ? 'json' : 'text'
  }

  #body(setting: string, given: string, value: string): ImportRow {
    if (this.#format === 'form') return told(setting, given, 'formWithoutContent')
    if (this.#format === 'multipart') return told(setting, given, 'multipart')
    if (value === '') return told(setting, given, 'empty')
    if (this.#format === 'raw') {
      if (isVariable(value) && !isMessage(value)) {
        return { setting, given, out: { format: 'raw' }, notes: [note('contentVariable')] }
      }
      const type = this.#madeElsewhere()
      const notes = type === undefined ? [] : [note('madeElsewhere', { type })]
      return { setting, given, out: { format: 'raw' }, notes }
    }
    const type = setting === 'envelope' ? 'text/xml' : textOf(this.#properties, 'contentType')
    const format = isJson(value, type) ? 'json' : 'text'
    const read = readTemplate(value, type)
    if (read === undefined) {
      return { setting, given, out: { format }, notes: [note('templateVariable')] }
    }
    const isSoap12 = value.includes('http://www.w3.org/2003/05/soap-envelope')
    const contentType =
      setting === 'envelope'
        ? { contentType: `${isSoap12 ? 'application/soap+xml' : 'text/xml'}; charset=utf-8` }
        : {}
    const out = { format, ...contentType }
    const notes = read.escapes ? [note('templateEscapes')] : []
    return templateRow({ setting, out, notes }, value, read, this.#options('formFields'))
  }

  /** What the transformer makes of the message. `RAW` may be anything: what, the content type says. */
  #madeElsewhere(): string | undefined {
    const type = textOf(childOf(this.#connector, 'transformer'), 'outboundDataType')
    if (type !== 'RAW') return ['', 'HL7V2'].includes(type) ? undefined : type
    return /json|xml/i.exec(textOf(this.#properties, 'contentType'))?.[0].toUpperCase()
  }

  /** Headers, and parameters: of the query, or fields of the form. */
  #entries(element: XmlElement): ImportRow[] {
    const { name: list } = element
    const entries = entriesOf(element)
    if (entries.length === 0) return [told(list, '', 'empty')]
    if (list === 'headers') return entries.map(([name, value]) => this.#header(name, value))
    if (this.#format === 'form') return this.#fields(entries)
    const url = this.#addressWithQuery()
    return entries.map(([name, value]) => {
      const setting = `parameters: ${name}`
      const given = shownValue(name, value)
      if (hasReference(value)) return told(setting, given, 'entryVariable')
      if (url?.startsWith('http') !== true) return told(setting, given, 'queryByHand')
      if (isSecret(name, value)) return told(setting, given, 'exportSecret')
      return { setting, given, out: { url }, notes: [] }
    })
  }

  #header(name: string, value: string): ImportRow {
    const setting = `headers: ${name}`
    const isType = /^content-type$/i.test(name)
    // Which of the two would be sent, is not certain.
    if (isType && textOf(this.#properties, 'contentType') !== '') {
      return told(setting, shownHeader(name, value), 'sameName')
    }
    return headerRow(setting, name, value, { ...this.#options('headers'), format: this.#format })
  }

  /** The fields of a form. The message is one of them, also where a transformer has filled its variable. */
  #fields(entries: readonly [name: string, value: string][]): ImportRow[] {
    const messages = entries.filter(([, value]) => isMessage(value))
    const likely = entries.filter(([name, value]) => isVariable(value) && MESSAGE_NAME.test(name))
    const message = messages[0] ?? (likely.length === 1 ? likely[0] : undefined)
    return entries.map((entry): ImportRow => {
      const [name, value] = entry
      const setting = `parameters: ${name}`
      const given = shownValue(name, value)
      if (entry === message) {
        const notes = isMessage(value) ? [] : [note('contentVariable')]
        return { setting, given, out: { format: 'form', bodyField: name }, notes }
      }
      const row = entryRow(setting, given, name, value, this.#options('formFields'))
      return { ...row, out: { format: 'form', ...row.out } }
    })
  }

  #addressWithQuery(): string | undefined {
    const value = textOf(this.#properties, 'host')
    const url = this.#address('host', '', value).out?.url
    return typeof url === 'string' ? url : undefined
  }

  #seconds(
    setting: string,
    value: string,
    properties: readonly (keyof typeof outProperties)[],
    ...keys: NoteKey[]
  ): ImportRow {
    const row = { setting, given: shownValue(setting, value) }
    const seconds = value === '' ? '' : String(Number(value) / 1000)
    const unfit = Number(value) === 0 ? 'noLimit' : 'numberUnfit'
    return numberRow(row, seconds, properties, unfit, keys)
  }

  /** Attempts behind the first one. With a queue, it tries for ever. */
  #retryCount(setting: string, value: string): ImportRow {
    const given = shownValue(setting, value)
    const count = Number(value)
    if (this.#hasQueue()) return told(setting, given, 'countWithQueue')
    if (!Number.isInteger(count) || count < 0 || count > 999) {
      return told(setting, given, 'numberUnfit')
    }
    if (count === 0) {
      return { setting, given, out: { failureTimeout: '0' }, notes: [note('oneAttempt')] }
    }
    const out = { ...this.#rules, failureTimeout: '-1' }
    return { setting, given, out, notes: [note('retryCount', { number: count })] }
  }

  #order(setting: string, value: string): ImportRow {
    const given = shownValue(setting, value)
    const threads = Number(this.#get('threadCount')) || 1
    const rotates = [this.#get('rotate'), this.#get('rotateQueue')].some(isOn)
    const byKey = this.#get('threadAssignmentVariable') !== '' && threads > 1 && !rotates
    const order = byKey ? 'key' : rotates || threads > 1 ? 'none' : 'fifo'
    switch (setting) {
      case 'threadAssignmentVariable':
        if (value === '') return told(setting, given, 'empty')
        return { setting, given, ...(byKey ? { out: { order } } : {}), notes: [note('orderKey')] }
      case 'threadCount':
        return {
          setting,
          given,
          out: order === 'fifo' ? { order } : { order, maxInFlight: String(threads) },
          notes: threads > 1 && !byKey ? [note('poolSize')] : []
        }
      default:
        return isOn(value)
          ? {
              setting,
              given,
              out: { order, maxInFlight: String(threads) },
              notes: [note('rotate')]
            }
          : told(setting, given, 'asHere')
    }
  }

  /** What the response transformer says about acknowledgements. */
  #validationRows(): ImportRow[] {
    return (this.#validation?.children ?? []).map((element) => {
      const { name } = element
      const setting = `responseValidation.${name}`
      const given = shownValue(name, flatText(element))
      if (Object.hasOwn(TOLD, name)) return told(setting, given, TOLD[name] ?? 'unknown')
      const isKnown = /ACKCode$|^validateMessageControlId$/.test(name)
      if (!isKnown) return told(setting, given, 'unknown')
      if (!this.#validates()) return told(setting, given, 'validationOff')
      return { setting, given, out: this.#rules, notes: [] }
    })
  }

  /** Filters, transformers and scripts belong into nodes before and behind. */
  #steps(): ImportRow[] {
    const count = (element: XmlElement | undefined): number =>
      ['elements', 'rules', 'steps'].reduce(
        (sum, name) => sum + (childOf(element, name)?.children.length ?? 0),
        0
      )
    const of = (name: string, element: XmlElement | undefined, key: NoteKey): ImportRow[] =>
      element === undefined
        ? []
        : [told(name, String(count(element)), count(element) > 0 ? key : 'asHere')]
    const source = childOf(this.#channel, 'sourceConnector')
    const isScript = (name: string): boolean =>
      textOf(this.#channel, name)
        .split('\n')
        .some((line) => !/^(?:\/\/.*|return(?: message)?;)?$/.test(line.trim()))
    const scripts = [
      'preprocessingScript',
      'postprocessingScript',
      'deployScript',
      'undeployScript',
      'shutdownScript'
    ].filter((name) => childOf(this.#channel, name) !== undefined)
    return [
      ...of('filter', childOf(this.#connector, 'filter'), 'stepsBefore'),
      ...of('transformer', childOf(this.#connector, 'transformer'), 'stepsBefore'),
      ...of('responseTransformer', childOf(this.#connector, 'responseTransformer'), 'stepsBehind'),
      ...of('channel.filter', childOf(source, 'filter'), 'stepsBefore'),
      ...of('channel.transformer', childOf(source, 'transformer'), 'stepsBefore'),
      ...(source === undefined
        ? []
        : [told('channel.sourceConnector', textOf(source, 'transportName'), 'sourceConnector')]),
      ...scripts.map((name) =>
        told(`channel.${name}`, isScript(name) ? '…' : '', isScript(name) ? 'stepsBefore' : 'empty')
      ),
      ...this.#channelSettings()
    ]
  }

  /** What a channel has besides its connectors and scripts. */
  #channelSettings(): ImportRow[] {
    const others = this.#channel?.children.filter(
      ({ name }) => !/^(?:sourceConnector|destinationConnectors|\w+Script)$/.test(name)
    )
    return (others ?? []).flatMap((element) => channelRows(element, 'channel.'))
  }
}

/** The row of a setting that is there twice; undefined for the first, which counts. */
const secondRow = (parent: XmlElement | undefined, setting: XmlElement): ImportRow | undefined =>
  setting === childOf(parent, setting.name) ? undefined : told(setting.name, '…', 'sameName')

/** Identity and history of a channel: no settings. */
const IDENTITY =
  /\.(?:id|name|nextMetaDataId|revision|lastModified|userId|dependentIds|dependencyIds)$/

function channelRows(element: XmlElement, path: string): ImportRow[] {
  const setting = `${path}${element.name}`
  const isParent = ['properties', 'exportData', 'metadata', 'pruningSettings'].includes(
    element.name
  )
  if (isParent && element.children.length > 0) {
    return element.children.flatMap((child) => channelRows(child, `${setting}.`))
  }
  const isLibraries = element.name === 'codeTemplateLibraries'
  const given = isLibraries
    ? String(element.children.length)
    : shownValue(element.name, flatText(element))
  if (given === '' || given === '0') return [told(setting, given, 'empty')]
  if (isLibraries) return [told(setting, given, 'stepsBefore')]
  if (IDENTITY.test(setting)) return [told(setting, given, 'notNeeded')]
  if (setting.includes('prun') || setting.includes('messageStorage')) {
    return [told(setting, given, 'pruning')]
  }
  const key = Object.hasOwn(TOLD, element.name) ? TOLD[element.name] : undefined
  return [told(setting, given, key ?? 'noCounterpart')]
}

/** Before 3.0, it is a number. */
const isOn = (value: string): boolean => value === 'true' || value === '1'

/** A variable of Velocity, with braces or without, with the calls behind it. */
const VELOCITY = /\$!?(?:\{([^{}]+)\}|([A-Za-z][\w-]*(?:\.[A-Za-z]\w*|\([^()]*\))*))/g

/** Settings as newer versions write them: by their names, which were attributes before 3.0, and variables in braces. */
function asToday({ name, attributes, children, text }: XmlElement): XmlElement {
  return xmlElement({
    name: name === 'property' ? (attributes['name'] ?? name) : name,
    attributes,
    children: children.map(asToday),
    text: text.replace(
      VELOCITY,
      (_, inBraces?: string, alone?: string) => `\${${inBraces ?? alone ?? ''}}`
    )
  })
}

/** What stands for the message in a template. */
const VARIABLE = /\$\{message\.(?:encodedData|rawData)\}/

/** Whether the text is the message itself and nothing else. */
const isMessage = (text: string): boolean => text.trim().replace(VARIABLE, '') === '' && text !== ''

/** Whether it is one variable and nothing else, which a transformer has filled. */
const isVariable = (text: string): boolean => /^\$\{[^{}]+\}$/.test(text.trim())

const isJson = (text: string, contentType: string): boolean =>
  /json/i.test(contentType) || /^\s*[{[]/.test(text)

/** Reads a template of Velocity; undefined if it holds variables that nobody here knows. */
function readTemplate(text: string, contentType: string): BodyTemplate | undefined {
  const marked = text.replaceAll(new RegExp(VARIABLE, 'g'), MESSAGE)
  if (!marked.includes(MESSAGE) || /\$\{|\$!?[a-z_]|^[ \t]*#\w/im.test(marked)) return undefined
  if (!isJson(text, contentType)) return textTemplate(marked)
  const json = readJson(marked)
  return json === undefined ? undefined : jsonTemplate(json)
}

/** The text of an element and of those within it, such as a map's. */
function flatText({ text, children }: XmlElement): string {
  return children.length === 0 ? text.trim() : children.map(flatText).filter(Boolean).join(', ')
}

/** The entries of a map: a name with a list of values, or in older versions with one value. */
function entriesOf(map: XmlElement | undefined): [name: string, value: string][] {
  return (map?.children ?? []).flatMap((entry) => {
    const name = entry.children[0]?.text.trim() ?? ''
    const second = entry.children[1]
    const values =
      second === undefined || second.children.length === 0
        ? [second?.text.trim() ?? '']
        : second.children.map(({ text }) => text.trim())
    return name === '' ? [] : values.map((value): [string, string] => [name, value])
  })
}

/** What plugins add to a destination: mostly TLS. */
function pluginNote(setting: string): NoteKey {
  return /ssl|tls|cert|cipher|protocol|hostname/i.test(setting) ? 'tlsConfig' : 'unknown'
}
