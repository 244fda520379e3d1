/** HL7 table 0357, message error condition codes (v2.5.1 §2.15.5.3; v2.9 for 104 and 198). */
export const ERROR_CODES: Readonly<Record<string, string>> = {
  0: 'Message accepted',
  100: 'Segment sequence error',
  101: 'Required field missing',
  102: 'Data type error',
  103: 'Table value not found',
  104: 'Value too long',
  198: 'Non-conformant cardinality',
  199: 'Other HL7 error',
  200: 'Unsupported message type',
  201: 'Unsupported event code',
  202: 'Unsupported processing ID',
  203: 'Unsupported version ID',
  204: 'Unknown key identifier',
  205: 'Duplicate key identifier',
  206: 'Application record locked',
  207: 'Application internal error'
}
