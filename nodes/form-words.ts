import { english, type KeyUnder } from '../src/english.ts'
import { isSecret, type SECRETS } from './property-table.ts'

/** The catalogue of a form. */
type FormName = 'forms' | 'tokenForm'

/** What the form of a node says, in English. */
export interface FormWords<Name> {
  form: FormName
  /** How it names a property. */
  label: (name: Name) => string
}

export const outForm: FormWords<KeyUnder<'forms', 'label'>> = {
  form: 'forms',
  label: (name) => english('forms', `label.${name}`)
}

export const tokenForm: FormWords<KeyUnder<'tokenForm', 'label'> | keyof typeof SECRETS> = {
  form: 'tokenForm',
  label: (name) =>
    isSecret(name) ? secretLabel('tokenForm', name) : english('tokenForm', `label.${name}`)
}

/** How a form names the slot of a secret. */
export function secretLabel(form: FormName, slot: keyof typeof SECRETS): string {
  return english(form, 'label.secret', { number: slot.slice('secret'.length) })
}
