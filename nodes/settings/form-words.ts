import { english, type KeyUnder } from '../../src/english.ts'
import { outProperties, outTabs } from './hl7-https-out-properties.ts'
import { tabOf } from './property-table.ts'

/** The catalogue of a form. */
type FormName = 'forms' | 'tokenForm'

/** What the form of a node says, in English. */
export interface FormWords<Name> {
  form: FormName
  /** How it names a property, and where it has it. */
  label: (name: Name) => string
}

export const outForm: FormWords<keyof typeof outProperties> = {
  form: 'forms',
  label: (name) => {
    const label = english('forms', `label.${name}`)
    const tab = tabOf(outTabs, outProperties[name])
    return tab === undefined
      ? label
      : english('forms', 'tab.field', { tab: english('forms', `tab.${tab}`), label })
  }
}

export const tokenForm: FormWords<KeyUnder<'tokenForm', 'label'>> = {
  form: 'tokenForm',
  label: (name) => english('tokenForm', `label.${name}`)
}
