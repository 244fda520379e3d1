import { is, names, type ReadValue } from '../settings/property-table.ts'
import {
  showsKey,
  takesSecret,
  tokenCredentials,
  tokenProperties
} from '../settings/oauth2-client-credentials-properties.ts'
import { namesClientCertificate } from './client-certificate.ts'
import { Form } from './form.ts'
import type { TokenKey } from '../../src/form-text.ts'
import { hostOf } from './host-of.ts'
import { prepareImport } from './import/import-settings.ts'
import { TokenServerAddress } from './token-server-address.ts'
import { prepareTokenTest } from './token-test.ts'
import { settingMistakes } from '../../src/oauth2/setting-mistakes.ts'
import type { ClientAuth, GrantType } from '../../src/oauth2/token-settings.ts'
import { typedUrlProblem } from '../../src/http-client/url-problem.ts'

const prefix = 'node-config-input'

/** A TLS configuration that the editor does not know, such as one in a variable, may have one. */
const hasCertificate = (value: ReadValue): boolean => {
  const tls = RED.nodes.node(String(value('tls')))
  return names('tls')(value) && (tls === null || namesClientCertificate(tls))
}
/** `auto` needs no secret if there is a key, a client certificate or a signed grant. */
const needsSecret = (value: ReadValue): boolean =>
  takesSecret(value) &&
  !(is('clientAuth', 'auto')(value) && (showsKey(value) || hasCertificate(value)))

const form = new Form<TokenKey>({
  prefix,
  type: 'oauth2-client-credentials',
  table: tokenProperties,
  credentials: tokenCredentials,
  tabs: {},
  rows: { 'required.clientSecret': needsSecret },
  problem,
  enter: (values) => {
    const { issuer = '', tokenEndpoint = '', ...rest } = values
    const addresses = [issuer, tokenEndpoint].map(String) as [string, string]
    // To undo what was entered, both may be empty.
    if ('issuer' in values || 'tokenEndpoint' in values) address?.enter(...addresses)
    return rest
  }
})
let address: TokenServerAddress | undefined
const { words } = form

/** Why a property cannot be used, in words; an empty string if it can, or if it is not used. */
function problem(property: string, value: unknown, read: ReadValue): string {
  const text = (name: string): string => {
    const given = name === property ? value : read(name)
    return typeof given === 'string' ? given : ''
  }
  const settings = {
    assertionAudience: text('assertionAudience').trim(),
    assertionFile: text('assertionFile').trim(),
    clientAuth: text('clientAuth') as ClientAuth,
    clientId: text('clientId').trim(),
    clientSecret: text('clientSecret'),
    grantType: text('grantType') as GrantType,
    hasClientCertificate: hasCertificate(read),
    issuer: text('issuer').trim(),
    password: text('password'),
    privateKey: text('privateKey').trim(),
    signingAlg: text('signingAlg'),
    tokenEndpoint: text('tokenEndpoint').trim(),
    username: text('username')
  }
  const found = settingMistakes(settings, typedUrlProblem).find(({ field }) => field === property)
  return words(found?.key)
}

function addressProblem(given: string): string {
  return words(given.trim() === '' ? 'issuerEmpty' : typedUrlProblem(given))
}

function prepare(node: EditorNode): void {
  form.prepare(node)
  prepareKeyFile()
  const opened = new TokenServerAddress(form, addressProblem)
  address = opened
  prepareTokenTest({
    form,
    nodeId: node.id,
    onIssuer: (issuer) => {
      opened.correctIssuer(issuer)
    }
  })
  prepareImport(form, 'token')
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

/** Called by the inline `registerType` of oauth2-client-credentials.html. */
const oauth2ClientCredentialsForm = {
  prepare,
  save: form.save,
  cancel: form.cancel,
  problem: form.problem,
  hostOf
}
Object.assign(window, { oauth2ClientCredentialsForm })
