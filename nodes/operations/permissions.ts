import type { Request } from 'express'

/** What Node-RED asks of a user who wants something of a route. */
export const PERMISSIONS = [
  'hl7-https-out.read',
  'hl7-https-out.write',
  'hl7-https-out.content',
  'hl7-https-out.export',
  'flows.write'
] as const
export type Permission = (typeof PERMISSIONS)[number]

/** Whether the user of a request has a permission. Node-RED's own guards decide alike, but can only refuse. */
export function hasPermission(request: Request, permission: Permission): boolean {
  const { user, authInfo } = request as { user?: unknown; authInfo?: { scope?: unknown } }
  // Nobody has to log in.
  if (user === undefined) return true
  return includes(authInfo?.scope, permission)
}

function includes(scope: unknown, permission: Permission): boolean {
  if (Array.isArray(scope)) return scope.some((one) => includes(one, permission))
  if (scope === '*' || scope === permission) return true
  if (scope === 'read' || scope === '*.read') return permission.endsWith('.read')
  return (scope === 'write' || scope === '*.write') && permission.endsWith('.write')
}
