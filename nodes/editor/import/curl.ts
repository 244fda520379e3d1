import { isJsonObject } from '../../../src/json-text.ts'
import { outProperties } from '../../settings/hl7-https-out-properties.ts'
import { numberProblem } from '../../settings/property-table.ts'
import { readJson } from './body-template.ts'
import { bodyRows } from './curl-body.ts'
import { isData } from './curl-data.ts'
import { curlOptions, type CurlOption } from './curl-options.ts'
import { tokenRows } from './curl-token.ts'
import { hasVariable, plainWord, variableOf, type CurlCommand } from './curl-words.ts'
import { entryRow, headerRow, Slots, type EntryOptions } from './import-header.ts'
import { note, told, type ImportRow, type ImportSource, type NoteKey } from './import-row.ts'
import { importUrl } from './import-url.ts'
import { hasPlaceholder, HIDDEN, shownText, shownValue } from './shown-value.ts'

/** Options that are not taken, and what is said of them. */
const TOLD: Readonly<Record<string, NoteKey>> = {
  insecure: 'insecure',
  proxy: 'proxyNode',
  'proxy-user': 'proxyNode',
  preproxy: 'proxyNode',
  proxytunnel: 'proxyNode',
  noproxy: 'proxyNode',
  socks5: 'proxyNode',
  'socks5-hostname': 'proxyNode',
  cert: 'tlsFiles',
  'cert-type': 'tlsFiles',
  key: 'tlsFiles',
  'key-type': 'tlsFiles',
  pass: 'tlsFiles',
  cacert: 'tlsFiles',
  capath: 'tlsFiles',
  pinnedpubkey: 'tlsFiles',
  ciphers: 'tlsVersion',
  'tls-max': 'tlsVersion',
  tlsv1: 'tlsVersion',
  'tlsv1.0': 'tlsVersion',
  'tlsv1.1': 'tlsVersion',
  'tlsv1.2': 'tlsVersion',
  'tlsv1.3': 'tlsVersion',
  ssl: 'tlsVersion',
  location: 'redirects',
  'location-trusted': 'redirects',
  'max-redirs': 'redirects',
  get: 'method',
  head: 'method',
  digest: 'authentication',
  ntlm: 'authentication',
  negotiate: 'authentication',
  anyauth: 'authentication',
  'aws-sigv4': 'authentication',
  basic: 'asHere',
  retry: 'retriesHere',
  'retry-delay': 'retriesHere',
  'retry-max-time': 'retriesHere',
  'retry-all-errors': 'retriesHere',
  'retry-connrefused': 'retriesHere',
  resolve: 'resolve',
  'connect-to': 'resolve',
  interface: 'noCounterpart',
  config: 'otherFile',
  netrc: 'otherFile',
  'netrc-file': 'otherFile'
}

/** Options that are about what is printed, or that this node does anyway. */
const OF_NO_USE =
  /^(?:silent|show-error|verbose|include|output|output-dir|write-out|dump-header|no-buffer|progress-bar|fail|fail-with-body|compressed|globoff|trace(?:-ascii|-time)?|remote-name|stderr|no-progress-meter|no-keepalive|keepalive-time|http1\.[01]|http2|http2-prior-knowledge|http3|ipv[46]|disable|cookie-jar|create-dirs|expect100-timeout|limit-rate|styled-output|tcp-nodelay|path-as-is|raw)$/

/** A query that asks for a token. */
const GRANT_IN_QUERY = /[?&]grant_type=/

interface CurlRequest {
  isToken: boolean
  /** Undefined if none is certain. */
  address: CurlOption | undefined
}

/** The commands of a text, each as a source: of token requests, and of others. Behind `--next` begins another one. */
export function curlSources(commands: readonly CurlCommand[]): ImportSource[] {
  return commands.flatMap(({ words }) => requests(curlOptions(words)).flatMap(requestSource))
}

function requests(options: readonly CurlOption[]): CurlOption[][] {
  const all: CurlOption[][] = [[]]
  for (const option of options) {
    if (option.name === 'next') all.push([])
    else all.at(-1)?.push(option)
  }
  return all
}

