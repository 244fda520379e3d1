import { bodyPresets } from '../../nodes/editor/body-presets.ts'
import type { SoapVersion } from '../../src/hl7-over-http/soap-fault.ts'

/** The properties of the HL7 node as the preset fills them in, with a login. */
export function soapPreset(
  version: SoapVersion,
  login: { username: string; password: string }
): Record<string, unknown> {
  const { formFields, ...properties } = version === '1.1' ? bodyPresets.soap11 : bodyPresets.soap12
  return {
    auth: '',
    format: 'text',
    ...properties,
    // The form puts the password into a free slot.
    formFields: formFields.map((field) => {
      if (field.name === 'username') return { ...field, value: login.username }
      return field.name === 'password' ? { ...field, value: 'secret1' } : field
    }),
    credentials: { secret1: login.password }
  }
}
