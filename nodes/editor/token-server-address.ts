import { readAddress, type AddressKind } from './address-kind.ts'
import type { Form } from './form.ts'
import type { TokenKey } from '../../src/form-text.ts'
import { isVariable } from './host-of.ts'

/** Which property an address is. */
type AddressType = 'issuer' | 'tokenEndpoint'

/**
 * One field for `issuer` and `tokenEndpoint`. What is typed or pasted is recognized, and a line below says
 * what it is taken for; the user may choose otherwise. With both set, the token URL is shown, because it
 * is used, and the issuer is kept.
 */
export class TokenServerAddress {
  readonly #form: Form<TokenKey>
  readonly #field = $('#oauth2-client-credentials-address')
  readonly #properties: Readonly<Record<AddressType, EditorElements>>
  /** As the form was opened. */
  readonly #opened: Readonly<Record<AddressType, string>>
  /** The issuer that is set beside a token URL. */
  readonly #beside: string
  #type: AddressType
  /** What the field contained last, and what that is taken for. */
  #read = readAddress('')
  #recognized: AddressKind

  /** @param problem why an address cannot be used, in words; an empty string if it can */
  constructor(form: Form<TokenKey>, problem: (address: string) => string) {
    this.#form = form
    this.#properties = {
      issuer: $(`#${form.idOf('issuer')}`),
      tokenEndpoint: $(`#${form.idOf('tokenEndpoint')}`)
    }
    const { issuer, tokenEndpoint } = this.#properties
    this.#opened = { issuer: String(issuer.val()), tokenEndpoint: String(tokenEndpoint.val()) }
    this.#beside = this.#opened.tokenEndpoint === '' ? '' : this.#opened.issuer
    const types = (['issuer', 'tokenEndpoint'] as const).map((type) => ({
      value: type,
      label: form.text(`label.${type}`),
      validate: (value: string) => isVariable(value.trim()) || problem(value) === ''
    }))
    this.#field.typedInput({ types })
    this.#type = this.#opened.tokenEndpoint === '' ? 'issuer' : 'tokenEndpoint'
    this.#show(this.#opened[this.#type])
    this.#recognized = this.#readField()
    this.#wire()
    note(this.#words())
  }

  /** Enters the issuer as the server spells it, and says so. */
  correctIssuer(issuer: string): void {
    this.#field.typedInput('value', issuer)
    this.#update()
    note(this.#form.text('note.issuerSlash', { issuer }))
  }

  /** Enters both addresses: the token URL is shown, if there is one. */
  enter(issuer: string, tokenEndpoint: string): void {
    const value = tokenEndpoint === '' ? issuer : tokenEndpoint
    const type = tokenEndpoint === '' ? 'issuer' : 'tokenEndpoint'
    this.#enter(type, value)
    // In between, what stood there was recognized once more.
    if (this.#type !== type) this.#enter(type, value)
    this.#update()
  }

  /** It is known what it is: nothing is to be recognized. */
  #enter(type: AddressType, value: string): void {
    this.#type = type
    this.#recognized = readAddress(value).kind
    this.#show(value)
  }

  #show(value: string): void {
    this.#field.typedInput('type', this.#type)
    this.#field.typedInput('value', value)
  }

  #wire(): void {
    this.#field.on('change', () => {
      this.#changed()
    })
    const input = this.#field[0]?.parentElement?.querySelector('.red-ui-typedInput-input')
    input?.addEventListener('input', () => {
      this.#typed()
    })
    $(`#${this.#form.idOf('assertionAudience')}`).on('change', () => {
      this.#update()
    })
  }

  /** @returns what the field contains now is taken for */
  #readField(): AddressKind {
    this.#read = readAddress(this.#field.typedInput('value'))
    return this.#read.kind
  }

  #typed(): void {
    const kind = this.#readField()
    // What the user has chosen stays until the address becomes one of another kind.
    if (kind !== this.#recognized && kind !== '') {
      this.#type = kind === 'tokenEndpoint' ? 'tokenEndpoint' : 'issuer'
      if (this.#field.typedInput('type') !== this.#type) {
        this.#field.typedInput('type', this.#type)
      }
    }
    this.#recognized = kind
    this.#update()
  }

  /** What was typed is complete, or another type was chosen. */
  #changed(): void {
    const chosen = this.#field.typedInput('type') as AddressType
    const value = this.#field.typedInput('value')
    const opened = this.#opened[chosen]
    if (chosen === this.#type) {
      this.#readField()
      const { url } = this.#read
      if (value !== opened && value !== url) this.#field.typedInput('value', url)
      this.#typed()
      return
    }
    // The other address, where both are set.
    const isOther = this.#beside !== '' && value === this.#opened[this.#type]
    this.#type = chosen
    if (isOther) this.#field.typedInput('value', opened)
    this.#update()
  }

  #update(): void {
    const value = this.#field.typedInput('value')
    this.#readField()
    set(this.#properties.issuer, this.#type === 'issuer' ? value : this.#beside)
    set(this.#properties.tokenEndpoint, this.#type === 'tokenEndpoint' ? value : '')
    note(this.#words())
  }

  /** What the address is taken for. */
  #words(): string {
    const { text } = this.#form
    const { kind, url } = this.#read
    const value = this.#field.typedInput('value').trim()
    if (isVariable(value)) return text(`note.variable.${this.#type}`)
    if (kind === '') return ''
    if (this.#type === 'issuer') {
      const known = kind === 'tokenEndpoint' ? 'issuer' : kind
      return text(`note.${known}`, { url: url.replace(/\/$/, '') })
    }
    const audience = $(`#${this.#form.idOf('assertionAudience')}`).val()
    const rest = audience === 'issuer' ? 'note.issuerForAudience' : 'note.issuerUnused'
    const also = this.#beside === '' ? '' : ` ${text(rest, { issuer: this.#beside })}`
    return text('note.tokenEndpoint') + also
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
