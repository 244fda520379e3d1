import type { ListEntry } from './named-value.ts'

/** What a preset fills in for the format text. */
export interface BodyPreset {
  contentType: string
  bodyTemplate: string
  formFields: readonly ListEntry[]
  headers: readonly ListEntry[]
}

/** In the field, which has one line, Node-RED keeps the line breaks of an expression as tabs. */
const submitSingleMessage = (envelope: string): string =>
  [
    `'<soap:Envelope xmlns:soap="${envelope}"><soap:Body>' &`,
    `'<submitSingleMessage xmlns="urn:cdc:iisb:2011">' &`,
    "'<username>' & $xml($fields.username) & '</username>' &",
    "'<password>' & $xml($fields.password) & '</password>' &",
    "'<facilityID>' & $xml($fields.facilityID) & '</facilityID>' &",
    "'<hl7Message>' & $xml($message) & '</hl7Message>' &",
    "'</submitSingleMessage></soap:Body></soap:Envelope>'"
  ].join('\t')

const formFields: readonly ListEntry[] = [
  { name: 'username', value: '', valueType: 'str' },
  { name: 'password', value: '', valueType: 'cred' },
  { name: 'facilityID', value: 'MSH-4.1', valueType: 'hl7' }
]

const action = 'urn:cdc:iisb:2011:submitSingleMessage'

/**
 * By the value of the option. Immunization registries in the USA share the SOAP interface of the CDC
 * (its WSDL, 2011): SOAP 1.2 by its text, SOAP 1.1 in some older registries.
 */
export const bodyPresets: Readonly<Record<'soap12' | 'soap11', BodyPreset>> = {
  soap12: {
    contentType: `application/soap+xml; charset=utf-8; action="${action}"`,
    bodyTemplate: submitSingleMessage('http://www.w3.org/2003/05/soap-envelope'),
    formFields,
    headers: []
  },
  soap11: {
    contentType: 'text/xml; charset=utf-8',
    bodyTemplate: submitSingleMessage('http://schemas.xmlsoap.org/soap/envelope/'),
    formFields,
    headers: [{ name: 'SOAPAction', value: `"${action}"`, valueType: 'str' }]
  }
}
