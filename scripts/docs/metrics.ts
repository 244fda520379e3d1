import texts from '../../locales/en-US/log.json' with { type: 'json' }
import { METRICS } from '../../nodes/operations/metrics.ts'
import { inCode, table } from './table.ts'

/** The figures for Prometheus. */
export function metricsTable(): string {
  const rows = Object.entries(METRICS).map(([name, { type, label }]) => [
    inCode(name),
    type,
    label === '' ? '' : inCode(label),
    texts.metric[name as keyof typeof texts.metric]
  ])
  return table(['name', 'type', 'further label', 'what it says'], rows)
}
