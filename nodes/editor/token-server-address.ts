import { readAddress, type AddressKind } from './address-kind.ts'
import type { Form } from './form.ts'
import type { TokenKey } from '../../src/form-text.ts'
import { isVariable } from './host-of.ts'

/** Which property an address is. */
type AddressType = 'issuer' | 'tokenEndpoint'

/** The field for the address of the token server. */
export interface TokenServerAddress {
  /** Enters the issuer as the server spells it, and says so. */
  correctIssuer: (issuer: string) => void
}

/**
 * One field for `issuer` and `tokenEndpoint`. What is typed or pasted is recognized, and a line below says
 * what it is taken for; the user may choose otherwise. With both set, the token URL is shown, because it
 * is used, and the issuer is kept.
 *
 * @param problem why an address cannot be used, in words; an empty string if it can
 */
export function prepareAddress(
  form: Form<TokenKey>,
  problem: (address: string) => string
): TokenServerAddress {
  const { text } = form
  const field = $('#oauth2-client-credentials-address')
  const properties = {
    issuer: $(`#${form.idOf('issuer')}`),
    tokenEndpoint: $(`#${form.idOf('tokenEndpoint')}`)
  }
  const opened = {
    issuer: String(properties.issuer.val()),
    tokenEndpoint: String(properties.tokenEndpoint.val())
  }
  /** Set beside a token URL. */
  const beside = opened.tokenEndpoint === '' ? '' : opened.issuer

  const types = (['issuer', 'tokenEndpoint'] as const).map((type) => ({
    value: type,
    label: text(`label.${type}`),
    validate: (value: string) => isVariable(value.trim()) || problem(value) === ''
  }))
  field.typedInput({ types })
  const show = (type: AddressType, value: string): void => {
    field.typedInput('type', type)
    field.typedInput('value', value)
  }
  if (opened.tokenEndpoint === '') show('issuer', opened.issuer)
  else show('tokenEndpoint', opened.tokenEndpoint)

  let type = field.typedInput('type') as AddressType
  let recognized: AddressKind = readAddress(field.typedInput('value')).kind

  const update = (): void => {
    const value = field.typedInput('value')
    set(properties.issuer, type === 'issuer' ? value : beside)
    set(properties.tokenEndpoint, type === 'tokenEndpoint' ? value : '')
    note(noteOn(type, value))
  }

  const typed = (): void => {
    const { kind } = readAddress(field.typedInput('value'))
    // What the user has chosen stays until the address becomes one of another kind.
    if (kind !== recognized && kind !== '') {
      type = kind === 'tokenEndpoint' ? 'tokenEndpoint' : 'issuer'
      if (field.typedInput('type') !== type) field.typedInput('type', type)
    }
    recognized = kind
    update()
  }

  /** What was typed is complete, or another type was chosen. */
  const changed = (): void => {
    const chosen = field.typedInput('type') as AddressType
    const value = field.typedInput('value')
    if (chosen === type) {
      const { url } = readAddress(value)
      if (value !== opened[type] && value !== url) field.typedInput('value', url)
      typed()
      return
    }
    // The other address, where both are set.
    const isOther = beside !== '' && value === opened[type]
    type = chosen
    if (isOther) field.typedInput('value', opened[type])
    update()
  }

  const noteOn = (type: AddressType, value: string): string => {
    if (value.trim() === '') return ''
    if (isVariable(value.trim())) return text(`note.variable.${type}`)
    const { kind, url } = readAddress(value)
    if (kind === '') return ''
    if (type === 'issuer') {
      const known = kind === 'tokenEndpoint' ? 'issuer' : kind
      return text(`note.${known}`, { url: url.replace(/\/$/, '') })
    }
    const audience = $(`#${form.idOf('assertionAudience')}`).val()
    const rest = audience === 'issuer' ? 'note.issuerForAudience' : 'note.issuerUnused'
    const also = beside === '' ? '' : ` ${text(rest, { issuer: beside })}`
    return text('note.tokenEndpoint') + also
  }

  field.on('change', changed)
  const input = field[0]?.parentElement?.querySelector('.red-ui-typedInput-input')
  input?.addEventListener('input', typed)
  $(`#${form.idOf('assertionAudience')}`).on('change', update)
  note(noteOn(type, field.typedInput('value')))

  return {
    correctIssuer: (issuer) => {
      field.typedInput('value', issuer)
      update()
      note(text('note.issuerSlash', { issuer }))
    }
  }
}

function set(property: EditorElements, value: string): void {
  if (property.val() !== value) property.val(value).trigger('change')
}

/** Says below the address what it is taken for. */
function note(words: string): void {
  const element = document.getElementById('oauth2-client-credentials-note')
  if (element !== null && element.textContent !== words) element.textContent = words
}
