import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  readSoapFault,
  soapOperation,
  soapVersion,
  type SoapFault
} from '../../src/hl7-over-http/soap-fault.ts'
import { faultAnswer } from '../support/soap-fault.ts'

const inEnvelope = (body: string, s = 's', attribute = ''): string =>
  `<?xml version="1.0"?><${s}:Envelope xmlns:${s}="x"><${s}:Header/><${s}:Body${attribute}>${body}</${s}:Body></${s}:Envelope>`

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
        'Sender.SecurityError',
      '<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>rpc:ProcedureNotPresent</env:Value>':
        'Sender.ProcedureNotPresent',
      '<Fault><Code><Value>Sender</Value><Subcode><Value>Authentication</Value>':
        'Sender.Authentication',
      '<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:FailedAuthentication</s:Value>':
        'Receiver',
      '<!-- from the gateway --><s:Fault><faultcode>s:Server</faultcode>': 'Server'
    }
    for (const [xml, code] of Object.entries(codes)) {
      assert.deepEqual(readSoapFault(inEnvelope(xml)), { ...none, code })
    }
  })

  it('is read from an envelope as each stack writes it', () => {
    const uri = 'http://schemas.xmlsoap.org/soap/envelope/'
    const code = '<faultcode>Client</faultcode>'
    for (const xml of [
      // gSOAP.
      `<SOAP-ENV:Envelope xmlns:SOAP-ENV="${uri}"><SOAP-ENV:Body><SOAP-ENV:Fault>${code}`,
      // Without prefixes.
      `<Envelope xmlns="${uri}"><Body><Fault>${code}`,
      // WCF, and where the body is signed.
      `<s:Envelope xmlns:s="${uri}"><s:Body xmlns:xsi="x" xmlns:xsd="y">\n<s:Fault>${code}`,
      `<S:Envelope\nxmlns:S="${uri}"><S:Body\n wsu:Id="body"><S:Fault>${code}`,
      `\r\n <s:Envelope xmlns:s="${uri}"><s:Body><s:Fault>${code}`,
      // A header with elements of the same names.
      `<s:Envelope xmlns:s="${uri}"><s:Header><w:Value>w:Server</w:Value></s:Header><s:Body><s:Fault>${code}`
    ]) {
      assert.deepEqual(readSoapFault(xml), { ...none, code: 'Client', version: '1.1' }, xml)
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
      `{"sent": ${JSON.stringify(inEnvelope('<s:Fault><faultcode>s:Client</faultcode>'))}}`,
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

  it('is that of the envelope itself, whatever else is declared', () => {
    const old = 'http://schemas.xmlsoap.org/soap/envelope/'
    const now = 'http://www.w3.org/2003/05/soap-envelope'
    for (const [xml, version] of [
      // CXF, at the fault.
      [`<soap:Envelope xmlns:soap="${now}"><soap:Body><soap:Fault xmlns:ns4="${old}">`, '1.2'],
      [`<a:Envelope\n xmlns:b='${old}' xmlns:a = '${now}'>`, '1.2'],
      [`<Envelope xmlns:a="${now}" xmlns="${old}">`, '1.1'],
      [`<Envelope xmlns="urn:x"><b:Body xmlns:b="${old}">`, undefined]
    ] as const) {
      assert.equal(soapVersion(xml), version, xml)
    }
  })
})

describe('soapOperation', () => {
  it('is the first element in the body of a request, without its prefix', () => {
    for (const body of [
      '<submitSingleMessage xmlns="urn:cdc:iisb:2011"><username>a</username>',
      '<urn:submitSingleMessage xmlns:urn="urn:cdc:iisb:2011">',
      '\n    <!-- HL7 --><u:submitSingleMessage/>',
      '\n\t<submitSingleMessage>'
    ]) {
      assert.equal(soapOperation(inEnvelope(body)), 'submitSingleMessage', body)
      const signed = inEnvelope(body, 'SOAP-ENV', ' wsu:Id="body"')
      assert.equal(soapOperation(signed), 'submitSingleMessage', signed)
    }
    assert.equal(soapOperation(inEnvelope('<get-v2.Ack_1>')), 'get-v2.Ack_1')
  })

  it('is none where the request has no body, or text in it', () => {
    for (const text of ['', 'MSH|^~\\&|A\r', '<a><b/></a>', inEnvelope('MSH|^~\\&amp;|A')]) {
      assert.equal(soapOperation(text), undefined, text)
    }
  })
})