function requestSource(given: readonly CurlOption[]): ImportSource[] {
  const [first, other] = addresses(given)
  // The word in a sentence.
  if (first === undefined) return []
  const isToken = asksForToken(given)
  const [address, ...parameters] = isToken ? parametersApart(first) : [first]
  const options = given.flatMap((one) => (one === first ? [address, ...parameters] : [one]))
  // Of several that are not whole, none is certain.
  const request = { isToken, address: other === undefined ? address : undefined }
  return [
    {
      kind: 'curl',
      name: `curl ${shownText(plainWord(first.value))}`.trim(),
      isTokenRequest: isToken,
      rows: (slots) => rows(options, request, new Slots(slots))
    }
  ]
}

/** The words that may be the address: the first whole one, or all others. */
function addresses(options: readonly CurlOption[]): CurlOption[] {
  const found = options.filter(({ name, value }) => name === 'url' && isAddress(value))
  const whole = found.find(({ value }) => value.includes('://'))
  return whole === undefined ? found : [whole]
}

/**
 * Whether a word may be an address: `https://…`, `localhost:8443`, `hl7.example.org/in`, a variable, or one whose host is
 * missing, `/in`, or a placeholder, `[base]/in`.
 */
function isAddress(word: string): boolean {
  return (
    hasVariable(word) ||
    /:\/\/|^localhost\b|^[\w-]+(?:\.[\w-]+)+(?:[:/?]|$)|^<|^\.{0,2}\/\w|^(?:\[\w+\]|\{\{?\w+\}?\})[:/]/.test(
      word
    )
  )
}

/** Whether its data or its query name a grant, in a form or in JSON. */
function asksForToken(options: readonly CurlOption[]): boolean {
  return options.some(({ name, value }) => {
    if (name === 'url') return GRANT_IN_QUERY.test(value)
    if (!/^(?:data|json|form|url-query)/.test(name)) return false
    const json = readJson(value)
    return /(?:^|&|\?)grant_type=/.test(value) || (isJsonObject(json) && 'grant_type' in json)
  })
}

