/**
 * The public contract as a file, `surface.txt`: what a flow, a script, a dashboard or a Status node can rely on, one fact
 * a line, made from the tables and types that the code itself uses.
 */
import codes from '../../locales/en-US/codes.json' with { type: 'json' }
import { BESIDE, CONDITION_CODES, levelsOf } from '../../nodes/flow/conditions.ts'
import { STATUS_DOTS } from '../../nodes/flow/status-line.ts'
import { METRICS, metricsText } from '../../nodes/operations/metrics.ts'
import { PERMISSIONS } from '../../nodes/operations/permissions.ts'
import { ROUTES, type Route } from '../../nodes/operations/route-table.ts'
import type { Credential, Property } from '../../nodes/settings/property-table.ts'
import { SETTINGS } from '../../nodes/settings/settings-js.ts'
import { DURATION_BOUNDS_MS } from '../../src/delivery/attempt-counts.ts'
import { QUEUE_EVENT_KINDS } from '../../src/queue/queue-event.ts'
import { formPage, NODE_TYPES, type NodeTypeName } from '../form-page.ts'
import { auditFacts, FOR_SCRIPTS, type ScriptRoute } from './routes.ts'
import { ruleFacts } from './surface/rule-facts.ts'
import { TypeFacts } from './surface/type-facts.ts'

const HEAD = `# The public contract, made from the code by \`npm run docs\`: one fact a line, sorted.
# It is frozen: a line that goes or changes breaks a flow, a script or a dashboard, and so does a member that a known
# route demands from now on. Other lines may come. For a new major version, lines are taken out by hand. Routes that are
# not in it serve page, forms and sidebar, and may change with any version.
`

/** Keys by which the page finds its sentences. A script has the English text beside them, and codes. */
const OF_SENTENCES = /^type ToldKind is /

export function surface(): string {
  const types = new TypeFacts({
    'condition code': CONDITION_CODES,
    'error code': Object.keys(codes.error),
    permission: PERMISSIONS
  })
  const facts = [
    ...(Object.keys(NODE_TYPES) as NodeTypeName[]).flatMap(nodeFacts),
    ...under('message-in', types.members(types.of('messageIn'))),
    ...under('message-out', types.members(types.of('messageOut'))),
    ...under('message-out error.', types.members(types.of('error')), ''),
    ...under('node-status', types.members(types.of('status'))),
    ...under('error', Object.keys(codes.error)),
    ...under('cause', Object.values(codes.cause).flatMap(keysOf)),
    ...conditionFacts(),
    ...under('event', QUEUE_EVENT_KINDS),
    ...FOR_SCRIPTS.flatMap((name) => routeFacts(name, types)),
    ...under('audit', auditFacts()),
    ...under('permission', PERMISSIONS),
    ...under('metric', metricFacts()),
    ...under('rule', ruleFacts()),
    ...under('settings.js', settingFacts()),
    // Last: the others say which there are.
    ...under('type', types.named()).filter((fact) => !OF_SENTENCES.test(fact))
  ]
  const lines = [...new Set(facts)].sort((one, other) => (one < other ? -1 : 1))
  return `${HEAD}${lines.join('\n')}\n`
}

/** A member that a route takes and that is not optional. */
const DEMAND = /^(route \S+ \S+) takes \S+ (?!is |.* optional$)/

/** Of two such lists, the lines of the first that are not in the second, and what a route of the first newly demands. */
export function breaksOf(before: string, after: string): string[] {
  const [known, now] = [before.split('\n'), after.split('\n')]
  const gone = known.filter((line) => !line.startsWith('#') && !now.includes(line))
  const demanded = now.filter((line) => {
    const route = DEMAND.exec(line)?.[1]
    return (
      route !== undefined &&
      !known.includes(line) &&
      known.some((line) => line.startsWith(`${route} `))
    )
  })
  return [...gone.map((line) => `- ${line}`), ...demanded.map((line) => `+ ${line}`)]
}

function under(part: string, facts: readonly string[], between = ' '): string[] {
  return facts.map((fact) => part + between + fact)
}

function nodeFacts(type: NodeTypeName): string[] {
  const { properties, credentials } = NODE_TYPES[type]
  const ports = formPage(type).matchAll(/^ +((?:in|out)puts): (\d+),$/gm)
  return under(type, [
    ...[...ports].map(([, name, count]) => `${name} ${count}`),
    ...Object.entries<Property>(properties).flatMap(([name, property]) =>
      under(`property ${name}`, propertyFacts(property))
    ),
    ...Object.entries<Credential>(credentials).map(([name, { type }]) => {
      return `credential ${name} ${type}`
    })
  ])
}

