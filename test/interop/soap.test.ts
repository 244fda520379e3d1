/** The real node, with the presets of its form, against registries made with spyne and node-soap. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { SoapVersion } from '../../src/hl7-over-http/soap-fault.ts'
import { missing } from '../support/debian-packages.ts'
import { soapPreset } from '../support/soap-preset.ts'
import { adt, startWorld, type World } from '../support/world.ts'
import { type SoapRegistry, startNodeSoap, type Submission } from './node-soap.ts'
import { startPython } from './servers.ts'

async function startSpyne(): Promise<SoapRegistry> {
  const server = await startPython<Submission>('soap_registry.py')
  return { ...server, urlOf: (version) => `http://127.0.0.1:${server.port}/${version}` }
}

/** How they say that the sender is to blame, and that they refuse a login, by its password: status and fault. */
interface Faults {
  invalid: string
  logins: Record<string, string>
}

const REGISTRIES: Record<
  string,
  { skip: string | false; start: () => Promise<SoapRegistry> } & Record<SoapVersion, Faults>
> = {
  spyne: {
    skip: missing('spyne'),
    start: startSpyne,
    '1.1': { invalid: '500 (Client)', logins: { wrong: '500 (Client.Authentication)' } },
    '1.2': { invalid: '500 (Sender)', logins: { wrong: '500 (Sender.Authentication)' } }
  },
  'node-soap': {
    skip: false,
    start: startNodeSoap,
    '1.1': {
      invalid: '200 (Client)',
      logins: { wrong: '401 (Client)', expired: '200 (Client, SecurityFault)' }
    },
    '1.2': {
      invalid: '500 (Sender)',
      logins: { wrong: '401 (Client)', expired: '500 (Sender, SecurityFault)' }
    }
  }
}

/** Messages whose login is refused. */
const MANY = 8

for (const [name, { skip, start, ...faults }] of Object.entries(REGISTRIES)) {
  describe(`against a SOAP service made with ${name}`, { skip }, () => {
    let world: World
    let registry: SoapRegistry
    before(async () => {
      world = await startWorld()
      registry = await start()
    })
    after(async () => {
      await registry.stop()
      await world.close()
    })

    /** As the preset of this version fills in the form. */
    const deploy = (
      preset: SoapVersion,
      password: string,
      more: Record<string, unknown> = { failureTimeout: 0 }
    ): Promise<void> =>
      world.deploy({
        url: registry.urlOf(preset),
        ...soapPreset(preset, { username: 'ward-12', password }),
        ...more
      })
    const about = (family: string): string => adt('SOAP').replace('Lindqvist', family)
    /** The error of a message that goes to Catch, and the rule that decided. */
    const failed = async (payload: string): Promise<[error: string, rule: string]> => {
      const { error, hl7 } = await world.caught(payload)
      return [error.message, hl7.rule]
    }
    const logins = async (): Promise<number> => (await registry.seen()).length

    for (const [version, other] of [
      ['1.1', '1.2'],
      ['1.2', '1.1']
    ] as const) {
      const { invalid, logins: refusals } = faults[version]

      it(`SOAP ${version}: accepts a message, or not`, async () => {
        await deploy(version, 'right')
        const earlier = await logins()
        assert.equal((await world.send(about('Lindqvist'))).output, 'ack')
        const { output, msg } = await world.send(about('Refused'))
        assert.deepEqual([output, msg.hl7.ack?.code], ['nak', 'AE'])
        const submission = { username: 'ward-12', facility: 'NORTHSIDE', id: 'SOAP' }
        assert.deepEqual((await registry.seen()).slice(earlier), [submission, submission])
      })

      it(`SOAP ${version}: blames the sender, or itself`, async () => {
        await deploy(version, 'right')
        const [error, rule] = await failed(about('Invalid'))
        assert.match(error, faultOf(invalid, 'check the body template'))
        assert.equal(rule, 'E#4xx=F')
        const [ownError, ownRule] = await failed(about('Broken'))
        assert.match(ownError, /HTTP 500 .*fault \((Server|Receiver)\)\. The receiver failed/)
        assert.equal(ownRule, 'E=RF')
      })

      it(`SOAP ${version}: does not understand the other version, or answers in its own`, async () => {
        await deploy(version, 'right', { failureTimeout: 0, url: registry.urlOf(other) })
        const [error] = await failed(about('Invalid'))
        assert.match(error, new RegExp(`choose the preset SOAP ${other}`))
      })

      for (const [password, refusal] of Object.entries(refusals)) {
        it(`SOAP ${version}: refuses the login, ${refusal}, and gets no further one soon`, async () => {
          await deploy(version, password)
          const [error, rule] = await failed(about('Lindqvist'))
          assert.match(error, faultOf(refusal, 'refuses the login: check the user name'))
          assert.equal(rule, '(E#401,E#403,E#404,E#405,E#407,E#410,E#431)=RF')

          await deploy(version, password, { order: 'none' })
          const earlier = await logins()
          for (let sent = 0; sent < MANY; sent++) {
            await world.nodeRed.inject('in', { payload: about('Lindqvist') })
          }
          await world.eventually(async () => {
            const { queued, retrying } = await world.state()
            return queued === MANY && retrying === 1
          })
          assert.equal(await logins(), earlier + 1)
        })
      }
    }
  })
}

/** The error that names a status and a fault, and what to do. */
function faultOf(statusAndFault: string, advice: string): RegExp {
  const [status = '', fault = ''] = statusAndFault.split(/ (.*)/)
  const escaped = fault.replace(/[().]/g, '\\$&')
  return new RegExp(`^HTTP ${status} from the receiver with .*SOAP fault ${escaped}.*${advice}`)
}
