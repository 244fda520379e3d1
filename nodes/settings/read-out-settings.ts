import { readFileSync } from 'node:fs'
import type { Node, NodeAPI } from 'node-red'
import type { CourierSettings } from '../../src/delivery/courier.ts'
import type { DeliveryOptions } from '../../src/delivery/delivery-options.ts'
import type { AlertSettings } from '../../src/delivery/alerts.ts'
import { Inactivity, parseTimes } from '../../src/delivery/inactivity.ts'
import type { CertificateDates } from '../../src/http-client/certificates.ts'
import { hasBlankAround, usesSecret } from '../../src/oauth2/answer-hints.ts'
import { withoutFiles } from '../../src/oauth2/check-settings.ts'
import type { TokenTrials } from '../../src/oauth2/token-trials.ts'
import { printable } from '../../src/printable.ts'
import { english } from '../../src/english.ts'
import { parseReplyRules, type ReplyRules } from '../../src/rules/reply-rules.ts'
import { ReplyRulesError } from '../../src/rules/reply-rules-error.ts'
import { charsetOfLabel, isCodec } from '../../src/hl7/charset.ts'
import { readPath, type Hl7Path } from '../../src/hl7/path.ts'
import type { UndiciClientSettings } from '../../src/http-client/undici-client.ts'
import { escapeXml } from '../../src/hl7-over-http/escape-xml.ts'
import {
  headerNameProblem,
  headerValueProblem
} from '../../src/hl7-over-http/http-header-problem.ts'
import { labelledCharset } from '../../src/hl7-over-http/labelled-charset.ts'
import type { NamedValue, ReceiverSettings } from '../../src/hl7-over-http/receiver.ts'
import type { BodyTemplate } from '../../src/hl7-over-http/request-body.ts'
import { targetUrl } from '../../src/hl7-over-http/target-url.ts'
import { Secrets } from '../../src/secret-file.ts'
import {
  deployedConfigNodes,
  hasClientCertificate,
  readConnection,
  type FindConfigNode
} from './connection.ts'
import { compileJsonata, jsonataProblem } from './jsonata.ts'
import { outForm } from './form-words.ts'
import {
  readNamedValues,
  readsVariables,
  secretsInHeaders,
  type OutProblem
} from './named-values.ts'
import type { Credentials, NodeSource } from './node-source.ts'
import { authParts, type AuthParts } from './auth-parts.ts'
import { contentDaysKept, outProperties } from './hl7-https-out-properties.ts'
import {
  besideToken,
  judgedProperties,
  outDoubt,
  outProblem,
  type Circumstances
} from './out-problems.ts'
import { isUnset, Properties } from './properties.ts'
import { contactOf } from './contact.ts'
import { setting, SETTINGS, type Bytes, type BytesSetting } from './settings-js.ts'
import { parseSearchFields, searchFieldsProblem, type SearchField } from './search-fields.ts'

/** The servers that can refuse, as they are named to operators. */
export interface ServerNames {
  /** Host and port of the receiver, and of its backup; `''` if it has none. */
  host: string
  backup: string
  /** Of the token server, and who this node is there; `''` if it has none. */
  server: string
  client: string
  /** Of the proxy; `''` if the node names none. */
  proxy: string
  /** How tokens are asked for; `''` if none are. */
  grant: string
  /** The client proves who it is with a secret, not with a key, a certificate or a file. */
  hasSecret: boolean
  /** The secret begins or ends with a blank, which nobody sees. */
  isBlankAround: boolean
}