function propertyFacts(property: Property): string[] {
  const kind = property.kind === 'node' ? `id of ${property.type}` : property.kind
  const facts = [`${kind} default ${JSON.stringify(property.default)}`]
  if (property.kind === 'choice') facts.push(...property.words.map((word) => `is ${word || '""'}`))
  if (property.kind === 'list') facts.push(...property.types.map((type) => `valueType ${type}`))
  if (property.kind === 'number') {
    facts.push(`min ${property.min}`, `max ${property.max ?? 'none'}`)
    if (property.also !== undefined) facts.push(`also ${property.also}`)
    facts.push(`integer ${property.integer ?? false}`)
  }
  return facts
}

/** A key of the catalogue may name several codes. */
function keysOf(entries: object): string[] {
  return Object.keys(entries).flatMap((key) => key.split(' '))
}

/** The `code` of a status is the first that holds: those that it may be have an order. */
function conditionFacts(): string[] {
  const ordered = CONDITION_CODES.filter((code) => !BESIDE.has(code))
  return CONDITION_CODES.flatMap((code) => {
    const dot = STATUS_DOTS.get(code)
    const before = ordered[ordered.indexOf(code) - 1]
    return under(`condition ${code}`, [
      `level ${[...levelsOf(code)].sort().join(', ')}`,
      ...(dot === undefined ? [] : [`dot ${dot.fill} ${dot.shape}`]),
      ...(before === undefined ? [] : [`after ${before}`]),
      ...(BESIDE.has(code) ? ['in codes only'] : [])
    ])
  })
}

function routeFacts(name: ScriptRoute, types: TypeFacts): string[] {
  const route: Route = ROUTES[name]
  return under(`route ${route.method} ${route.path}`, [
    `permission ${permissionsOf(route)}`,
    ...(route.audit === undefined ? [] : [`audit ${route.audit}`]),
    ...Object.entries(route.auditWith ?? {}).map(([member, event]) => {
      return `audit with ${member} ${event ?? 'nothing'}`
    }),
    ...under('takes', types.members(types.of('takes', name))),
    ...types.facts('answers', types.of('answers', name)),
    ...(route.contentType === undefined ? [] : [`content type ${route.contentType}`])
  ])
}

/** In one line: a permission more is a change. */
function permissionsOf({ permission, contentPermission, permissionWith = {} }: Route): string {
  return [
    permission ?? 'none',
    ...(contentPermission === undefined ? [] : [`for content ${contentPermission}`]),
    ...Object.entries(permissionWith).map(([member, other]) => `with ${member} ${other}`)
  ].join(', ')
}

/** A value of a label that is none of a few words. */
const ANY = 'any'

/** Read from what Prometheus gets of two nodes that have everything. */
function metricFacts(): string[] {
  const named = { id: ANY, name: ANY }
  const text = metricsText(
    [
      {
        ...named,
        refused: new Map([[ANY, 1]]),
        delivery: {
          outcomes: { ack: 1, nak: 1, error: 1 },
          attempts: { ack: 1, nak: 1, http: 1, error: 1, token: 1 },
          durations: { atMost: DURATION_BOUNDS_MS.map(() => 1), sumMs: 1, count: 1 },
          queue: {
            messages: { waiting: 1, in_flight: 1, retrying: 1, awaiting: 1, suspended: 1 },
            oldestAgeMs: 1,
            longestWaitMs: 1,
            isPaused: false
          }
        },
        tokenValidMs: 1,
        certificates: [{ of: ANY, validMs: 1 }],
        conditions: []
      }
    ],
    [{ ...named, requests: { ok: 1, error: 1 } }]
  )
  for (const name of Object.keys(METRICS)) {
    if (!text.includes(`# TYPE hl7_https_out_${name} `)) throw new Error(`No metric ${name}.`)
  }
  const kinds = [...text.matchAll(/^# TYPE (.*)$/gm)].map(([, kind = '']) => kind)
  const labels = [...text.matchAll(/^(\w+)\{(.*)\} /gm)].flatMap(([, name, list = '']) =>
    [...list.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value = '']) => {
      return `${name} label ${label}${value === ANY ? '' : ` is ${value}`}`
    })
  )
  return [...kinds, ...labels]
}

function settingFacts(): string[] {
  return Object.entries(SETTINGS).flatMap(([name, { kind, ...values }]) => [
    `${name} ${kind}`,
    ...Object.entries(values).map(([what, value]) => `${name} ${what} ${value}`)
  ])
}
