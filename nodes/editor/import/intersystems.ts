import { parseReplyRules } from '../../../src/rules/reply-rules.ts'
import { ReplyRulesError } from '../../../src/rules/reply-rules-error.ts'
import { outProperties } from '../../settings/hl7-https-out-properties.ts'
import { numberProblem } from '../../settings/property-table.ts'
import { numberRow } from './number-row.ts'
import { INTERSYSTEMS_RULES } from '../reply-rule-presets.ts'
import { headerRow, Slots } from './import-header.ts'
import {
  note,
  told,
  type ImportNote,
  type ImportRow,
  type ImportSource,
  type NoteKey,
  type OutValues
} from './import-row.ts'
import { importUrl, type ImportedUrl } from './import-url.ts'
import { isSecretName, shownText, shownValue } from './shown-value.ts'
import { allNamed, type XmlElement } from './xml-tree.ts'

/** Settings that are not taken, and what is said of them. */
const TOLD: Readonly<Record<string, NoteKey>> = {
  SSLConfig: 'tlsConfig',
  ProxyServer: 'proxyNode',
  ProxyPort: 'proxyNode',
  ProxyHTTPS: 'proxyNode',
  ProxyHttpTunnel: 'proxyNode',
  Credentials: 'credentials',
  OAuth2ClientApplicationName: 'oauthElsewhere',
  OAuth2ApplicationName: 'oauthElsewhere',
  OAuth2CallbackHandler: 'notNeeded',
  OAuth2CallBackHandler: 'notNeeded',
  OAuth2AuthProperties: 'oauthElsewhere',
  OAuth2AuthorizationProperties: 'oauthElsewhere',
  OAuth2AuthorizationWorkflowRole: 'notNeeded',
  OAuth2AuthorizationWorkFlowRole: 'notNeeded',
  AlertOnError: 'alertOnError',
  AlertGroups: 'alertOnError',
  BusinessPartner: 'contact',
  ArchiveIO: 'archive',
  SearchTableClass: 'searchTable',
  Schedule: 'schedule',
  IPAddress: 'mllpAddress',
  Port: 'mllpAddress',
  Framing: 'framing',
  GetReply: 'replyAlways',
  StayConnected: 'connections',
  ReconnectRetry: 'connections',
  DisconnectOnExtraData: 'connections',
  WriteTimeout: 'notNeeded',
  LocalInterface: 'noCounterpart',
  UseCookies: 'noCounterpart',
  Chunked: 'notNeeded',
  ChunkSize: 'notNeeded',
  SendSuperSession: 'notNeeded',
  MessageSchemaCategory: 'notNeeded',
  Validation: 'validation',
  Separators: 'separators',
  AutoBatchParentSegs: 'notNeeded',
  Category: 'notNeeded',
  ClassName: 'className',
  Comment: 'description',
  Description: 'description',
  Foreground: 'notNeeded',
  LogTraceEvents: 'notNeeded',
  ReadRawMode: 'notNeeded',
  WriteRawMode: 'notNeeded',
  DisableErrorTraps: 'notNeeded'
}

/** Of these, what is off there is off here. */
const OFF_AS_HERE = ['AlertOnError', 'ArchiveIO', 'UseCookies', 'ProxyHTTPS', 'ProxyHttpTunnel']

/** Numbers that mean here what they mean there. */
const NUMBERS = {
  ConnectTimeout: 'connectTimeout',
  ResponseTimeout: 'responseTimeout',
  QueueCountAlert: 'queueCountAlert',
  QueueWaitAlert: 'queueWaitAlert',
  AlertRetryGracePeriod: 'callAfter',
  InactivityTimeout: 'inactivityAlert'
} as const satisfies Record<string, keyof typeof outProperties>

/** Of settings that an export leaves out because they have their default, those that are not the default here. */
const THEIR_DEFAULTS = {
  RetryInterval: '5',
  ConnectTimeout: '5',
  ResponseTimeout: '30',
  PoolSize: '1'
} as const

const PLACEMENTS: readonly string[] = outProperties.tokenPlacement.words

/** The items of a production that send: those over HTTP first. */
export function intersystemsSources(root: XmlElement): ImportSource[] {
  const items = allNamed(root, 'Item').filter((item) => sendsHttp(item) || isHl7Operation(item))
  const ordered = [...items.filter(sendsHttp), ...items.filter((item) => !sendsHttp(item))]
  return ordered.map((item) => ({
    kind: 'intersystems',
    name: item.attributes['Name'] ?? item.attributes['ClassName'] ?? '',
    isTokenRequest: asksForToken(item),
    rows: (slots) => new Item(item, new Slots(slots)).rows()
  }))
}

