import {
  ATTEMPT_OUTCOMES,
  DURATION_BOUNDS_MS,
  type AttemptFigures
} from '../../src/delivery/attempt-counts.ts'
import { QUEUE_STATES, type DeliveryFigures } from '../../src/delivery/delivery-figures.ts'
import { english, type KeyUnder } from '../../src/english.ts'
import { CONDITION_CODES, levelsOf, type Condition } from '../flow/conditions.ts'

/** What the metrics say of an `hl7-https-out` node. */
export interface NodeFigures {
  id: string
  /** As the editor labels it. */
  name: string
  /** Messages that it did not accept, by error code. */
  refused: ReadonlyMap<string, number>
  /** Undefined if the node is not set up. */
  delivery: DeliveryFigures | undefined
  /** Until its token expires, 0 if there should be one and is none; undefined if none is needed now. */
  tokenValidMs: number | undefined
  /** Until the certificates of one party expire, negative once they have. */
  certificates: readonly { of: string; validMs: number }[]
  /** What holds. */
  conditions: readonly Pick<Condition, 'code' | 'level'>[]
}

/** What the metrics say of Node-RED itself. */
export interface RuntimeFigures {
  areFlowsRunning: boolean
}

/** What the metrics say of an `oauth2-client-credentials` node. */
export interface TokenFigures {
  id: string
  name: string
  requests: { readonly ok: number; readonly error: number }
}

/** What each metric says is in the catalogue: one without a text does not compile, nor does a text without one. */
type MetricName = KeyUnder<'log', 'metric'>

/** Values of one metric, for one node: each with the values of its labels, and what is added to its name. */
type Samples = readonly (readonly [
  of: string | readonly string[],
  value: number,
  suffix?: string
])[]

interface Metric<Figures> {
  type: 'counter' | 'gauge' | 'histogram'
  /** The labels besides `node` and `name`, which every value has, comma-separated; `''` if there is none. */
  label: string
  samples: (figures: Figures) => Samples
}

type Metrics<Figures> = Readonly<Partial<Record<MetricName, Metric<Figures>>>>

const NODE_METRICS = {
  messages_total: {
    type: 'counter',
    label: 'outcome',
    samples: ({ delivery }) => counts(['ack', 'nak', 'error'], delivery?.outcomes)
  },
  refused_total: {
    type: 'counter',
    label: 'code',
    samples: ({ refused }) => [...refused]
  },
  attempts_total: {
    type: 'counter',
    label: 'result',
    samples: ({ delivery }) => counts(ATTEMPT_OUTCOMES, delivery?.attempts)
  },
  queue_messages: {
    type: 'gauge',
    label: 'state',
    samples: ({ delivery }) => counts(QUEUE_STATES, delivery?.queue?.messages)
  },
  queue_oldest_seconds: {
    type: 'gauge',
    label: '',
    samples: ({ delivery }) => seconds(delivery?.queue?.oldestAgeMs)
  },
  queue_longest_wait_seconds: {
    type: 'gauge',
    label: '',
    samples: ({ delivery }) => seconds(delivery?.queue?.longestWaitMs)
  },
  paused: {
    type: 'gauge',
    label: '',
    samples: ({ delivery }) => {
      const queue = delivery?.queue
      return queue === undefined ? [] : [['', queue.isPaused ? 1 : 0]]
    }
  },
  token_valid_seconds: {
    type: 'gauge',
    label: '',
    samples: ({ tokenValidMs }) => seconds(tokenValidMs)
  },
  certificate_valid_seconds: {
    type: 'gauge',
    label: 'of',
    samples: ({ certificates }) => certificates.map(({ of, validMs }) => [of, toSeconds(validMs)])
  },
  condition: {
    type: 'gauge',
    label: 'code,level',
    samples: ({ conditions }) => conditionSamples(conditions)
  },
  request_duration_seconds: {
    type: 'histogram',
    label: 'le',
    samples: ({ delivery }) => histogram(delivery?.durations)
  }
} as const satisfies Metrics<NodeFigures>

