import { Buffer } from 'node:buffer'
import { Agent } from 'node:https'
import got from 'got'

/**
 * A node that only calls got: its promise form, or its stream, which is the least that a node with got
 * can cost. With `maxSockets` it uses the same agent as hl7-https-out.
 */
export default function benchGot(RED) {
  RED.nodes.registerType('bench-got', function ({ url, ca, token, maxSockets, stream }) {
    RED.nodes.createNode(this, arguments[0])
    const agent = new Agent(
      maxSockets === undefined
        ? { keepAlive: true, ca }
        : { keepAlive: true, ca, maxSockets, maxFreeSockets: maxSockets, scheduling: 'lifo' }
    )
    this.on('input', async (msg, send, done) => {
      try {
        const options = {
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/hl7-v2; charset=utf-8'
          },
          agent: { https: agent },
          retry: { limit: 0 },
          throwHttpErrors: false
        }
        const { body, statusCode, headers } = stream
          ? await streamed(url, options, msg.payload)
          : await got.post(url, { ...options, body: msg.payload })
        send(Object.assign(msg, { payload: body, statusCode, headers }))
        done()
      } catch (error) {
        done(error)
      }
    })
    this.on('close', () => {
      agent.destroy()
    })
  })
}

async function streamed(url, options, payload) {
  const stream = got.stream.post(url, options)
  const closed = new Promise((resolve) => {
    stream.once('request', (request) => request.once('close', resolve))
  })
  stream.end(payload)
  const chunks = await stream.toArray()
  // Then its connection is free for the next one.
  await closed
  const { statusCode, headers } = stream.response
  return { body: Buffer.concat(chunks).toString(), statusCode, headers }
}
