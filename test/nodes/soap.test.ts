import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readSubmission, type SubmittedMessage } from '../../demo/soap-registry.ts'
import { faultAnswer } from '../support/soap-fault.ts'
import { soapPreset } from '../support/soap-preset.ts'
import { adt, shareWorld } from '../support/world.ts'

const PASSWORD = `p<&>"'w ]]> é`

describe('SOAP', () => {
  const world = shareWorld()

  /** Deploys the node as the preset fills it in, with a user name. */
  const deploy = ({ version }: Pick<SubmittedMessage, 'version'>, more: object = {}) =>
    world.deploy({
      ...soapPreset(version, { username: 'ward & <12>', password: PASSWORD }),
      ...more
    })

  for (const version of ['1.1', '1.2'] as const) {
    it(`${version}: every character arrives, and the acknowledgement decides`, async () => {
      await deploy({ version })
      const { nodeRed, receiver } = world
      const earlier = receiver.requests.length
      const [acks, naks] = [nodeRed.messages('ack').length, nodeRed.messages('nak').length]
      const text = adt('SOAP1').replace('Lindqvist', `Søndergård & <林> "']]>&amp;`)
      await nodeRed.inject('in', { payload: text })
      await nodeRed.inject('in', { payload: adt('SOAP2', { version: '9.9' }) })
      const [accepted] = (await nodeRed.waitForMessages('ack', acks + 1)).slice(acks)
      const [refused] = (await nodeRed.waitForMessages('nak', naks + 1)).slice(naks)
      const [request] = receiver.requests.slice(earlier)
      assert.ok(request)
      assert.deepEqual(readSubmission(request), {
        version,
        username: 'ward & <12>',
        password: PASSWORD,
        facilityID: 'NORTHSIDE',
        hl7Message: `${text}\r`
      })
      assert.match(String(accepted?.['payload']), /^MSH\|\^~\\&\|[^\r]*\rMSA\|AA\|SOAP1\r$/)
      assert.ok(refused)
      const { ack } = refused['hl7'] as { ack: { code: string; errors: { code: string }[] } }
      assert.equal(ack.code, 'AR')
      assert.equal(ack.errors[0]?.code, '203')
    })

    it(`${version}: a fault goes to Catch, where the flow can read it`, async () => {
      await deploy({ version }, { failureTimeout: 0 })
      const { nodeRed, receiver } = world
      receiver.respond = () => faultAnswer(version)
      const caught = nodeRed.messages('caught').length
      await nodeRed.inject('in', { payload: adt('FAULT1') })
      const [msg] = (await nodeRed.waitForMessages('caught', caught + 1)).slice(caught)
      const { error, hl7 } = msg as {
        error: { code: string; message: string; cause: unknown }
        hl7: { reply: string; ack: unknown }
      }
      assert.equal(error.code, 'HL7_DELIVERY_FAILED')
      assert.deepEqual(error.cause, { code: '500', status: 500 })
      const code = version === '1.1' ? 'Client' : 'Sender'
      assert.ok(
        error.message.includes(
          `a SOAP fault (${code}, SecurityFault). The receiver refuses the login`
        ),
        error.message
      )
      assert.equal(hl7.ack, null)
      assert.match(hl7.reply, /SecurityFault.*Lindqvist/)
      for (const told of [JSON.stringify(error), (await nodeRed.printed()).join('\n')]) {
        assert.ok(!told.includes('Lindqvist') && !told.includes(PASSWORD))
      }
    })
  }
})