const TOKEN_METRICS = {
  token_requests_total: {
    type: 'counter',
    label: 'result',
    samples: ({ requests }) => counts(['ok', 'error'], requests)
  }
} as const satisfies Metrics<TokenFigures>

/** Without labels: of a Node-RED whose flows are stopped, nothing else is known. */
const RUNTIME_METRICS = {
  flows_running: {
    type: 'gauge',
    label: '',
    samples: ({ areFlowsRunning }) => [['', areFlowsRunning ? 1 : 0]]
  }
} as const satisfies Metrics<RuntimeFigures>

/** All metrics: the table in docs/monitoring.md is made from them. */
export const METRICS: Readonly<Record<MetricName, Pick<Metric<never>, 'type' | 'label'>>> = {
  ...NODE_METRICS,
  ...TOKEN_METRICS,
  ...RUNTIME_METRICS
}

/** The figures of all nodes in the text format of Prometheus, version 0.0.4. */
export function metricsText(
  nodes: readonly NodeFigures[],
  tokenNodes: readonly TokenFigures[],
  runtime: RuntimeFigures = { areFlowsRunning: true }
): string {
  return [
    ...families(NODE_METRICS, nodes),
    ...families(TOKEN_METRICS, tokenNodes),
    ...families(RUNTIME_METRICS, [runtime])
  ].join('')
}

function* families<Figures extends object>(
  metrics: Metrics<Figures>,
  nodes: readonly Figures[]
): Iterable<string> {
  const named = nodes.map((node) => ({ node, labels: ownLabels(node) }))
  for (const [name, { type, label, samples }] of Object.entries(metrics)) {
    let text = ''
    for (const { node, labels } of named) {
      for (const [of, value, suffix = ''] of samples(node)) {
        if (!Number.isFinite(value)) continue
        const further = of === '' ? '' : labelled(label.split(','), [of].flat())
        const all = labels === '' ? '' : `{${labels}${further}}`
        text += `hl7_https_out_${name}${suffix}${all} ${value}\n`
      }
    }
    if (text === '') continue
    // Links are for the documentation.
    const help = english('log', `metric.${name as MetricName}`)
      .replaceAll('`', '')
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    yield `# HELP hl7_https_out_${name} ${help}\n# TYPE hl7_https_out_${name} ${type}\n${text}`
  }
}

function labelled(labels: readonly string[], values: readonly string[]): string {
  return labels.map((label, at) => `,${label}="${escaped(values[at] ?? '')}"`).join('')
}

/** 1 for what holds, 0 for each other code and level that there is. */
function conditionSamples(conditions: NodeFigures['conditions']): Samples {
  return CONDITION_CODES.filter((code) => code !== 'STOPPED').flatMap((code) =>
    levelsOf(code).map((level) => {
      const holds = conditions.some((one) => one.code === code && one.level === level)
      return [[code, level], holds ? 1 : 0] as const
    })
  )
}

function ownLabels(figures: object): string {
  const { id, name } = figures as Partial<NodeFigures>
  return id === undefined || name === undefined
    ? ''
    : `node="${escaped(id)}",name="${escaped(name)}"`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** One value for each value of the label. */
function counts<Value extends string>(
  values: readonly Value[],
  numbers: Readonly<Record<Value, number>> | undefined
): Samples {
  if (numbers === undefined) return []
  return values.map((value) => [value, numbers[value]])
}

function seconds(ms: number | undefined): Samples {
  return ms === undefined ? [] : [['', toSeconds(ms)]]
}

function histogram(durations: AttemptFigures['durations'] | undefined): Samples {
  if (durations === undefined) return []
  const { atMost, sumMs, count } = durations
  return [
    ...DURATION_BOUNDS_MS.map(
      (bound, place) => [String(bound / 1000), atMost[place] ?? 0, '_bucket'] as const
    ),
    ['+Inf', count, '_bucket'],
    ['', toSeconds(sumMs), '_sum'],
    ['', count, '_count']
  ]
}

/** To the millisecond. */
function toSeconds(ms: number): number {
  return Math.round(ms) / 1000
}