const settingsOf = (item: XmlElement): XmlElement[] =>
  item.children.filter(({ name }) => name === 'Setting')

/** The name of its class. None is longer than 220 characters. */
const classOf = (item: XmlElement): string => item.attributes['ClassName']?.slice(0, 220) ?? ''

/** By its settings, not its class: who uses OAuth there has a class of their own. */
function sendsHttp(item: XmlElement): boolean {
  const className = classOf(item)
  if (/(?:Service|Process)\.|Service$/.test(className)) return false
  const names = settingsOf(item).map(({ attributes }) => attributes['Name'] ?? '')
  const isHttpClass = /Operation\.(?:HTTP|REST)|HTTP\w*Operation/i.test(className)
  return isHttpClass || names.includes('HTTPServer') || names.includes('URL')
}

/** Whether it only fetches tokens, as its address says: `/connect/token`, `/as/token.oauth2`, `/oauth2/access_token`. */
const asksForToken = (item: XmlElement): boolean =>
  settingsOf(item).some(
    ({ attributes, text }) =>
      attributes['Name'] === 'URL' && /(?:^|\/)(?:access_?)?token(?:\.oauth2)?$/i.test(text.trim())
  )

/** Another operation whose rules and times may be of use: HL7 over MLLP. */
function isHl7Operation(item: XmlElement): boolean {
  const hasRules = settingsOf(item).some(
    ({ attributes, text }) => attributes['Name'] === 'ReplyCodeActions' && text.trim() !== ''
  )
  return hasRules || /HL7\.Operation\.TCP|HL7\w*TCP\w*Operation/.test(classOf(item))
}

/** An item of a production: its attributes and settings, each as a row, and the defaults that it leaves out. */
class Item {
  readonly #item: XmlElement
  readonly #slots: Slots
  readonly #values = new Map<string, string>()
  /** Read once: several settings are parts of it. */
  #url: ImportedUrl | undefined
  #backupUrl: ImportedUrl | undefined

  constructor(item: XmlElement, slots: Slots) {
    this.#item = item
    this.#slots = slots
    for (const [name, value] of Object.entries(item.attributes)) this.#values.set(name, value)
    for (const { attributes, text } of settingsOf(item)) {
      this.#values.set(attributes['Name'] ?? '', text.trim())
    }
  }

  rows(): ImportRow[] {
    const attributes = Object.entries(this.#item.attributes).filter(([, value]) => value !== '')
    const settings = settingsOf(this.#item).map(
      ({ attributes: { Name = '' }, text }) => [Name, text.trim()] as const
    )
    const others = this.#item.children.filter(({ name }) => name !== 'Setting')
    const isToken = asksForToken(this.#item)
    return [
      ...[...attributes, ...settings].map(([name, value]) =>
        isToken ? this.#tokenRow(name, value) : this.#row(name, value)
      ),
      ...others.map(({ name, text }) => told(name, shownValue(name, text), 'unknown')),
      ...(isToken ? [] : this.#defaults())
    ]
  }

  #get(name: string): string {
    return this.#values.get(name) ?? ''
  }

  #isOwnClass(): boolean {
    return !this.#get('ClassName').startsWith('EnsLib.')
  }

  /** Whether its settings are those of an HL7 operation; of a class of their own it is assumed, and that is said. */
  #isHl7(): boolean {
    return this.#isOwnClass() || this.#get('ClassName').startsWith('EnsLib.HL7.')
  }