/** All settings of a sending node. */
export interface OutSettings {
  client: UndiciClientSettings
  receiver: ReceiverSettings
  courier: Omit<CourierSettings, 'receiver'>
  delivery: Pick<
    DeliveryOptions<unknown>,
    | 'order'
    | 'maxInFlight'
    | 'maxPerSecond'
    | 'retry'
    | 'failureTimeoutMs'
    | 'failWhileUnreachable'
    | 'applicationAckMs'
    | 'queueLimit'
    | 'keepsAccepted'
  >
  /** The second address of the receiver; undefined if it has none. */
  backup: { url: URL; afterMs: number } | undefined
  charset: string
  /** Where the key of a message is; undefined unless the order is `key`. */
  orderKey: { path: Hl7Path; text: string } | undefined
  queue: 'disk' | 'memory'
  journalDays: number
  /** For so many days the content of a message that has left is kept; at most as long as the journal. */
  contentDays: number
  /** So many bytes of such contents are kept at most. */
  mostKeptBytes: number
  /** The fields by whose values messages can be found. */
  searchFields: SearchField[]
  alerts: AlertSettings
  /** Somebody is needed once nothing has got through for so many milliseconds. */
  callAfterMs: number
  /** Undefined: nobody is told when nothing comes in. */
  inactivity: Inactivity | undefined
  /** Whom to call about the receiver; `''`: nobody is named. */
  contact: string
  names: ServerNames
  responseTimeoutMs: number
  /** Undefined: no token is tried for before a message needs one. */
  tokenTrials: TokenTrials | undefined
  /** The token server's, as seen last. */
  tokenServerCertificate: () => CertificateDates | undefined
  /** When the client secret ends; undefined if nobody has said so. */
  secretExpires: CertificateDates | undefined
  /** Presented to the token server. */
  tokenClientCertificate: () => CertificateDates | undefined
  /** Whether an expression for the body reads variables; a test does not show the body then. */
  isBodyFromVariables: boolean
  /** Settings that work, but that the user should know about. */
  warnings: string[]
}

type OutProperties = Properties<typeof outProperties>

/**
 * Reads the properties of a sending node.
 *
 * @param node whose variables and context its expressions read; null if it is not deployed
 * @param find the config nodes that they name
 * @returns the settings, or every problem in words; and the environment variables without a value
 */
