import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { listen as serve } from 'soap'
import { close, listen } from '../../demo/loopback.ts'
import type { SoapVersion } from '../../src/hl7-over-http/soap-fault.ts'
import { controlIdIn } from '../support/world.ts'

/** What a registry found in a request. */
export interface Submission {
  username: string
  facility: string
  id: string
}

/** A registry with the operation submitSingleMessage (CDC WSDL of 2011). */
export interface SoapRegistry {
  urlOf(version: SoapVersion): string
  seen(): Promise<readonly Submission[]>
  stop(): Promise<void>
}

interface Call {
  username: string
  password: string
  facilityID: string
  hl7Message: string
}

const xml = readFileSync(new URL('registry.wsdl', import.meta.url), 'utf8')

/**
 * Starts a registry made with node-soap: a server for each version of SOAP, since node-soap does not look at that of a
 * request. Its acknowledgement is AA; the family name `Refused` gets AE, `Invalid` a fault that blames the client, and
 * `Broken` an error of the server. The password `wrong` is refused by node-soap itself, `expired` with the WSDL's
 * SecurityFault.
 */
export async function startNodeSoap(): Promise<SoapRegistry> {
  const seen: Submission[] = []
  const start = async (version: SoapVersion) => {
    const server = createServer()
    const port = await listen(server)
    const service = serve(server, {
      path: '/',
      xml,
      forceSoap12Headers: version === '1.2',
      services: { IISService: { IIS_Port: { submitSingleMessage: submitTo(version) } } }
    })
    service.authenticate = (_security, decide, _request, { Body: { submitSingleMessage } }) => {
      const { username, password, facilityID, hl7Message } = submitSingleMessage as Call
      seen.push({ username, facility: facilityID, id: controlIdIn(hl7Message) })
      decide?.(password !== 'wrong')
    }
    return { server, url: `http://127.0.0.1:${port}/` }
  }
  const [older, newer] = [await start('1.1'), await start('1.2')]
  return {
    urlOf: (version) => (version === '1.1' ? older.url : newer.url),
    seen: () => Promise.resolve(seen),
    async stop() {
      await close(older.server)
      await close(newer.server)
    }
  }
}

function submitTo(version: SoapVersion) {
  return ({ password, hl7Message }: Call): Promise<{ return: string }> => {
    if (password === 'expired') throw faultOfSender(version, 'SecurityFault')
    if (hl7Message.includes('Invalid')) throw faultOfSender(version, 'Problem')
    if (hl7Message.includes('Broken')) return Promise.reject(new Error('out of order'))
    const code = hl7Message.includes('Refused') ? 'AE' : 'AA'
    const msa = `MSA|${code}|${controlIdIn(hl7Message)}\r`
    return Promise.resolve({ return: `MSH|^~\\&|IIS|STATE|||20260102||ACK|R1|P|2.5.1\r${msa}` })
  }
}

/** As node-soap's documentation has them; without a `statusCode`, the status is 200. */
function faultOfSender(version: SoapVersion, name: string): Error {
  const detail = { [name]: { attributes: { xmlns: 'urn:cdc:iisb:2011' }, Reason: 'No' } }
  const code = { Value: 'soap:Sender', Subcode: { Value: 'rpc:BadArguments' } }
  const Fault =
    version === '1.1'
      ? { faultcode: 'soap:Client', faultstring: 'No', detail }
      : { Code: code, Reason: { Text: 'No' }, Detail: detail, statusCode: 500 }
  return Object.assign(new Error('No'), { Fault })
}
