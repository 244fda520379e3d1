import {
  ATTEMPT_OUTCOMES,
  DURATION_BOUNDS_MS,
  type AttemptFigures
} from '../../src/delivery/attempt-counts.ts'
import { english, type KeyUnder } from '../../src/english.ts'
import { QUEUE_STATES, type DeliveryFigures } from '../../src/delivery/delivery-figures.ts'

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
}

/** What the metrics say of an `oauth2-client-credentials` node. */
export interface TokenFigures {
  id: string
  name: string
  requests: { readonly ok: number; readonly error: number }
}

type Labels = Readonly<Record<string, string>>

/** Values of one metric, for one node. */
type Samples = readonly (readonly [suffix: string, labels: Labels, value: number])[]

interface Metric<Figures> {
  /** It also names what Prometheus is told of it (HELP). */
  name: KeyUnder<'log', 'metric'>
  type: 'counter' | 'gauge' | 'histogram'
  samples: (figures: Figures) => Samples
}

/** The labels `node` and `name`, which every value has, come on top. */
const NODE_METRICS: readonly Metric<NodeFigures>[] = [
  {
    name: 'messages_total',
    type: 'counter',
    samples: ({ delivery }) => counts('outcome', ['ack', 'nak', 'error'], delivery?.outcomes)
  },
  {
    name: 'refused_total',
    type: 'counter',
    samples: ({ refused }) => [...refused].map(([code, count]) => ['', { code }, count])
  },
  {
    name: 'attempts_total',
    type: 'counter',
    samples: ({ delivery }) => counts('result', ATTEMPT_OUTCOMES, delivery?.attempts)
  },
  {
    name: 'queue_messages',
    type: 'gauge',
    samples: ({ delivery }) => counts('state', QUEUE_STATES, delivery?.queue?.messages)
  },
  {
    name: 'queue_oldest_seconds',
    type: 'gauge',
    samples: ({ delivery }) => seconds(delivery?.queue?.oldestAgeMs)
  },
  {
    name: 'queue_longest_wait_seconds',
    type: 'gauge',
    samples: ({ delivery }) => seconds(delivery?.queue?.longestWaitMs)
  },
  {
    name: 'paused',
    type: 'gauge',
    samples: ({ delivery }) => {
      const queue = delivery?.queue
      return queue === undefined ? [] : [['', {}, queue.isPaused ? 1 : 0]]
    }
  },
  {
    name: 'token_valid_seconds',
    type: 'gauge',
    samples: ({ tokenValidMs }) => seconds(tokenValidMs)
  },
  {
    name: 'certificate_valid_seconds',
    type: 'gauge',
    samples: ({ certificates }) =>
      certificates.map(({ of, validMs }) => ['', { of }, toSeconds(validMs)])
  },
  {
    name: 'request_duration_seconds',
    type: 'histogram',
    samples: ({ delivery }) => histogram(delivery?.durations)
  }
]

const TOKEN_METRICS: readonly Metric<TokenFigures>[] = [
  {
    name: 'token_requests_total',
    type: 'counter',
    samples: ({ requests }) => counts('result', ['ok', 'error'], requests)
  }
]

/** The figures of all nodes in the text format of Prometheus, version 0.0.4. */
export function metricsText(
  nodes: readonly NodeFigures[],
  tokenNodes: readonly TokenFigures[]
): string {
  return [...families(NODE_METRICS, nodes), ...families(TOKEN_METRICS, tokenNodes)].join('')
}

function* families<Figures extends { id: string; name: string }>(
  metrics: readonly Metric<Figures>[],
  nodes: readonly Figures[]
): Iterable<string> {
  const labelled = nodes.map((node) => ({ node, labels: ownLabels(node) }))
  for (const { name, type, samples } of metrics) {
    let text = ''
    for (const { node, labels } of labelled) {
      for (const [suffix, more, value] of samples(node)) {
        if (!Number.isFinite(value)) continue
        text += `hl7_https_out_${name}${suffix}{${labels}${labelText(more)}} ${value}\n`
      }
    }
    if (text === '') continue
    const help = english('log', `metric.${name}`)
    yield `# HELP hl7_https_out_${name} ${help}\n# TYPE hl7_https_out_${name} ${type}\n${text}`
  }
}

function ownLabels({ id, name }: { id: string; name: string }): string {
  return labelText({ node: id, name }).slice(1)
}

/** Each label after a comma. */
function labelText(labels: Labels): string {
  let text = ''
  for (const [name, value] of Object.entries(labels)) text += `,${name}="${escaped(value)}"`
  return text
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** One value for each value of the label. */
function counts<Value extends string>(
  label: string,
  values: readonly Value[],
  numbers: Readonly<Record<Value, number>> | undefined
): Samples {
  if (numbers === undefined) return []
  return values.map((value) => ['', { [label]: value }, numbers[value]])
}

function seconds(ms: number | undefined): Samples {
  return ms === undefined ? [] : [['', {}, toSeconds(ms)]]
}

function histogram(durations: AttemptFigures['durations'] | undefined): Samples {
  if (durations === undefined) return []
  const { atMost, sumMs, count } = durations
  return [
    ...DURATION_BOUNDS_MS.map(
      (bound, place) => ['_bucket', { le: String(bound / 1000) }, atMost[place] ?? 0] as const
    ),
    ['_bucket', { le: '+Inf' }, count],
    ['_sum', {}, toSeconds(sumMs)],
    ['_count', {}, count]
  ]
}

/** To the millisecond. */
function toSeconds(ms: number): number {
  return Math.round(ms) / 1000
}
