import { charsetOfLabel } from '../hl7/charset.ts'
import { typeParameter } from '../http-client/http-header-parameter.ts'
import type { RequestBodySettings } from './request-body.ts'

/**
 * The character set that the content type of the message's own bytes names: they have to be in it.
 *
 * @returns undefined if it names none, or one in which no text can be written here
 */
export function labelledCharset(
  settings: Pick<RequestBodySettings, 'format' | 'contentType' | 'bodyPartType' | 'bodyEncoding'>
): string | undefined {
  const { format, contentType, bodyPartType, bodyEncoding } = settings
  const isPart = format === 'multipart' && bodyEncoding === 'text'
  const type = format === 'raw' || format === 'mllp' ? contentType : isPart ? bodyPartType : ''
  const label = typeParameter(type, 'charset')
  return label !== undefined && charsetOfLabel(label)?.codec ? label : undefined
}