export function readOutSettings(
  RED: NodeAPI,
  node: Node | null,
  { config, written, credentials }: NodeSource,
  find: FindConfigNode = deployedConfigNodes(RED)
): { settings: OutSettings | undefined; problems: readonly string[]; unset: readonly string[] } {
  const properties = new Properties(outProperties, outForm, config, written)
  const { problems, unset } = properties
  const connection = readConnection(RED, properties, find)
  const auth = readAuth(properties, find)
  const warnings: string[] = []

  // The token may be bound to the certificate with which it was fetched, however the client
  // authenticated (RFC 8705 §3).
  let { tls, tlsFiles } = connection
  if (hasClientCertificate(auth?.tls) && !hasClientCertificate(tls)) {
    const { cert, key, pfx, passphrase } = auth?.tls ?? {}
    tls = { ...tls, ...defined({ cert, key, pfx, passphrase }) }
    const { ca: _, ...ofCertificate } = auth?.tlsFiles ?? {}
    tlsFiles = { ...tlsFiles, ...ofCertificate }
  }

  const receiver = readReceiver(RED, node, properties, credentials, auth, warnings)
  const backupUrl = receiver?.backupUrl
  const rules = readRules(properties)
  let charset = properties.filled('charset').trim()
  const label = receiver && labelledCharset(receiver)
  if (charset.toLowerCase() === 'auto') charset = label ?? charset
  else if (label !== undefined && charsetOfLabel(label)?.codec !== charsetOfLabel(charset)?.codec) {
    const words = english('log', 'warning.charsetDiffers', { charset, label })
    warnings.push(`${outForm.label('charset')}: ${words}`)
  }
  const order = properties.choice('order')
  const queue = properties.choice('queue')
  const keyText = properties.text('orderKey').trim()
  const keyPath = order === 'key' ? readPath(keyText) : undefined
  const maxInFlight = properties.number('maxInFlight')
  const failureTimeout = properties.number('failureTimeout')
  const journalDays = properties.number('journalDays')
  const keepContents = properties.choice('keepContents')
  const contentDays = properties.number('contentDays')
  const kept = { queue, keepContents, contentDays, journalDays }
  const replyPath = properties.text('replyPath')
  const pick = compile(properties, 'replyPath', () => compileJsonata(RED, node, replyPath))

  const settings: Omit<OutSettings, 'receiver' | 'courier' | 'isBodyFromVariables'> & {
    receiver: ReceiverSettings | undefined
    rules: ReplyRules | undefined
  } = {
    client: {
      tls,
      tlsFiles,
      proxy: connection.proxy,
      // One more is open while the other address is asked.
      maxConnections: (order === 'fifo' ? 1 : maxInFlight) + (backupUrl === undefined ? 0 : 1),
      connectTimeoutMs: 1000 * properties.number('connectTimeout'),
      maxResponseBytes: readBytes(RED, problems, 'hl7HttpsOutMaxReplyBytes')
    },
    receiver,
    rules,
    delivery: {
      order,
      maxInFlight,
      maxPerSecond: properties.number('maxPerSecond'),
      retry: {
        intervalMs: 1000 * properties.number('retryInterval'),
        maxIntervalMs: 1000 * properties.number('retryMaxInterval')
      },
      failureTimeoutMs: failureTimeout < 0 ? Number.POSITIVE_INFINITY : 1000 * failureTimeout,
      failWhileUnreachable: properties.flag('failWhileUnreachable'),
      applicationAckMs: 1000 * properties.number('applicationAckTimeout'),
      queueLimit: properties.number('queueLimit'),
      keepsAccepted: keepContents === 'all'
    },
    backup: backupUrl && {
      url: backupUrl,
      afterMs: 1000 * properties.number('backupAfter')
    },
    charset,
    orderKey: keyPath && { path: keyPath, text: keyText },
    queue,
    journalDays,
    contentDays: contentDaysKept((name) => kept[name as keyof typeof kept]),
    mostKeptBytes: readBytes(RED, problems, 'hl7HttpsOutMaxKeptBytes'),
    searchFields: readSearchFields(properties),
    alerts: {
      count: properties.number('queueCountAlert'),
      waitSeconds: properties.number('queueWaitAlert')
    },
    callAfterMs: 1000 * properties.number('callAfter'),
    inactivity: readInactivity(properties),
    contact: contactOf(properties.text('contact')),
    names: {
      host: receiver?.url.host ?? '',
      backup: backupUrl?.host ?? '',
      server: printable(auth?.host ?? ''),
      client: printable(auth?.settings.clientId ?? ''),
      proxy: printable(URL.parse(connection.proxy?.url ?? '')?.host ?? ''),
      grant: auth?.settings.grantType ?? '',
      hasSecret: auth !== undefined && usesSecret(withoutFiles(auth.settings)),
      isBlankAround: auth !== undefined && hasBlankAround(withoutFiles(auth.settings))
    },
    responseTimeoutMs: 1000 * properties.number('responseTimeout'),
    tokenTrials: auth?.tokens?.trials,
    tokenServerCertificate: () => auth?.tokens?.certificate,
    secretExpires: auth?.secretExpires,
    tokenClientCertificate: () => auth?.tokens?.clientCertificate,
    warnings
  }
  const secrets = readSecrets(properties, credentials, receiver)
  if (problems.length > 0 || settings.receiver === undefined || settings.rules === undefined) {
    return { settings: undefined, problems, unset }
  }
  return {
    settings: {
      ...settings,
      receiver: settings.receiver,
      isBodyFromVariables:
        readsVariables(properties.text('bodyTemplate')) ||
        settings.receiver.formFields.some(({ isOfVariables }) => isOfVariables),
      courier: {
        tokens: auth?.tokens?.forReceiver(settings.receiver.url.href),
        backupTokens: backupUrl && auth?.tokens?.forReceiver(backupUrl.href),
        rules: settings.rules,
        reply: pick === undefined ? {} : { pick },
        secrets
      }
    },
    problems,
    unset
  }
}

