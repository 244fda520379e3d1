/** A real Prometheus that reads the figures of a real Node-RED, as docs/monitoring.md says. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runInNewContext } from 'node:vm'
import { metricsText } from '../../nodes/operations/metrics.ts'
import { page } from '../docs/markdown.ts'
import { missing } from '../support/debian-packages.ts'
import { dashboard } from '../support/dashboard.ts'
import { fullNode, fullTokenNode } from '../support/sample-figures.ts'
import { adt, startWorld, type World } from '../support/world.ts'
import { promtool, startPrometheus, type Prometheus } from './prometheus.ts'

const skip = missing('Prometheus')
const directory = dirname(fileURLToPath(import.meta.url))
const RULES = 'monitoring/hl7-https-out.rules.yml'
const TOKEN = 'f00d4711'.repeat(8)
const METRICS = '/hl7-https-out/metrics'
/** What a user can call a node. */
const ODD_NAME = 'Ward "3" \\ east\nwing \u{1f3e5}'

/** The settings and the configuration that the page shows. */
const [settingsBlock = '', scrapeBlock = ''] = ['js', 'yaml'].map(
  (language) =>
    new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'm').exec(page('docs/monitoring.md'))?.[1]
)

describe('the files in monitoring/', { skip }, () => {
  it('have rules that promtool finds correct', () => {
    const { ok, said } = promtool(['check', 'rules', '--lint=all', '--lint-fatal', RULES])
    assert.ok(ok, said)
  })

  it('have alerts that fire when they should, and not before', () => {
    const tests = join(directory, 'monitoring.rules-test.yml')
    const { ok, said } = promtool(['test', 'rules', tests])
    assert.ok(ok, said)
  })
})

