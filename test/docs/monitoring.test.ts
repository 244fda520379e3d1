import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import codes from '../../locales/en-US/codes.json' with { type: 'json' }
import { METRICS, metricsText } from '../../nodes/operations/metrics.ts'
import { dashboard, metricsIn } from '../support/dashboard.ts'
import { fullNode, fullTokenNode } from '../support/sample-figures.ts'
import { page, rows, section } from './markdown.ts'

const text = page('docs/monitoring.md')
const rules = page('monitoring/hl7-https-out.rules.yml')
const exposed = metricsText([fullNode()], [fullTokenNode()])
const known = new Set(Object.keys(METRICS).map((name) => `hl7_https_out_${name}`))

describe('docs/monitoring.md', () => {
  it('names every value of their labels', () => {
    const figures = section(text, 'The figures')
    for (const [, label, value = ''] of exposed.matchAll(/[{,](\w+)="([^"]*)"/g)) {
      // Codes of conditions have a table of their own, which the section links to.
      const isCondition = label === 'code' && Object.hasOwn(codes.status, value)
      if (isCondition || ['node', 'name', 'le'].includes(label ?? '')) continue
      assert.ok(figures.includes(`\`${value}\``), value)
    }
  })

  it('has every alert, with its severity', () => {
    const table = rows(section(text, 'Alerts')).map(([name = '', severity]) => [
      name.replaceAll('`', ''),
      severity
    ])
    const found = rules
      .split(/^ {6}- alert: /m)
      .slice(1)
      .map((rule) => [/^\w+/.exec(rule)?.[0], /^ +severity: (\w+)$/m.exec(rule)?.[1]])
    assert.deepEqual(table.sort(), found.sort())
  })

  it('has a drill for each alert in go-live.md', () => {
    const drilled = rows(section(page('docs/go-live.md'), 'A drill for each alert'))
    const names = drilled.map(([name = '']) => name.replaceAll('`', ''))
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name)
    assert.ok(alerts.length > 4)
    assert.deepEqual(
      alerts.filter((name) => !names.includes(name)),
      []
    )
  })
})

describe('the alert rules', () => {
  it('use metrics that there are', () => {
    const used = metricsIn(rules)
    assert.ok(used.length > 3)
    assert.deepEqual(
      used.filter((name) => !known.has(name)),
      []
    )
  })
})

describe('the dashboard', () => {
  const { panels, templating } = dashboard()

  it('shows metrics that there are', () => {
    const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    const shown = queries.flatMap(metricsIn)
    assert.ok(shown.length > 10)
    assert.deepEqual(
      shown.filter((name) => !known.has(name)),
      []
    )
  })

  it('asks the source that the user chooses, for the instances and nodes that the user chooses', () => {
    const variables = templating.list.map(({ name }) => name)
    assert.deepEqual(variables, ['datasource', 'instance', 'node'])
    for (const { title, datasource, targets } of panels) {
      for (const source of [datasource, ...targets.map((target) => target.datasource)]) {
        assert.deepEqual(source, { type: 'prometheus', uid: '${datasource}' }, title)
      }
      for (const { expr } of targets) {
        for (const [selector] of expr.matchAll(/hl7_https_out_\w+(?:\{[^}]*\})?/g)) {
          assert.match(selector, /\{instance=~"\$instance"/, title)
          // The name of an oauth2-client-credentials node is not that of a sending node.
          const isOwn = !selector.includes('token_requests')
          assert.equal(selector.includes(',name=~"$node"'), isOwn, title)
        }
      }
    }
  })
})