/** What nothing may show: the values of variables and credentials. */
function readSecrets(
  properties: OutProperties,
  credentials: Credentials,
  receiver: ReceiverSettings | undefined
): Secrets {
  const { url, backupUrl, headers = [], formFields = [] } = receiver ?? {}
  // It is shown where it is sent.
  const { sample: _, ...hidden } = credentials
  const texts = properties.unwrittenTexts(hidden, headers, formFields)
  const secrets = [...texts, ...secretsInHeaders(headers, texts)]
  // Of a URL from a variable, an answer and an error show the host, but not a key in its path.
  const paths = (
    [
      ['url', url],
      ['backupUrl', backupUrl]
    ] as const
  ).flatMap(([name, known]) => {
    const path = known === undefined ? '/' : known.pathname + known.search
    const isFromVariable = properties.rawText(name) !== properties.text(name)
    return isFromVariable && path !== '/' ? [path] : []
  })
  const inFiles = [...headers, ...formFields].map(({ value }) => value)
  return new Secrets([...secrets, ...paths], inFiles)
}

/** How the problems of the config node begin. */
export const OF_AUTH = `${outForm.label('auth')}, `

function readAuth(properties: OutProperties, find: FindConfigNode): AuthParts | undefined {
  const id = properties.text('auth')
  if (id === '') return undefined
  // An unset variable has already been reported.
  if (isUnset(id)) return undefined
  const node = find(id)
  const parts = node === null ? undefined : authParts.get(node)
  if (node === null) properties.addProblem('auth', english('log', 'problem.missingNode'))
  else if (parts === undefined) properties.addProblem('auth', english('log', 'problem.otherType'))
  properties.unset.push(...(parts?.unset ?? []))
  for (const problem of parts?.problems ?? []) {
    // That Node.js is too old has been said.
    if (!properties.problems.includes(problem)) properties.problems.push(`${OF_AUTH}${problem}`)
  }
  return parts
}

function readReceiver(
  RED: NodeAPI,
  node: Node | null,
  properties: OutProperties,
  credentials: Credentials,
  auth: AuthParts | undefined,
  warnings: string[]
): ReceiverSettings | undefined {
  const usesDpop = auth?.tokens?.proofs !== undefined
  const circumstances: Circumstances = {
    read: properties.read,
    usesDpop,
    isCodec,
    text: (key, values) => english('forms', key, values)
  }
  judge(properties, circumstances, warnings)
  const { url } = targetUrl(properties.text('url'))
  const backupUrl = targetUrl(properties.text('backupUrl')).url
  const tokenPlacement = properties.choice('tokenPlacement')
  if (auth !== undefined && tokenPlacement === 'query') {
    warnings.push(`${outForm.label('tokenPlacement')}: ${english('forms', 'hint.tokenPlacement')}`)
  }
  const headerProblem = ({ name, user, value }: NamedValue): OutProblem | undefined => {
    // The base64 of a password can be sent, whatever is in it.
    const fixed = typeof value === 'string' && user === undefined ? value : undefined
    const inValue = fixed === undefined ? undefined : headerValueProblem(fixed)
    return besideToken(name, circumstances) ?? headerNameProblem(name, fixed) ?? inValue
  }
  const headers = readNamedValues(RED, node, properties, 'headers', credentials, headerProblem)
  const formFields = readNamedValues(RED, node, properties, 'formFields', credentials)
  const template = properties.text('bodyTemplate')
  const bodyTemplate = properties.applies('bodyTemplate')
    ? compile(properties, 'bodyTemplate', () => compileTemplate(RED, node, template))
    : undefined
  const others = {
    tokenPlacement,
    authHeader: properties.filled('authHeader').trim(),
    authScheme: usesDpop ? 'DPoP' : properties.text('authScheme').trim(),
    headers,
    formFields,
    userAgent: userAgent(),
    format: properties.choice('format'),
    contentType: properties.text('contentType').trim(),
    bodyField: properties.filled('bodyField'),
    bodyFileName: properties.filled('bodyFileName'),
    bodyPartType: properties.filled('bodyPartType'),
    bodyEncoding: properties.choice('bodyEncoding'),
    bodyTemplate
  }
  return url && { url, backupUrl, ...others }
}