describe('Prometheus', { skip }, () => {
  const files = mkdtempSync(join(tmpdir(), 'hl7-monitoring-'))
  const tokenFile = join(files, 'token')
  let world: World
  let sample: Server
  let prometheus: Prometheus

  before(async () => {
    writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 })
    world = await startWorld({ settings: { adminAuth: adminAuth(tokenFile) } })
    sample = await startSample()
    const { host } = new URL(world.nodeRed.url)
    const { port } = sample.address() as AddressInfo
    const own = scrapeBlock
      .replace('scheme: https', 'scheme: http')
      .replace('scrape_interval: 30s', 'scrape_interval: 250ms')
      .replace('/etc/prometheus/hl7-https-out-token', tokenFile)
      .replace('node-red.example.org:1880', host)
    prometheus = await startPrometheus({
      'prometheus.yml': `global:
  evaluation_interval: 250ms
rule_files: [rules.yml]
${own}  - job_name: sample
    scrape_interval: 250ms
    static_configs:
      - targets: ['127.0.0.1:${port}']
`,
      // The same rules, for people in a hurry.
      'rules.yml': page(RULES)
        .replace(/for: \d+[mh]/g, 'for: 250ms')
        .replace('15 * 60', '1')
    })
  })
  after(async () => {
    await prometheus.stop()
    sample.close()
    await world.close()
    rmSync(files, { recursive: true, force: true })
  })

  const fired = (alert: string, more = ''): Promise<unknown> =>
    prometheus.waitFor(
      `ALERTS{alertname="${alert}",alertstate="firing",job="hl7-https-out"${more}}`
    )

  it('is let in with the token of the page, and nobody without', async () => {
    const url = world.nodeRed.url + METRICS
    const headers = { authorization: `Bearer ${TOKEN}` }
    assert.equal((await fetch(url)).status, 401)
    const other = { authorization: 'Bearer another token' }
    assert.equal((await fetch(url, { headers: other })).status, 401)
    const answer = await fetch(url, { headers })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    const pause = `${world.nodeRed.url}/hl7-https-out/out/pause`
    assert.equal((await fetch(pause, { method: 'POST', headers })).status, 401)
    await prometheus.waitFor('up{job="hl7-https-out"} == 1')
  })

  it('reads what promtool finds correct', async () => {
    await world.deploy({ name: ODD_NAME })
    await world.nodeRed.inject('in', { payload: adt('FIGURE1') })
    await world.nodeRed.waitForMessages('ack')
    const headers = { authorization: `Bearer ${TOKEN}` }
    const input = await (await fetch(world.nodeRed.url + METRICS, { headers })).text()
    assert.match(input, /outcome="ack"} 1\n/)
    for (const text of [input, metricsText([fullNode()], [fullTokenNode()])]) {
      assert.deepEqual(promtool(['check', 'metrics'], text), { ok: true, said: '' })
    }
  })

  it('knows the node by its id and by the name that its user gave it', async () => {
    const [acked] = await prometheus.waitFor(
      'hl7_https_out_messages_total{job="hl7-https-out",outcome="ack",node="out"} == 1'
    )
    assert.equal(acked?.metric['name'], ODD_NAME)
    const [count] = await prometheus.waitFor(
      'hl7_https_out_request_duration_seconds_count{node="out"} == 1'
    )
    assert.ok(count)
    const [requests] = await prometheus.query(
      'hl7_https_out_token_requests_total{result="ok",job="hl7-https-out"}'
    )
    assert.deepEqual(
      [requests?.metric['node'], requests?.metric['name'], requests?.value[1]],
      ['auth', new URL(world.tokens.issuer).host, '1']
    )
    const [valid] = await prometheus.query('hl7_https_out_token_valid_seconds{node="out"}')
    assert.ok(Number(valid?.value[1]) > 60)
    const certificates = await prometheus.query(
      'hl7_https_out_certificate_valid_seconds{node="out"}'
    )
    assert.deepEqual(certificates.map(({ metric }) => metric['of']).sort(), [
      ...['receiver', 'token server']
    ])
    for (const { value } of certificates) assert.ok(Number(value[1]) > 0)
  })

  it('answers every query of the dashboard, with a value', async () => {
    // Two scrapes, so that there are rates.
    await prometheus.waitFor('count_over_time(up{job="sample"}[1m]) > 5')
    for (const { title, targets } of dashboard().panels) {
      for (const { expr } of targets) {
        const query = expr
          .replaceAll('$instance', '.*')
          .replaceAll('$node', '.*')
          .replaceAll('$__rate_interval', '30s')
        assert.doesNotMatch(query.replace(/"[^"]*"/g, ''), /\$/, title)
        assert.notEqual((await prometheus.query(query)).length, 0, `${title}: ${query}`)
      }
    }
  })

  it('alerts when a message is suspended, and when nothing is accepted', async () => {
    await world.deploy({ name: 'Lab', replyCodeActions: ':?A=S' })
    await world.nodeRed.inject('in', { payload: adt('FIGURE2') })
    await fired('Hl7HttpsOutCall', ',name="Lab",code="SUSPENDED"')
    // The first value of a counter has to be seen before it can grow.
    await prometheus.waitFor(
      'hl7_https_out_refused_total{name="Lab",code="HL7_INVALID_MESSAGE"} == 0'
    )
    await world.nodeRed.inject('in', { payload: 'no HL7' })
    await fired('Hl7HttpsOutNotAccepted', ',name="Lab"')
  })

  it('alerts when the receiver is down, and no longer once it is back', async () => {
    world.receiver.respond = () => ({ cut: 'before' })
    await world.deploy({ name: 'Registry', retryInterval: 1, retryMaxInterval: 1 })
    await world.nodeRed.inject('in', { payload: adt('FIGURE3') })
    await fired('Hl7HttpsOutLongWait', ',name="Registry"')
    await fired('Hl7HttpsOutCall', ',name="Registry",code="RETRYING"')
    const attempts = 'hl7_https_out_attempts_total{name="Registry",result="error"} > 1'
    await prometheus.waitFor(attempts)
    world.receiver.respond = undefined
    await prometheus.waitFor(
      'ALERTS{alertname=~"Hl7HttpsOut(LongWait|Call)",job="hl7-https-out"}',
      ({ length }) => length === 0
    )
  })

  it('alerts when a node is paused', async () => {
    await world.nodeRed.post('/hl7-https-out/out/pause')
    await fired('Hl7HttpsOutCall', ',name="Registry",code="PAUSED"')
  })

  it('says of a node that is not set up that it is not, and what it refuses', async () => {
    await world.deploy({ name: 'Unready', url: '' })
    await world.nodeRed.inject('in', { payload: adt('FIGURE4') })
    const [refused] = await prometheus.waitFor(
      'hl7_https_out_refused_total{name="Unready",code="HL7_CONFIG"} == 1'
    )
    assert.ok(refused)
    await fired('Hl7HttpsOutCall', ',name="Unready",code="CONFIG"')
    assert.deepEqual(await prometheus.query('hl7_https_out_paused{name="Unready"}'), [])
  })

  it('alerts when Node-RED is down', async () => {
    await world.nodeRed.stop()
    await fired('Hl7HttpsOutDown')
  })
})

/** What the page puts into settings.js; anybody may deploy here, but not read. */
function adminAuth(tokenFile: string): Record<string, unknown> {
  const text = settingsBlock.replace('/etc/node-red/metrics-token', tokenFile)
  const settings = runInNewContext(`({ ${text} })`, {
    require: () => ({ readFileSync })
  }) as { adminAuth: Record<string, unknown> }
  const permissions = ['flows.read', 'flows.write', 'inject.write', 'hl7-https-out.write']
  return { ...settings.adminAuth, default: { permissions } }
}

/** Serves nodes to which everything has happened, again and again. */
async function startSample(): Promise<Server> {
  let scrapes = 0
  const server = createServer((_request, response) => {
    scrapes++
    const node = { ...fullNode(), refused: new Map([['HL7_QUEUE_FULL', scrapes]]) }
    response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
    response.end(metricsText([node], [fullTokenNode()]))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