/** Parameters in the query of a token request, as data: here, they are sent as a form. */
function parametersApart(address: CurlOption): [CurlOption, ...CurlOption[]] {
  if (!GRANT_IN_QUERY.test(address.value)) return [address]
  const [, url = '', query = ''] = /^([^?]*)\?([^#]*)/.exec(address.value) ?? []
  const { written } = address
  return [
    { ...address, value: url },
    { name: 'data', written, value: query }
  ]
}

function rows(options: readonly CurlOption[], request: CurlRequest, slots: Slots): ImportRow[] {
  const sent = options.filter((one) => !isEmpty(one))
  const body = request.isToken ? tokenRows(sent, slots) : bodyRows(sent, slots)
  const isBasic = !options.some(({ name }) => TOLD[name] === 'authentication')
  return options.flatMap((option) => {
    const { name, written, value } = option
    if (isEmpty(option)) return [told(written, '', 'empty')]
    if (name === 'url' && option !== request.address) {
      return [told(written, shownText(plainWord(value)), 'oneAddress')]
    }
    if (name === 'user' && !isBasic) return [told(written, shownUser(value), 'authentication')]
    return body.get(option) ?? [row(option, request.isToken, slots)]
  })
}

/** Whether it sends nothing: of data, `-d ''` makes a request a POST, and no more. */
const isEmpty = (option: CurlOption): boolean => isData(option) && option.value === ''

/** An option that is not about the body. */
function row(option: CurlOption, isToken: boolean, slots: Slots): ImportRow {
  const { name, written: setting } = option
  const value = plainWord(option.value)
  const form = isToken ? 'token' : 'out'
  const list = { form, list: 'headers', slots, takesSecrets: true } satisfies EntryOptions
  switch (name) {
    case 'url':
      return addressRow(option, isToken)
    case 'header':
      return header(setting, value, list)
    case 'user-agent':
      return headerRow(setting, 'User-Agent', value, list)
    case 'referer':
      return headerRow(setting, 'Referer', value, list)
    case 'cookie':
      return headerRow(setting, 'Cookie', value, list)
    case 'oauth2-bearer':
      return told(setting, HIDDEN, 'bearer')
    case 'user':
      return userRow(setting, option.value, list)
    case 'request': {
      const method = value.toUpperCase()
      return told(setting, value, method === 'POST' ? 'asHere' : 'method')
    }
    case 'max-time':
      return isToken
        ? told(setting, value, 'asHere')
        : secondsRow(setting, value, 'responseTimeout')
    case 'connect-timeout':
      return isToken ? told(setting, value, 'asHere') : secondsRow(setting, value, 'connectTimeout')
    case 'pass':
    case 'proxy-user':
      return told(setting, HIDDEN, TOLD[name] ?? 'unknown')
    case 'variable':
    case 'expand-user':
      return told(setting, HIDDEN, 'unknown')
    case 'cert':
      // A password may stand behind the file.
      return told(
        setting,
        shownText(value.replace(/(?<=.{2}):[^\\/].*$/, `:${HIDDEN}`)),
        'tlsFiles'
      )
  }
  const known = OF_NO_USE.test(name)
    ? 'notNeeded'
    : Object.hasOwn(TOLD, name)
      ? TOLD[name]
      : undefined
  if (known !== undefined) return told(setting, shownText(value), known)
  return told(setting, shownValue(name, value), 'unknown')
}

function header(setting: string, value: string, options: EntryOptions): ImportRow {
  if (value.startsWith('@')) return told(setting, shownText(value), 'otherFile')
  const [, name = '', sign = '', text = ''] = /^([^:;]*)([:;])([^]*)$/.exec(value) ?? []
  if (name.trim() === '') return told(setting, shownText(value), 'headerInvalid')
  // curl leaves it out; with a semicolon, it sends it without a value.
  if (sign === ':' && text.trim() === '') return told(setting, shownText(value), 'empty')
  if (options.form === 'token' && /^content-type$/i.test(name.trim())) {
    const isForm = /x-www-form-urlencoded/i.test(text)
    return told(setting, shownText(value), isForm ? 'asHere' : 'tokenForm')
  }
  return headerRow(setting, name.trim(), text.trim(), options)
}

function addressRow({ written: setting, value }: CurlOption, isToken: boolean): ImportRow {
  const variable = variableOf(value)
  const property = isToken ? 'tokenEndpoint' : 'url'
  const form = isToken ? 'token' : 'out'
  if (variable !== undefined) {
    const notes = [note('variable', { name: variable })]
    return { setting, given: plainWord(value), [form]: { [property]: `\${${variable}}` }, notes }
  }
  const given = shownText(plainWord(value))
  const { url, notes } = importUrl(plainWord(value), false)
  return url === undefined
    ? { setting, given, notes }
    : { setting, given, [form]: { [property]: url }, notes }
}

/** A name and a password: a header of the type *Basic*. */
function userRow(setting: string, word: string, options: EntryOptions): ImportRow {
  const value = plainWord(word)
  const given = shownUser(word)
  // curl would ask for a password that is not there.
  const isWhole = value.includes(':') && !hasVariable(word) && !hasPlaceholder(value)
  if (!isWhole) return told(setting, given, 'basicAuthentication')
  const [, user = '', password = ''] = /^([^:]*):([^]*)$/.exec(value) ?? []
  return entryRow(setting, given, 'Authorization', password, {
    ...options,
    isKnownSecret: true,
    user
  })
}

const shownUser = (word: string): string =>
  `${shownText(plainWord(word).replace(/:[^]*$/, ''))}:${HIDDEN}`

function secondsRow(
  setting: string,
  value: string,
  property: 'connectTimeout' | 'responseTimeout'
): ImportRow {
  const fits = numberProblem(value, outProperties[property]) === ''
  return fits
    ? { setting, given: value, out: { [property]: String(Number(value)) }, notes: [] }
    : told(setting, shownText(value), 'numberUnfit')
}
