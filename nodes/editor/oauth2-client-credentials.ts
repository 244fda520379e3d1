import { is, names, type ReadValue } from '../property-table.ts'
import {
  needsKey,
  showsKey,
  takesSecret,
  tokenCredentials,
  tokenProperties
} from '../oauth2-client-credentials-properties.ts'
import { readStatuses } from '../refused-statuses.ts'
import { namesClientCertificate } from './client-certificate.ts'
import { createForm } from './form.ts'
import type { TokenKey } from './form-text.ts'
import { prepareSection } from './form-section.ts'
import { hostOf } from './host-of.ts'
import { readIssuerPaste } from './issuer-paste.ts'
import { createNamedValueLists, listProblem, type NamedValueLists } from './named-value-list.ts'
import { prepareTokenTest } from './token-test.ts'
import { urlProblem } from '../../src/http-client/url-problem.ts'

const prefix = 'node-config-input'

const isFilled = (value: unknown): value is string =>
  typeof value === 'string' && value.trim() !== ''
const authIs = (value: ReadValue, ...methods: string[]): boolean =>
  is('clientAuth', ...methods)(value)
/** A TLS configuration that the editor does not know, such as one in a variable, may have one. */
const hasCertificate = (value: ReadValue): boolean => {
  const tls = RED.nodes.node(String(value('tls')))
  return names('tls')(value) && (tls === null || namesClientCertificate(tls))
}
/** `auto` needs no secret if there is a key, a client certificate or a signed grant. */
const needsSecret = (value: ReadValue): boolean =>
  takesSecret(value) && !(authIs(value, 'auto') && (showsKey(value) || hasCertificate(value)))
const needsIssuer = (value: ReadValue): boolean => !isFilled(value('tokenEndpoint'))

const form = createForm<TokenKey>({
  prefix,
  type: 'oauth2-client-credentials',
  table: tokenProperties,
  credentials: tokenCredentials,
  rows: { 'required.issuer': needsIssuer, 'required.clientSecret': needsSecret },
  problem
})
const { text, words } = form
let lists: NamedValueLists | undefined

/** Why a property cannot be used, in words; an empty string if it can, or if it is not used. */
function problem(property: string, value: unknown, read: ReadValue): string {
  const given = typeof value === 'string' ? value.trim() : ''
  switch (property) {
    case 'issuer':
      if (!needsIssuer(read)) return ''
      return words(given === '' ? 'issuerEmpty' : urlProblem(given))
    case 'tokenEndpoint':
      return given === '' ? '' : words(urlProblem(given))
    case 'clientId':
      if (given === '') return words('clientId')
      return words(
        authIs(read, 'client_secret_basic_raw') && given.includes(':') ? 'clientIdColon' : ''
      )
    case 'clientSecret':
      return words(value === '' && needsSecret(read) ? 'clientSecret' : '')
    case 'privateKey':
      return words(given === '' && needsKey(read) ? 'privateKey' : '')
    case 'assertionFile':
      return words(given === '' ? 'assertionFile' : '')
    case 'username':
    case 'password':
      return words(value === '' ? property : '')
    case 'signingAlg':
      return algorithmProblem(given, read)
    case 'assertionAudience':
      return words(given === 'issuer' && !isFilled(read('issuer')) ? 'assertionIssuer' : '')
    case 'refreshOnStatus':
      return words(readStatuses(given) === undefined ? 'refreshOnStatus' : '')
    case 'extraParams':
    case 'assertionClaims':
      return listProblem(value, 'any', words)
    case 'headers':
      return listProblem(value, 'tokenHeader', words)
    default:
      return ''
  }
}

/** A secret signs with HS256 only, a key with the other algorithms (RFC 7518 §3.1). */
function algorithmProblem(algorithm: string, read: ReadValue): string {
  if (showsKey(read)) return words(algorithm.startsWith('HS') ? 'algorithmKey' : '')
  const wrong = authIs(read, 'client_secret_jwt') && !['', 'HS256'].includes(algorithm)
  return words(wrong ? 'algorithmSecret' : '')
}

function prepare(node: EditorNode): void {
  form.prepare(node)
  const made = createNamedValueLists(form, node, {
    extraParams: { types: ['str', 'env', 'cred'], names: 'any' },
    headers: { types: ['str', 'env', 'cred'], names: 'tokenHeader' },
    assertionClaims: { types: ['str', 'json', 'env'], names: 'any' }
  })
  lists = made
  prepareSection(form, node, 'oauth2-client-credentials-more')
  prepareKeyFile()
  preparePastedUrl()
  prepareTokenTest({
    form,
    nodeId: node.id,
    lists: made.entries,
    onIssuer: (issuer) => {
      $(`#${prefix}-issuer`).val(issuer).trigger('change')
      note(text('note.issuerSlash', { issuer }))
    }
  })
}

/** Reads a private key from a file into its field. */
function prepareKeyFile(): void {
  const file = document.getElementById('oauth2-client-credentials-key-file')
  if (!(file instanceof HTMLInputElement)) return
  document.getElementById('oauth2-client-credentials-key-load')?.addEventListener('click', () => {
    file.click()
  })
  file.addEventListener('change', () => {
    const chosen = file.files?.[0]
    if (chosen === undefined) return
    chosen
      .text()
      .then((pem) => {
        $(`#${prefix}-privateKey`).val(pem).trigger('change')
        file.value = ''
      })
      .catch((error: unknown) => {
        // The browser says why, for example that the file no longer exists.
        RED.notify(error instanceof Error ? error.message : String(error), 'error')
      })
  })
}

/** Moves a URL that was pasted as the issuer to the right field, and says so. */
function preparePastedUrl(): void {
  const issuer = $(`#${prefix}-issuer`)
  const tokenEndpoint = $(`#${prefix}-tokenEndpoint`)
  const opened = String(issuer.val())
  const recognize = (): void => {
    const typed = String(issuer.val())
    // Opening the form must not change the flow.
    if (typed === opened || typed.trim() === '') return
    const { kind, issuer: url, tokenEndpoint: token } = readIssuerPaste(typed)
    if (kind === 'tokenEndpoint') {
      if (isFilled(tokenEndpoint.val())) return
      tokenEndpoint.val(token).trigger('change')
    }
    if (url !== typed) issuer.val(url).trigger('change')
    note(kind === '' ? '' : text(`note.${kind}`, { url: url.replace(/\/$/, '') }))
  }
  // Typed text is read when it is complete, pasted text at once.
  issuer.on('change', recognize)
  issuer[0]?.addEventListener('input', (event) => {
    if (event instanceof InputEvent && event.inputType === 'insertFromPaste') recognize()
  })
}

/** Says below the issuer what was done with it. */
function note(words: string): void {
  const id = 'oauth2-client-credentials-note'
  let element = document.getElementById(id)
  if (element === null) {
    element = document.createElement('div')
    element.id = id
    element.className = 'hl7-https-note'
    element.setAttribute('role', 'status')
    document.getElementById(`${prefix}-issuer`)?.closest('.form-row')?.append(element)
  }
  element.textContent = words
}

function save(node: EditorNode): void {
  lists?.save()
  form.save(node)
}

/** Called by the inline `registerType` of oauth2-client-credentials.html. */
const oauth2ClientCredentialsForm = {
  prepare,
  save,
  cancel: form.cancel,
  problem: form.problem,
  hostOf
}
Object.assign(window, { oauth2ClientCredentialsForm })