  /** Of an operation that only fetches tokens: what says for whom and from where is for the OAuth 2.0 node. */
  #tokenRow(setting: string, value: string): ImportRow {
    const given = shownValue(setting, value)
    switch (setting.toLowerCase().replace(/^oauth2|[^a-z]/g, '')) {
      case 'clientid':
        return { setting, given, token: { clientId: value }, notes: [] }
      case 'scope':
        return { setting, given, token: { scope: value }, notes: [] }
      case 'granttype':
        return grantRow(setting, value)
      case 'credentials':
        return told(setting, shownText(value), value === '' ? 'empty' : 'exportSecret')
    }
    const { out, ...row } = this.#row(setting, value)
    if (out?.url !== undefined) return { ...row, token: { tokenEndpoint: out.url } }
    if (out?.name !== undefined) return { ...row, token: { name: out.name } }
    return out === undefined ? row : told(setting, given, 'notNeeded')
  }

  #row(setting: string, value: string): ImportRow {
    const known = Object.hasOwn(TOLD, setting) ? TOLD[setting] : undefined
    // `Credentials` is the name of an entry elsewhere.
    const given = known === undefined ? shownValue(setting, value) : shownText(value.trim())
    const takes = (out: OutValues, ...notes: ImportNote[]): ImportRow => ({
      setting,
      given,
      out,
      notes
    })
    switch (setting) {
      case 'Name':
        return takes({ name: value })
      case 'Enabled':
        return told(setting, given, isFalse(value) ? 'disabled' : 'asHere')
      case 'HTTPServer':
      case 'HTTPPort':
      case 'URL':
        return this.#address(setting, given)
      case 'BackupHTTPServer':
      case 'BackupHTTPPort':
        return this.#backupAddress(setting, given)
      case 'RetriesToFailover':
        return this.#backupAfter(setting, value)
      case 'SSLCheckServerIdentity':
        return told(setting, given, isFalse(value) ? 'identityUnchecked' : 'asHere')
      case 'RetryInterval':
        return this.#number(setting, value, ['retryInterval', 'retryMaxInterval'], 'fixedWait')
      case 'FailureTimeout':
        return this.#failureTimeout(setting, value)
      case 'NoFailWhileDisconnected':
        return Number(this.#get('FailureTimeout') || '-1') > 0
          ? takes({ failWhileUnreachable: isFalse(value) })
          : told(setting, given, 'noTimeout')
      case 'ReplyCodeActions':
        return value === ''
          ? this.#defaultRules(setting)
          : takes({ replyCodeActions: value }, ...ruleNotes(value, this.#isForEver()))
      case 'ExtraHeaders':
        return this.#headers(setting, value)
      case 'DefCharEncoding':
        if (value === '') return told(setting, given, 'asHere')
        return value.startsWith('!')
          ? takes({ charset: charsetName(value.slice(1)) })
          : told(setting, given, 'charsetFallback')
      case 'PoolSize':
        return this.#poolSize(setting, value)
      case 'ThrottleDelay':
        return Number(value) > 0
          ? takes({ maxPerSecond: rounded(1000 / Number(value)) }, note('throttle'))
          : told(setting, given, 'asHere')
      case 'OAuth2GrantType':
        return grantRow(setting, value)
      case 'OAuth2AccessTokenPlacement':
        return PLACEMENTS.includes(value.toLowerCase())
          ? takes(
              { tokenPlacement: value.toLowerCase() },
              ...(value.toLowerCase() === 'query' ? [note('tokenInQuery')] : [])
            )
          : told(setting, given, 'unknown')
      case 'OAuth2Scope':
        return { setting, given, token: { scope: value }, notes: [] }
      case 'OAuth2JWTSubject':
        return { setting, given, token: { assertionSubject: value }, notes: [] }
    }
    if (Object.hasOwn(NUMBERS, setting)) {
      return this.#number(setting, value, [NUMBERS[setting as keyof typeof NUMBERS]])
    }
    if (OFF_AS_HERE.includes(setting) && isFalse(value)) return told(setting, given, 'asHere')
    if (known !== undefined) return told(setting, given, value === '' ? 'empty' : known)
    return told(setting, given, isSecretName(setting) ? 'exportSecret' : 'unknown')
  }

  /** Server, port and path are one URL. */
  #address(setting: string, given: string): ImportRow {
    const server = this.#get('HTTPServer')
    const isWhole = /^https?:\/\//i.test(this.#get('URL'))
    if (server === '' && !isWhole) return told(setting, given, 'serverElsewhere')
    this.#url ??= isWhole
      ? importUrl(this.#get('URL'), true)
      : this.#urlOf(server, this.#get('HTTPPort'))
    const { url, notes } = this.#url
    // Said once, with the server.
    const isFirst = setting === (server === '' ? 'URL' : 'HTTPServer')
    const said = isFirst || url === undefined ? notes : []
    return url === undefined
      ? { setting, given, notes: said }
      : { setting, given, out: { url }, notes: said }
  }

  /** Of another server, with the same path. */
  #backupAddress(setting: string, given: string): ImportRow {
    const server = this.#get('BackupHTTPServer')
    if (server === '') return told(setting, given, 'empty')
    this.#backupUrl ??= this.#urlOf(server, this.#get('BackupHTTPPort'))
    const { url, notes } = this.#backupUrl
    if (url === undefined) return { setting, given, notes }
    const said = setting === 'BackupHTTPServer' ? [...notes, note('backup')] : []
    return { setting, given, out: { backupUrl: url }, notes: said }
  }

  /** There, so many retries turn to it; here, the time that they take. */
  #backupAfter(setting: string, value: string): ImportRow {
    const given = shownValue(setting, value)
    const seconds =
      Number(value) * Number(this.#get('RetryInterval') || THEIR_DEFAULTS.RetryInterval)
    // None would leave it to an operator.
    const fits = seconds > 0 && numberProblem(String(seconds), outProperties.backupAfter) === ''
    if (!fits) return told(setting, given, 'numberUnfit')
    return { setting, given, out: { backupAfter: String(seconds) }, notes: [note('backupAfter')] }
  }

  #urlOf(given: string, port: string): ImportedUrl {
    const server = given.replace(/\/$/, '')
    // A name, and nothing that belongs to the other two.
    const isServer = /^(?:[\p{L}\p{M}\p{N}_.-]+|\[[\da-f:.]+\])(?::\d+)?$/iu.test(server)
    if (!isServer) return { url: undefined, notes: [note('urlUnreadable')] }
    const isTls = this.#get('SSLConfig') !== '' || isTrue(this.#get('ProxyHTTPS'))
    const path = this.#get('URL').replace(/^\/*/, '/')
    const authority = `${server}${port === '' ? '' : `:${port}`}`
    return importUrl(`${isTls ? 'https' : 'http'}://${authority}${path}`, true)
  }

  #number(
    setting: string,
    value: string,
    properties: readonly (keyof typeof outProperties)[],
    ...keys: NoteKey[]
  ): ImportRow {
    const row = { setting, given: shownValue(setting, value) }
    return numberRow(row, value, properties, 'numberUnfit', keys)
  }

  #isForEver(): boolean {
    return Number(this.#get('FailureTimeout') || (this.#isHl7() ? '-1' : '15')) < 0
  }

  /** There, an outage counts too; for ever is any negative number. */
  #failureTimeout(setting: string, value: string): ImportRow {
    const given = shownValue(setting, value)
    if (value.trim() === '' || Number.isNaN(Number(value))) {
      return told(setting, given, 'numberUnfit')
    }
    if (Number(value) < 0) return { setting, given, out: { failureTimeout: '-1' }, notes: [] }
    const out = { failureTimeout: String(Number(value)) }
    if (Number(value) === 0) return { setting, given, out, notes: [] }
    // Only where nothing else says so: this setting is of TCP, and counts connections.
    const counts = isTrue(this.#get('NoFailWhileDisconnected'))
      ? {}
      : { failWhileUnreachable: true }
    return { setting, given, out: { ...out, ...counts }, notes: [note('outageCounts')] }
  }

  #headers(setting: string, value: string): ImportRow {
    const pieces = splitHeaders(value)
    const options = {
      form: 'out',
      list: 'headers',
      slots: this.#slots,
      takesSecrets: false
    } as const
    const rows = pieces.map(([name, text]) => headerRow(setting, name, text, options))
    const entries = rows.flatMap(({ out }) => (typeof out?.headers === 'object' ? out.headers : []))
    const type = rows.find(({ out }) => out?.contentType !== undefined)?.out
    const out: OutValues = { ...(entries.length > 0 ? { headers: entries } : {}), ...type }
    const notes = rows.flatMap((row) => row.notes)
    const given = rows.map((row) => row.given).join(', ')
    return { setting, given, ...(Object.keys(out).length > 0 ? { out } : {}), notes: unique(notes) }
  }

  #poolSize(setting: string, value: string): ImportRow {
    const given = shownValue(setting, value)
    if (Number(value) <= 1) return { setting, given, out: { order: 'fifo' }, notes: [] }
    const row = this.#number(setting, value, ['maxInFlight'], 'poolSize')
    return row.out === undefined ? row : { ...row, out: { order: 'none', ...row.out } }
  }

  /** What is meant where a setting is absent, if that is not the default here. */
  #defaults(): ImportRow[] {
    const absent = (name: string): boolean => !this.#values.has(name)
    const rows: ImportRow[] = Object.entries(THEIR_DEFAULTS)
      .filter(([name]) => absent(name))
      .map(([name, value]) => this.#row(name, value))
    if (absent('FailureTimeout')) {
      const row = this.#failureTimeout('FailureTimeout', this.#isHl7() ? '-1' : '15')
      const unsure = this.#isOwnClass() ? [note('ownClass'), note('otherClass')] : []
      rows.push({ ...row, notes: [...row.notes, ...unsure] })
    }
    const byDefault = rows.map((row): ImportRow => ({
      ...row,
      given: '',
      notes: [note('theirDefault', { value: row.given }), ...row.notes]
    }))
    if (absent('ReplyCodeActions')) byDefault.push(this.#defaultRules('ReplyCodeActions'))
    if (this.#get('HTTPServer') === '' && this.#get('URL') === '' && absent('IPAddress')) {
      byDefault.push(told('HTTPServer', '', 'serverElsewhere'))
    }
    return byDefault
  }

  #defaultRules(setting: string): ImportRow {
    if (!this.#isHl7()) return told(setting, '', 'rulesNotHl7')
    const replyCodeActions = INTERSYSTEMS_RULES
    const notes = [
      note('theirDefault', { value: replyCodeActions }),
      ...(this.#isOwnClass() ? [note('ownClass')] : []),
      ...ruleNotes(replyCodeActions, this.#isForEver())
    ]
    return { setting, given: '', out: { replyCodeActions }, notes }
  }
}

/** What is to be said of rules that are taken as they are. */
function ruleNotes(text: string, isForEver: boolean): ImportNote[] {
  const notes: ImportNote[] = []
  try {
    const { rules } = parseReplyRules(text)
    const holds = rules.some(
      (rule) => rule.retry && /[:@]/.test(rule.text) && !/R\d/.test(rule.action)
    )
    if (isForEver && holds) notes.push(note('rejectHolds'))
  } catch (error) {
    if (!(error instanceof ReplyRulesError)) throw error
    notes.push(note('rulesUnreadable'))
  }
  if (text.includes(':T?')) notes.push(note('typeNarrower'))
  return notes
}

/** `Name:Value`, separated by commas; a piece without a name belongs to the value before it. */
function splitHeaders(text: string): [name: string, value: string][] {
  const pieces: [string, string][] = []
  for (const piece of text.split(',')) {
    const [, name, value] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*:([^]*)$/.exec(piece) ?? []
    const last = pieces.at(-1)
    if (name !== undefined && value !== undefined) pieces.push([name, value.trim()])
    else if (last !== undefined) last[1] += `,${piece}`
  }
  return pieces
}

function grantRow(setting: string, value: string): ImportRow {
  const given = shownValue(setting, value)
  const key = value.toLowerCase().replace(/[^a-z]/g, '')
  const grantType = key.includes('client')
    ? 'client_credentials'
    : key.includes('jwt')
      ? 'jwt_bearer'
      : key.includes('password')
        ? 'password'
        : undefined
  if (grantType === undefined) return told(setting, given, 'grantUnknown')
  return { setting, given, token: { grantType }, notes: [] }
}

/** How InterSystems calls some character sets that have another name elsewhere. */
function charsetName(name: string): string {
  const known = new Map([
    ['latin1', 'iso-8859-1'],
    ['latin2', 'iso-8859-2'],
    ['latin9', 'iso-8859-15'],
    ['cp1250', 'windows-1250'],
    ['cp1251', 'windows-1251'],
    ['cp1252', 'windows-1252'],
    ['utf8', 'utf-8'],
    ['ascii', 'us-ascii']
  ])
  const given = name.trim().toLowerCase()
  return known.get(given.replaceAll('-', '')) ?? given
}

const isFalse = (value: string): boolean =>
  ['0', 'false', 'no'].includes(value.trim().toLowerCase())
const isTrue = (value: string): boolean => ['1', 'true', 'yes'].includes(value.trim().toLowerCase())
const rounded = (number: number): string => String(Math.round(number * 1000) / 1000)

function unique(notes: readonly ImportNote[]): ImportNote[] {
  return notes.filter((one, at) => notes.findIndex(({ key }) => key === one.key) === at)
}
