import type { IncomingHttpHeaders } from 'node:http'

/** UUIDs, numbers, Base64 and the like, also several; no blank and no separator of HL7. */
const REQUEST_ID = /^[\w.:+/=@,;~()-]{1,128}$/

/**
 * How the server calls a request in its own log: its `x-request-id`.
 *
 * @returns undefined if there is none, or what stands there is no such name
 */
export function requestIdIn({ 'x-request-id': value }: IncomingHttpHeaders): string | undefined {
  if (value === undefined) return undefined
  // A gateway and the server behind it may each have added one.
  const text = [value].flat().join(',').replaceAll(', ', ',')
  return REQUEST_ID.test(text) ? text : undefined
}