/** The values are bound to one evaluation: concurrent messages do not see each other's. */
function compileTemplate(RED: NodeAPI, node: Node | null, template: string): BodyTemplate {
  const evaluate = compileJsonata(RED, node, template, ['xml', 'uuid'])
  return (message, fields, { input, uuid }) =>
    evaluate(input, { message, fields, xml, uuid: () => uuid('template') })
}

/** `$xml` of a template. Like JSONata's own functions, it returns nothing for nothing. */
function xml(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string') return escapeXml(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new TypeError('$xml expects a text')
}

/** A number of bytes in settings.js. */
function readBytes(RED: NodeAPI, problems: string[], name: BytesSetting): number {
  const { default: usual, least, most }: Bytes = SETTINGS[name]
  const given = setting(RED, name)
  const bytes = given === undefined ? usual : given
  const isWhole = typeof bytes === 'number' && Number.isSafeInteger(bytes)
  if (isWhole && bytes >= least && bytes <= (most ?? bytes)) return bytes
  const values = { name, min: digits(least), max: digits(most ?? 0) }
  const key = most === undefined ? 'problem.bytesMin' : 'problem.bytes'
  problems.push(english('log', key, values))
  return usual
}

function readInactivity(properties: Properties<typeof outProperties>): Inactivity | undefined {
  const limit = properties.number('inactivityAlert')
  if (!(limit > 0)) return undefined
  return new Inactivity(limit, parseTimes(properties.text('inactivityTimes')) ?? [])
}

function readSearchFields(properties: OutProperties): SearchField[] {
  const text = properties.text('searchFields')
  const isRead = properties.applies('searchFields') && searchFieldsProblem(text) === ''
  return isRead ? parseSearchFields(text) : []
}

/** @returns undefined for a mistake, which is a problem */
function readRules(properties: OutProperties): ReplyRules | undefined {
  try {
    return parseReplyRules(properties.text('replyCodeActions'))
  } catch (error) {
    if (error instanceof ReplyRulesError) return undefined
    throw error
  }
}

let product: string | undefined

/** Package name and version, but nothing about the machine. */
function userAgent(): string {
  if (product === undefined) {
    // Of dist/nodes as of nodes/settings, two directories up.
    const file = new URL('../../package.json', import.meta.url)
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }
    product = `node-red-hl7-https-out/${version}`
  }
  return product
}

/** @returns undefined for an empty property, and for a mistake, which is a problem */
function compile<Result>(
  properties: OutProperties,
  name: 'replyPath' | 'bodyTemplate',
  read: () => Result
): Result | undefined {
  if (properties.text(name).trim() === '') return undefined
  try {
    return read()
  } catch (error) {
    properties.addProblem(name, jsonataProblem(error))
    return undefined
  }
}

/** Adds what the form says of the properties, too. */
function judge(properties: OutProperties, circumstances: Circumstances, warnings: string[]): void {
  for (const name of judgedProperties) {
    const value = properties.text(name)
    // An unset variable has already been reported.
    if (isUnset(value) || !properties.applies(name)) continue
    const problem = outProblem(name, value, circumstances)
    const doubt = outDoubt(name, properties.filled(name), circumstances)
    if (problem !== '') properties.addProblem(name, problem)
    else if (doubt !== '') warnings.push(`${outForm.label(name)}: ${doubt}`)
  }
}

/** A number with separators between thousands. */
function digits(number: number): string {
  return number.toLocaleString('en-US')
}

function defined<Values extends object>(values: Values): Partial<Values> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined)
  ) as Partial<Values>
}
