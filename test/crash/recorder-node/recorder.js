import { appendFileSync } from 'node:fs'

/**
 * A node for tests: appends the control ID of each message to a file by a system call, so that
 * the record survives if the process is killed.
 */
export default function recorder(RED) {
  RED.nodes.registerType('recorder', function (config) {
    RED.nodes.createNode(this, config)
    this.on('input', (msg, send, done) => {
      const id = msg.hl7?.controlId ?? String(msg.payload).split('|')[9] ?? ''
      appendFileSync(config.file, `${id}\n`)
      done()
    })
  })
}
