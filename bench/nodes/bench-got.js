import { Agent } from 'node:https'
import got from 'got'

/** A node that only calls got's promise form, with the agent settings of hl7-https-out. */
export default function benchGot(RED) {
  RED.nodes.registerType('bench-got', function ({ url, ca, token, maxSockets }) {
    RED.nodes.createNode(this, arguments[0])
    const agent = new Agent({
      keepAlive: true,
      ca,
      maxSockets,
      maxFreeSockets: maxSockets,
      scheduling: 'lifo'
    })
    this.on('input', async (msg, send, done) => {
      try {
        const { body, statusCode, headers } = await got.post(url, {
          body: msg.payload,
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/hl7-v2; charset=utf-8'
          },
          agent: { https: agent },
          retry: { limit: 0 },
          throwHttpErrors: false
        })
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
