import { readFileSync } from 'node:fs'

/** What the tests read of the dashboard for Grafana. */
export interface Dashboard {
  title: string
  templating: {
    list: { name: string; type: string; query: string | { query: string } }[]
  }
  panels: Panel[]
}

export interface Panel {
  id: number
  title: string
  datasource: { type: string; uid: string }
  targets: { expr: string; refId: string; datasource: { type: string; uid: string } }[]
}

/** The dashboard as it is published. */
export function dashboard(): Dashboard {
  const file = new URL('../../monitoring/grafana-dashboard.json', import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as Dashboard
}

/** The names of our metrics in a query, without the suffixes of a histogram. */
export function metricsIn(query: string): string[] {
  return (query.match(/\bhl7_https_out_\w+/g) ?? []).map((name) =>
    name.replace(/_(?:bucket|sum|count)$/, '')
  )
}
