import { Agent, request } from 'node:https'
import { Buffer } from 'node:buffer'

/** A node that only calls node:https, with the agent settings of hl7-https-out: the cost of Node.js itself. */
export default function benchHttps(RED) {
  RED.nodes.registerType('bench-https', function ({ url, ca, token, maxSockets }) {
    RED.nodes.createNode(this, arguments[0])
    const agent = new Agent({
      keepAlive: true,
      ca,
      maxSockets,
      maxFreeSockets: maxSockets,
      scheduling: 'lifo'
    })
    this.on('input', (msg, send, done) => {
      const body = Buffer.from(msg.payload)
      const sent = request(url, {
        method: 'POST',
        agent,
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/hl7-v2; charset=utf-8',
          'content-length': body.length
        }
      })
      sent.once('error', done)
      sent.once('response', (response) => {
        const chunks = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.once('error', done)
        response.once('end', () => {
          const { statusCode, headers } = response
          const payload = Buffer.concat(chunks).toString()
          send(Object.assign(msg, { payload, statusCode, headers }))
          done()
        })
      })
      sent.end(body)
    })
    this.on('close', () => {
      agent.destroy()
    })
  })
}
