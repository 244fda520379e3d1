import { ROUTES, type Route } from '../../nodes/operations/route-table.ts'
import { inCode, table } from './table.ts'

const routes: readonly Route[] = Object.values(ROUTES)

/** All admin routes, in the order of the table. */
export function routeTable(): string {
  const rows = routes.map((route) => [named(route), permissions(route), route.does])
  return table(['route', 'permission', 'what it does'], rows)
}

/** What is in the audit log, by its event. */
export function auditTable(): string {
  const audited = routes.flatMap((route) => [
    { event: route.audit, request: named(route) },
    ...Object.entries(route.auditWith ?? {}).map(([member, event]) => ({
      event,
      request: `${named(route)} with ${inCode(member)}`
    }))
  ])
  const events = Map.groupBy(audited, ({ event = '' }) => event)
  events.delete('')
  const rows = [...events].map(([event, those]) => [
    inCode(event),
    those.map(({ request }) => request).join(', ')
  ])
  return table(['event', 'request'], rows)
}

function named({ method, path }: Route): string {
  return inCode(`${method} ${path}`)
}

function permissions({ permission, contentPermission, permissionWith = {} }: Route): string {
  const others = Object.entries(permissionWith).map(
    ([member, other]) => `; with ${inCode(member)}, ${inCode(other)}`
  )
  const content = contentPermission === undefined ? [] : [`, ${inCode(contentPermission)}`]
  return [permission === null ? 'none' : inCode(permission), ...content, ...others].join('')
}
