import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Session } from 'node:inspector'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { Buffer } from 'node:buffer'
import { payloadOf } from '../payload.ts'

/**
 * Sends messages, takes them back at its input, and measures Node-RED meanwhile. Its commands come
 * over the IPC channel: see bench/bench-node-red.ts.
 */
export default function benchLoop(RED) {
  const report = (event) => {
    if (process.connected) process.send(event)
  }
  RED.events.on('flows:started', () => {
    report({ kind: 'started' })
  })

  RED.nodes.registerType('bench-loop', function (config) {
    RED.nodes.createNode(this, config)
    let run
    const startDelay = monitorEventLoopDelay({ resolution: 5 })
    startDelay.enable()

    const onCommand = (command) => {
      if (command.id !== this.id) return
      if (command.kind === 'memory') {
        globalThis.gc?.()
        const startStallMs = startDelay.max / 1e6
        report({ kind: 'memory', rss: process.memoryUsage.rss(), mostRss: mostRss(), startStallMs })
      } else if (command.kind === 'cpu') {
        const { user, system } = process.cpuUsage()
        report({ kind: 'cpu', us: user + system })
      } else if (command.kind === 'send') {
        this.send(command.msg)
      } else {
        startDelay.disable()
        run = new Run(this, command.spec, config.outputs, (result) => {
          run = undefined
          report({ kind: 'result', id: this.id, result })
        })
      }
    }
    process.on('message', onCommand)

    // A message is accepted when the node calls `done`.
    const hook = `onComplete.${this.id.replaceAll(/\W/gu, '')}`
    if (config.counts === 'accepted') {
      RED.hooks.add(hook, (event) => {
        if (run !== undefined && event.node.id === config.watched) run.returned()
      })
    }
    this.on('input', (msg, _send, done) => {
      startDelay.disable()
      if (config.counts !== 'accepted') run?.returned(msg)
      done()
    })
    this.on('close', () => {
      startDelay.disable()
      process.removeListener('message', onCommand)
      if (config.counts === 'accepted') RED.hooks.remove(hook)
    })
  })
}

class Run {
  #sent = 0
  #returned = 0
  #failed = 0
  #start = performance.now()
  #cpu = process.cpuUsage()
  #threads = threadsUs()
  #delay = monitorEventLoopDelay({ resolution: 5 })
  #profiler

  constructor(node, spec, outputs = 1, finished) {
    this.node = node
    this.outputs = outputs
    this.spec = spec
    this.finished = finished
    this.large = spec.bytes > 65536 ? largePayload(spec) : undefined
    // The garbage from creating the payload must not be measured.
    if (this.large !== undefined) globalThis.gc?.()
    if (spec.profile !== undefined) this.#profiler = startProfiler()
    this.#delay.enable()
    this.#start = performance.now()
    this.#cpu = process.cpuUsage()
    this.#threads = threadsUs()
    for (let i = 0; i < Math.min(spec.width, spec.messages); i++) this.#send()
  }

  /** A message has come back, with an AA if all is well. */
  returned(msg) {
    if (msg !== undefined && !isAccepted(String(msg.payload))) this.#failed++
    this.#returned++
    if (this.#sent < this.spec.messages) this.#send()
    else if (this.#returned === this.spec.messages) this.#finish()
  }

  #send() {
    const index = this.#sent++
    const msg = { payload: this.large ?? payloadOf(index, this.spec), topic: 'bench' }
    // The outputs take turns.
    this.node.send([...Array(index % this.outputs).fill(null), msg])
  }

  #finish() {
    const { user, system } = process.cpuUsage(this.#cpu)
    const ms = performance.now() - this.#start
    this.#delay.disable()
    const result = {
      messages: this.spec.messages,
      failed: this.#failed,
      ms,
      cpuUs: user + system,
      ...(this.#threads && { threadsUs: difference(threadsUs(), this.#threads) }),
      mostStallMs: this.#delay.max / 1e6,
      rss: process.memoryUsage.rss(),
      mostRss: mostRss()
    }
    if (this.#profiler === undefined) this.finished(result)
    else {
      this.#profiler.post('Profiler.stop', (error, { profile }) => {
        if (!error) writeFileSync(this.spec.profile, JSON.stringify(profile))
        this.finished(result)
      })
    }
  }
}

const TASKS = '/proc/self/task'
/** By their names, of which the system keeps 15 characters. */
const THREADS = { 'hl7-https-out q': 'queue', 'libuv-worker': 'pool' }

/** CPU time of each kind of thread since it started, in microseconds; undefined where the system does not tell. */
function threadsUs() {
  if (!existsSync(TASKS)) return undefined
  const total = { main: 0, queue: 0, pool: 0, others: 0 }
  for (const id of readdirSync(TASKS)) {
    const name = readFileSync(`${TASKS}/${id}/comm`, 'utf8').trim()
    const kind = id === String(process.pid) ? 'main' : (THREADS[name] ?? 'others')
    total[kind] += Number(readFileSync(`${TASKS}/${id}/schedstat`, 'utf8').split(' ')[0]) / 1000
  }
  return total
}

function difference(after, before) {
  return Object.fromEntries(Object.entries(after).map(([kind, us]) => [kind, us - before[kind]]))
}

/** The acknowledgement alone: without the envelope that it may have come in. */
function isAccepted(payload) {
  return payload.startsWith('MSH') && payload.includes('\rMSA|AA|')
}

/** The most resident memory since the process started, in bytes. */
function mostRss() {
  return process.resourceUsage().maxRSS * 1024
}

function startProfiler() {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.setSamplingInterval', { interval: 200 })
  session.post('Profiler.start')
  return session
}

/** A long message, made from bytes: V8 joins the parts of a string only when it is first read. */
function largePayload(spec) {
  const bytes = Buffer.from(payloadOf(0, spec), 'latin1')
  return spec.payload === 'buffer' ? bytes : bytes.toString('latin1')
}
