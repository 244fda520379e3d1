/** What Node-RED asks of a user who wants something of a route. */
export const PERMISSIONS = [
  'hl7-https-out.read',
  'hl7-https-out.write',
  'hl7-https-out.content',
  'flows.write'
] as const
export type Permission = (typeof PERMISSIONS)[number]
