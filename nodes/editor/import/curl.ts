import { isJsonObject } from '../../../src/json-text.ts'
import { outProperties } from '../../settings/hl7-https-out-properties.ts'
import { numberProblem } from '../../settings/property-table.ts'
import { readJson } from './body-template.ts'
import { bodyRows } from './curl-body.ts'
import { curlOptions, type CurlOption } from './curl-options.ts'
import { tokenRows } from './curl-token.ts'
import { hasVariable, plainWord, variableOf, type CurlCommand } from './curl-words.ts'
import { entryRow, headerRow, Slots, type EntryOptions } from './import-header.ts'
import { note, told, type ImportRow, type ImportSource, type NoteKey } from './import-row.ts'
import { importUrl } from './import-url.ts'
import { hasPlaceholder, HIDDEN, shownText } from './shown-value.ts'

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

/** The commands of a text, each as a source: of token requests, and of others. */
export function curlSources(commands: readonly CurlCommand[]): ImportSource[] {
  return commands.flatMap(({ words }) => {
    const options = curlOptions(words)
    const urls = options.filter(({ name, value }) => name === 'url' && isAddress(value))
    // The word in a sentence.
    if (urls.length === 0) return []
    const isTokenRequest = asksForToken(options)
    const host = urls[0] === undefined ? '' : shownText(plainWord(urls[0].value))
    return [
      {
        kind: 'curl',
        name: `curl ${host}`.trim(),
        isTokenRequest,
        rows: (slots) => rows(options, isTokenRequest, new Slots(slots))
      } satisfies ImportSource
    ]
  })
}

/** Whether a word may be an address: `https://…`, `localhost:8443`, `hl7.example.org/in` or a variable. */
function isAddress(word: string): boolean {
  return hasVariable(word) || /:\/\/|^localhost\b|^[\w-]+(?:\.[\w-]+)+(?:[:/?]|$)|^</.test(word)
}

/** Whether its data name a grant, in a form or in JSON. */
function asksForToken(options: readonly CurlOption[]): boolean {
  return options.some(({ name, value }) => {
    if (!/^(?:data|json|form)/.test(name)) return false
    const json = readJson(value)
    return /(?:^|&|\?)grant_type=/.test(value) || (isJsonObject(json) && 'grant_type' in json)
  })
}

function rows(options: readonly CurlOption[], isToken: boolean, slots: Slots): ImportRow[] {
  const body = isToken ? tokenRows(options, slots) : bodyRows(options, slots)
  return options.flatMap((option) => body.get(option) ?? [row(option, isToken, slots)])
}

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
      if (isToken) return told(setting, value, method === 'POST' ? 'asHere' : 'method')
      return ['POST', 'PUT'].includes(method)
        ? { setting, given: value, out: { method }, notes: [] }
        : told(setting, value, 'method')
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
  return told(setting, shownText(value), known ?? 'unknown')
}

function header(setting: string, value: string, options: EntryOptions): ImportRow {
  if (value.startsWith('@')) return told(setting, shownText(value), 'otherFile')
  const [, name = '', text = ''] = /^([^:;]*)[:;]([^]*)$/.exec(value) ?? []
  if (name.trim() === '') return told(setting, shownText(value), 'headerInvalid')
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
  const { url, notes } = importUrl(plainWord(value), true)
  return url === undefined
    ? { setting, given, notes }
    : { setting, given, [form]: { [property]: url }, notes }
}

/** A name and a password: a header of its own. */
function userRow(setting: string, word: string, options: EntryOptions): ImportRow {
  const value = plainWord(word)
  const [, user = '', password = ''] = /^([^:]*):([^]*)$/.exec(value) ?? ['', value]
  const given = `${shownText(user)}:${HIDDEN}`
  if (hasVariable(word) || hasPlaceholder(value)) return told(setting, given, 'basicAuthentication')
  const basic = `Basic ${base64(`${user}:${password}`)}`
  return entryRow(setting, given, 'Authorization', basic, options)
}

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

/** Of UTF-8, as curl sends it. */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
}
