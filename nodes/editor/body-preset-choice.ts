import { bodyPresets, type BodyPreset } from './body-presets.ts'
import type { Form } from './form.ts'
import type { OutKey } from '../../src/form-text.ts'

/**
 * Wires the select that fills in template, content type, fields and headers. Entries of that name
 * are kept; the user's own template comes back with the empty choice.
 */
export function prepareBodyPresets(form: Form<OutKey>): void {
  const select = document.getElementById('hl7-https-out-body-preset')
  const contentType = document.getElementById('node-input-contentType')
  if (!(select instanceof HTMLSelectElement) || !(contentType instanceof HTMLInputElement)) return
  const presets: Readonly<Record<string, BodyPreset>> = bodyPresets
  const template = $('#node-input-bodyTemplate')
  let own = ''
  const showPreset = (): void => {
    const value = template.typedInput('value')
    const shown = Object.keys(presets).find((name) => presets[name]?.bodyTemplate === value) ?? ''
    select.value = shown
    if (shown === '') own = value
  }
  template.on('change', showPreset)
  showPreset()
  select.addEventListener('change', () => {
    const preset = presets[select.value]
    template.typedInput('value', preset?.bodyTemplate ?? own)
    if (preset === undefined) return
    contentType.value = preset.contentType
    $(contentType).trigger('change')
    form.addEntries('formFields', preset.formFields)
    form.addEntries('headers', preset.headers)
  })
}
