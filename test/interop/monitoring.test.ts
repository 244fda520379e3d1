/** A real Prometheus that reads the figures of a real Node-RED, as docs/monitoring.md says. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { runInNewContext } from 'node:vm'
import { startHl7Receiver } from '../../demo/hl7-receiver.ts'
import { metricsText } from '../../nodes/operations/metrics.ts'
import { page } from '../docs/markdown.ts'
import { missing } from '../support/debian-packages.ts'
import { dashboard } from '../support/dashboard.ts'
import { freePort } from '../support/free-port.ts'
import { fullNode, fullTokenNode } from '../support/sample-figures.ts'
import { adt, CLIENT_ID, controlIdIn, startWorld, type World } from '../support/world.ts'
import { promtool, startPrometheus, type Prometheus, type Sample } from './prometheus.ts'

const skip = missing('Prometheus')
const directory = dirname(fileURLToPath(import.meta.url))
const RULES = 'monitoring/hl7-https-out.rules.yml'
const TOKEN = 'f00d4711'.repeat(8)
const METRICS = '/hl7-https-out/metrics'
/** What a user can call a node. */
const ODD_NAME = 'Ward "3" \\ east\nwing \u{1f3e5}'

/** A node of which something holds. */
interface Holding {
  /** Properties. */
  is?: Record<string, unknown>
  /** Done before anything is sent. */
  before?: () => Promise<unknown>
  sends: readonly string[]
  /** Alert, severity, and the code of the condition if the alert has one. */
  alerts: readonly string[]
}

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

  it('alerts of each node what holds there, and nothing else', async (test) => {
    const day = 86_400_000
    const ending = await startHl7Receiver({
      tls: await world.authority.issueServer({
        notBefore: new Date(Date.now() - 60 * day),
        notAfter: new Date(Date.now() + 5 * day)
      })
    })
    test.after(() => ending.close())
    world.receiver.respond = ({ body }) => {
      const controlId = controlIdIn(body)
      if (/^(?:AWAY|CALLED|FULL|OVERDUE)/.test(controlId)) return { status: 503 }
      if (controlId === 'GIVEN-1') return { status: 500 }
      return undefined
    }
    const away = `https://127.0.0.1:${await freePort()}/hl7`
    const calm = { callAfter: 3600, retryInterval: 30, retryMaxInterval: 30 }
    // A message that waits at all has waited too long for the rules of this test.
    const waits = 'LongWait critical'
    const nodes: Record<string, Holding> = {
      WELL: { sends: [adt('WELL-1')], alerts: [] },
      AWAY: { is: calm, sends: [adt('AWAY-1')], alerts: [waits, 'Watch info RETRYING'] },
      CALLED: {
        is: { ...calm, callAfter: 0 },
        sends: [adt('CALLED-1')],
        alerts: ['Call critical RETRYING', waits]
      },
      OVERDUE: {
        is: { ...calm, queueCountAlert: 1, queueWaitAlert: 1 },
        sends: [adt('OVERDUE-1'), adt('OVERDUE-2')],
        alerts: [
          ...[waits, 'Watch info QUEUE_WAIT'],
          ...['Watch info QUEUE_COUNT', 'Watch info RETRYING']
        ]
      },
      TOKEN: {
        is: { ...calm, callAfter: 0, auth: 'refused' },
        sends: [adt('TOKEN-1')],
        alerts: ['Call critical RETRYING', 'Call critical TOKEN', waits]
      },
      PAUSED: {
        before: () => world.nodeRed.post('/hl7-https-out/PAUSED/pause'),
        sends: [],
        alerts: ['Call critical PAUSED']
      },
      UNTIL: {
        before: () => {
          const until = new Date(Date.now() + day).toISOString()
          return world.nodeRed.post('/hl7-https-out/UNTIL/pause', { until })
        },
        sends: [adt('UNTIL-1')],
        alerts: ['Watch info PAUSED']
      },
      FULL: {
        is: { ...calm, queueLimit: 1 },
        sends: [adt('FULL-1'), adt('FULL-2')],
        alerts: [
          ...['Call critical ERROR', waits, 'NotAccepted warning'],
          ...['Watch info RETRYING', 'Watch info TURNED_AWAY']
        ]
      },
      REFUSING: {
        sends: Array.from({ length: 5 }, (_, index) =>
          adt(`REFUSING-${index}`, { birth: 'unknown' })
        ),
        alerts: ['Nak info', 'Watch info REFUSING']
      },
      NAK: { sends: [adt('NAK-1', { birth: 'unknown' })], alerts: ['Nak info'] },
      GIVEN: {
        is: { failureTimeout: 0 },
        sends: [adt('GIVEN-1'), adt('GIVEN-2')],
        alerts: ['Call critical GIVEN_UP']
      },
      SUSPENDED: {
        is: { replyCodeActions: ':?E=S,:?A=C' },
        sends: [adt('SUSPENDED-1', { birth: 'unknown' })],
        alerts: ['Watch info SUSPENDED']
      },
      QUIET: { is: { inactivityAlert: 1 }, sends: [], alerts: ['Call critical QUIET'] },
      BACKUP: {
        is: {
          ...{ url: away, backupUrl: world.receiver.url, backupAfter: 0.1 },
          ...{ retryInterval: 0.05, retryMaxInterval: 0.05 }
        },
        sends: [adt('BACKUP-1')],
        alerts: ['Watch info BACKUP']
      },
      CERTIFICATE: {
        is: { url: ending.url, auth: '' },
        sends: [adt('CERTIFICATE-1')],
        alerts: ['Call critical CERTIFICATE']
      },
      INVALID: { sends: ['no HL7'], alerts: ['NotAccepted warning'] },
      UNREADY: {
        is: { url: '' },
        sends: [adt('UNREADY-1')],
        alerts: ['Call critical CONFIG', 'NotAccepted warning', 'Watch info TURNED_AWAY']
      }
    }
    const [tab, tls, auth] = world.flow()
    assert.ok(tab && tls && auth)
    await world.nodeRed.deploy([
      ...[tab, tls, auth],
      { ...auth, id: 'refused', credentials: { clientId: CLIENT_ID, clientSecret: 'another' } },
      ...Object.entries(nodes).flatMap(([id, { is }]) => [
        { id: `in-${id}`, type: 'inject', z: 'tab', props: [{ p: 'payload' }], wires: [[id]] },
        {
          ...{ id, name: id, type: 'hl7-https-out', z: 'tab', wires: [[], []] },
          ...{ url: world.receiver.url, auth: 'auth', tls: 'tls', queue: 'memory', ...is }
        }
      ]),
      { id: 'catch', type: 'catch', z: 'tab', wires: [[]] }
    ])
    // The first value of a counter has to be seen before it can grow.
    const names = Object.keys(nodes)
    await prometheus.waitFor(
      `hl7_https_out_condition{name=~"${names.join('|')}",code="ACK"} == 0`,
      ({ length }) => length === names.length
    )
    for (const [id, { before, sends }] of Object.entries(nodes)) {
      await before?.()
      for (const payload of sends) await world.nodeRed.inject(`in-${id}`, { payload })
    }

    const firing = 'ALERTS{alertstate="firing",job="hl7-https-out"}'
    const alertsIn = (samples: readonly Sample[]): Record<string, string[]> =>
      Object.fromEntries(
        names.map((id) => [
          id,
          samples
            .filter(({ metric }) => metric['name'] === id)
            .map(({ metric: { alertname = '', severity = '', code = '' } }) =>
              `${alertname.replace('Hl7HttpsOut', '')} ${severity} ${code}`.trim()
            )
            .sort()
        ])
      )
    const expected = Object.fromEntries(
      Object.entries(nodes).map(([id, { alerts }]) => [id, [...alerts].sort()])
    )
    await prometheus
      .waitFor(firing, (samples) => isDeepStrictEqual(alertsIn(samples), expected))
      .catch(async () => {
        assert.deepEqual(alertsIn(await prometheus.query(firing)), expected)
      })
    // They stay, and no other joins them.
    const [now] = await prometheus.query('vector(time())')
    const later = Number(now?.value[1]) + 3
    await prometheus.waitFor('vector(time())', ([sample]) => Number(sample?.value[1]) > later)
    assert.deepEqual(alertsIn(await prometheus.query(firing)), expected)
    world.receiver.respond = undefined
  })

  it('alerts when a message is suspended, and when nothing is accepted', async () => {
    await world.deploy({ name: 'Lab', replyCodeActions: ':?A=S' })
    await world.nodeRed.inject('in', { payload: adt('FIGURE2') })
    await fired('Hl7HttpsOutWatch', ',name="Lab",code="SUSPENDED"')
    // The first value of a counter has to be seen before it can grow.
    await prometheus.waitFor(
      'hl7_https_out_refused_total{name="Lab",code="HL7_INVALID_MESSAGE"} == 0'
    )
    await world.nodeRed.inject('in', { payload: 'no HL7' })
    await fired('Hl7HttpsOutNotAccepted', ',name="Lab"')
  })

  it('alerts when the receiver is down, and no longer once it is back', async () => {
    world.receiver.respond = () => ({ cut: 'before' })
    await world.deploy({ name: 'Registry', callAfter: 2, retryInterval: 1, retryMaxInterval: 1 })
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
