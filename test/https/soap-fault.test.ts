import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { soapFaultCode } from '../../src/https/soap-fault.ts'

describe('soapFaultCode', () => {
  it('is the standard code, in SOAP 1.1 and 1.2', () => {
    const codes: Record<string, string> = {
      '<s:Fault><faultcode>s:Client</faultcode><faultstring>x</faultstring>': 'Client',
      '<SOAP-ENV:Fault>\n<faultcode xsi:type="xsd:QName"> SOAP-ENV:Server.x </faultcode>': 'Server',
      '<Fault xmlns="x"><Code><Value>Receiver</Value></Code>': 'Receiver',
      '<env.1-a:Fault><soap:Code><soap:Value>env.1-a:Sender</soap:Value>': 'Sender',
      '<e:Fault><e:Code><e:Value\n>e:MustUnderstand\n</e:Value>': 'MustUnderstand'
    }
    for (const [xml, code] of Object.entries(codes)) assert.equal(soapFaultCode(xml), code)
  })

  it('is nothing else, and never the text of a fault', () => {
    for (const xml of [
      '',
      '<a><Value>Sender</Value></a>',
      '<Fault>',
      '<a><Value>Sender</Value></a><Fault>',
      '<Faults><Value>Sender</Value></Faults>',
      '<s:Fault><faultcode>s:Lindqvist</faultcode><faultstring>s:Client</faultstring>',
      '<s:Fault><Value>SenderLindqvist</Value>',
      `${' '.repeat(20_000)}<Fault><Value>Sender</Value>`
    ]) {
      assert.equal(soapFaultCode(xml), undefined, xml)
    }
  })

  it('is found in little time', () => {
    for (const part of [
      '<Fault ',
      '<Value ',
      '<a:',
      'a.',
      '<Fault><Value',
      '<Fault><Value> ',
      ' '
    ]) {
      const start = performance.now()
      soapFaultCode(`<Fault>${part.repeat(500_000)}`)
      assert.ok(performance.now() - start < 500, part)
    }
  })
})
