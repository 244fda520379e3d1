import { isJsonObject } from '../../../src/json-text.ts'
import { readJson } from './body-template.ts'
import { formFields, isData, isPart, type CurlData } from './curl-data.ts'
import type { CurlOption } from './curl-options.ts'
import { hasVariable, plainWord } from './curl-words.ts'
import { entryRow, shownHeader, type Slots } from './import-header.ts'
import { note, told, type ImportNote, type ImportRow, type TokenValues } from './import-row.ts'
import { hasPlaceholder, hasReference, HIDDEN, shownText, shownValue } from './shown-value.ts'

/** Parameters that have a property of their own. */
const PROPERTIES = { scope: 'scope', audience: 'audience', client_id: 'clientId' } as const

/** The grants that the node knows, by `grant_type`. */
const GRANTS = new Map([
  ['client_credentials', 'client_credentials'],
  ['password', 'password'],
  ['urn:ietf:params:oauth:grant-type:jwt-bearer', 'jwt_bearer']
])

/** What its other parameters say about one of them. */
interface WholeRequest {
  /** All resources: here, they are one property. */
  resource: string
  isPasswordGrant: boolean
}

/** The rows of a token request, by the option that they are of. */
export function tokenRows(
  options: readonly CurlOption[],
  slots: Slots
): ReadonlyMap<CurlOption, ImportRow[]> {
  const rows = new Map<CurlOption, ImportRow[]>()
  const pieces = new Map(
    options
      .filter((option) => isData(option) || isPart(option))
      .map((option) => [option, piecesOf(option)])
  )
  const all = [...pieces.values()].flatMap((read) => read ?? [])
  const resources = all.filter(({ name }) => name === 'resource').map(({ text }) => text)
  const request: WholeRequest = {
    resource: resources.join(' '),
    isPasswordGrant: all.some(({ name, text }) => name === 'grant_type' && text === 'password')
  }
  for (const [option, read] of pieces) {
    const isJson = isJsonObject(readJson(plainWord(option.value)))
    const found = (read ?? []).map((piece) => parameterRow(piece, request, slots))
    const whole = told(option.written, shownText(plainWord(option.value)), 'otherFile')
    const about = isJson ? [told(option.written, 'JSON', 'tokenForm')] : []
    rows.set(option, read === undefined ? [whole] : [...about, ...found])
  }
  for (const option of options) {
    if (option.name === 'user') rows.set(option, [clientRow(option.written, option.value)])
    // What stands for a client may be a sentence: `<base64 of id:secret>`.
    const basic = /^authorization\s*:\s*basic\s+([^]+)$/i.exec(option.value.trim())?.[1]
    if (option.name === 'header' && basic !== undefined) {
      const client = fromBase64(basic)
      rows.set(option, [
        client?.includes(':') === true
          ? clientRow(option.written, client)
          : told(
              option.written,
              shownHeader('Authorization', `Basic ${plainWord(basic)}`),
              hasVariable(basic) ? 'entryVariable' : 'placeholder'
            )
      ])
    }
  }
  return rows
}

/** The parameters of an option: fields of a form, or members of a JSON object. */
function piecesOf(option: CurlOption): CurlData[] | undefined {
  const json = readJson(plainWord(option.value))
  if (!isJsonObject(json)) return formFields(option)
  return Object.entries(json).map(([name, value]) => ({
    option,
    name,
    text: typeof value === 'string' ? value : JSON.stringify(value),
    isFile: false
  }))
}

function parameterRow(
  { option, name = '', text, isFile }: CurlData,
  { resource, isPasswordGrant }: WholeRequest,
  slots: Slots
): ImportRow {
  const setting = `${option.written} ${name}`
  const given = shownValue(name, text)
  if (isFile) return told(setting, given, 'otherFile')
  const notes = variableNotes(text)
  const takes = (token: TokenValues, ...more: ImportNote[]): ImportRow => ({
    setting,
    given,
    token,
    notes: [...notes, ...more]
  })
  if (notes.length === 0 && hasReference(text)) return told(setting, given, 'entryVariable')
  if (hasPlaceholder(text)) return told(setting, given, 'placeholder')
  switch (name) {
    case 'grant_type': {
      const known = GRANTS.get(text)
      return known === undefined
        ? told(setting, given, 'grantUnknown')
        : takes(
            { grantType: known },
            ...(isPart(option) || option.written === 'URL' ? [note('tokenForm')] : [])
          )
    }
    case 'client_secret':
      return takes({ clientSecret: text, clientAuth: 'client_secret_post' }, ...secretNotes(notes))
    case 'resource':
      return takes({ resource })
    case 'client_assertion_type':
      return takes({ clientAuth: 'private_key_jwt' })
    case 'client_assertion':
    case 'assertion':
      return told(setting, HIDDEN, 'assertion')
    case 'username':
    case 'password':
      if (isPasswordGrant) {
        return takes({ [name]: text }, ...(name === 'password' ? secretNotes(notes) : []))
      }
  }
  if (Object.hasOwn(PROPERTIES, name)) {
    return takes({ [PROPERTIES[name as keyof typeof PROPERTIES]]: text })
  }
  const options = { form: 'token', list: 'extraParams', slots, takesSecrets: true } as const
  return entryRow(setting, given, name, text, options)
}

/** `ID:SECRET`. curl encodes neither of both. */
function clientRow(setting: string, word: string): ImportRow {
  const value = plainWord(word)
  const [, clientId = '', clientSecret = ''] = /^([^:]*):([^]*)$/.exec(value) ?? ['', value]
  const given = `${shownText(clientId)}:${HIDDEN}`
  const isWhole = [clientId, clientSecret].every(
    (part) => /^\$\{\w+\}$/.test(part) || !hasReference(part)
  )
  if (hasVariable(word) && !isWhole) return told(setting, given, 'entryVariable')
  if (hasPlaceholder(value)) return told(setting, given, 'placeholder')
  const isPlain = encodeURIComponent(clientId + clientSecret) === clientId + clientSecret
  const clientAuth =
    isPlain || hasVariable(word) ? 'client_secret_basic' : 'client_secret_basic_raw'
  const notes = [clientId, clientSecret].flatMap(variableNotes)
  if (clientSecret === '') {
    return { setting, given, token: { clientId, clientAuth }, notes: [note('secretToFill')] }
  }
  return {
    setting,
    given,
    token: { clientId, clientSecret, clientAuth },
    notes: notes.length > 0 ? notes : [note('secretTaken')]
  }
}

function variableNotes(text: string): ImportNote[] {
  const name = /^\$\{(\w+)\}$/.exec(text)?.[1]
  return name === undefined ? [] : [note('variable', { name })]
}

const secretNotes = (notes: readonly ImportNote[]): ImportNote[] =>
  notes.length > 0 ? [] : [note('secretTaken')]

function fromBase64(text: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
