import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readSoapFault, soapVersion, type SoapFault } from '../../src/https/soap-fault.ts'
import { faultAnswer } from '../support/soap-fault.ts'

const inEnvelope = (body: string): string =>
  `<?xml version="1.0"?><s:Envelope xmlns:s="x"><s:Header/><s:Body>${body}</s:Body></s:Envelope>`

describe('readSoapFault', () => {
  const none: SoapFault = { isOfRegistry: false }

  it('is the standard code, in SOAP 1.1 and 1.2', () => {
    const codes: Record<string, string> = {
      '<s:Fault><faultcode>s:Client</faultcode><faultstring>x</faultstring>': 'Client',
      '<s:Fault><faultcode>s:Client.Authentication</faultcode>': 'Client.Authentication',
      '<s:Fault><faultcode>s:Client.Lindqvist</faultcode>': 'Client',
      '<SOAP-ENV:Fault>\n<faultcode xsi:type="xsd:QName"> SOAP-ENV:Server.x </faultcode>': 'Server',
      '<Fault xmlns="x"><Code><Value>Receiver</Value></Code>': 'Receiver',
      '<env.1-a:Fault><soap:Code><soap:Value>env.1-a:Sender</soap:Value>': 'Sender',
      '<e:Fault><e:Code><e:Value\n>e:MustUnderstand\n</e:Value>': 'MustUnderstand',
      '\n  <s:Fault><faultcode xmlns:w="x">w:FailedAuthentication</faultcode>':
        'FailedAuthentication',
      '<s:Fault><s:Code><s:Value>s:Sender</s:Value>\n<s:Subcode><s:Value xmlns:w="x">w:SecurityError</s:Value>':
        'Sender.SecurityError'
    }
    for (const [xml, code] of Object.entries(codes)) {
      assert.deepEqual(readSoapFault(inEnvelope(xml)), { ...none, code })
    }
  })

  it('is the name of the element in the detail, the version, and whose WSDL it is', () => {
    const known = { detail: 'SecurityFault', isOfRegistry: true }
    for (const [version, code] of [
      ['1.1', 'Client'],
      ['1.2', 'Sender']
    ] as const) {
      const text = String(faultAnswer(version).body)
      assert.deepEqual(readSoapFault(text), { ...known, code, version })
      const declaration = ' xmlns="urn:cdc:iisb:2011"'
      const atEnvelope = text.replace(declaration, '').replace(':Envelope', `$&${declaration}`)
      assert.deepEqual(readSoapFault(atEnvelope), { ...known, code, version })
    }
  })

  it('has no other name, and none of what is quoted', () => {
    for (const xml of [
      '<s:Fault>',
      '<s:Fault><faultcode>s:Lindqvist</faultcode><faultstring>s:Client</faultstring>',
      '<s:Fault><Value>SenderLindqvist</Value>',
      '<s:Fault><detail><Lindqvist/></detail>',
      '<s:Fault><detail>SecurityFault</detail>',
      '<s:Fault><faultstring><![CDATA[<faultcode>Client</faultcode>]]></faultstring>',
      '<s:Fault><!-- <detail><SecurityFault/></detail> -->'
    ]) {
      assert.deepEqual(readSoapFault(inEnvelope(xml)), none, xml)
    }
  })

  it('is nothing else', () => {
    for (const xml of [
      '',
      '{"a": "<s:Envelope><s:Fault>"}',
      '<Fault><Value>Sender</Value></Fault>',
      '<reply><Fault>none</Fault></reply>',
      inEnvelope('<Value>Sender</Value>'),
      inEnvelope('<Faults><Value>Sender</Value></Faults>'),
      inEnvelope('<reply><Fault>none</Fault></reply>'),
      inEnvelope('<return><![CDATA[<s:Fault><Value>Sender</Value>]]></return>')
    ]) {
      assert.equal(readSoapFault(xml), undefined, xml)
    }
  })

  it('is found in little time', () => {
    for (const part of [
      '<Body> ',
      '<Fault ',
      '<Value ',
      '<a:',
      'a.',
      '<Fault><Value',
      '<Fault><Value> ',
      '<![CDATA[',
      '<!--',
      '<detail><',
      ' '
    ]) {
      const start = performance.now()
      readSoapFault(`<Envelope><Body><Fault>${part.repeat(200_000)}`)
      assert.ok(performance.now() - start < 500, part)
    }
  })
})

describe('soapVersion', () => {
  it('is that of the namespace of an envelope', () => {
    assert.equal(soapVersion(String(faultAnswer('1.1').body)), '1.1')
    assert.equal(soapVersion(String(faultAnswer('1.2').body)), '1.2')
    assert.equal(soapVersion('MSH|^~\\&|A\r'), undefined)
  })
})
