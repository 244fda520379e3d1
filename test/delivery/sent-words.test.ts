import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readOutgoingMessage } from '../../src/hl7/outgoing-message.ts'
import { isOfMessage, repeats, withoutNumbers } from '../../src/delivery/sent-words.ts'

const text = [
  'MSH|^~\\&|SENDER|WARD|C|D|20260102||ADT^A01^ADT_A01|MSG-JANSEN|P|2.5.1',
  "PID|1||AB77^^^X^MR||Müller-Björk^Li^O'Brien\\T\\Sons||19700102|F|||Elm St^^OR",
  'OBX|1|TX|N||M\\XC3A5\\rtensson Bo^Søren Straße Łukasz'
].join('\r')
const message = readOutgoingMessage(text, 'auto')
const nothing = (): string[] => []

describe('repeats', () => {
  for (const said of [
    ...['Patient Müller', 'MULLER', 'mu\u0308ller!', 'no:bjork', 'm%C3%BCller', 'muller%20x'],
    ...['XMüllerX', 'Mul-ler', 'brien', 'Sons', 'Martensson', 'Li', 'LI', 'Bo is unknown'],
    ...['Mueller', 'MAARTENSSON', 'Soren', 'soeren', 'strasse', 'LUKASZ'],
    ...['ward', 'ab77', 'AB is unknown', 'elm', 'Or', '%zz Elm']
  ]) {
    it(`finds it in: ${said}`, () => {
      assert.equal(repeats(said, message, nothing), true)
    })
  }

  for (const said of [
    ...['', 'The token expired', 'li, bo, or f', 'F', 'C D', 'Millers', 'elms', 'wards'],
    ...['ADT^A01 is not allowed', 'MSG-JANSEN is a duplicate', '%zz']
  ]) {
    it(`finds nothing in: ${said}`, () => {
      assert.equal(repeats(said, message, nothing), false)
    })
  }

  for (const [path, isFound] of [
    ['/patients/li/bo', true],
    ['/Patients/LI', true],
    ['/elm/st', true],
    ['/fhir/in/hl7', false],
    ['/f/c', false]
  ] as const) {
    it(`finds names of two letters in a path, in any case: ${path}`, () => {
      assert.equal(repeats(path, message, nothing, true), isFound)
    })
  }

  it('finds secrets and other values, also in pieces', () => {
    const given = ['se$ret:1', 'Basic YWJjZGVmZ2g=', 'no']
    for (const said of ['xse$ret:1', 'ret', 'YWJjZGVmZ2g', 'zgVmZ2g', 'key ywjjzg', 'No']) {
      assert.equal(
        repeats(said, message, () => given),
        true,
        said
      )
    }
    for (const said of ['ywjj', 'no', 'key']) {
      assert.equal(
        repeats(said, message, () => given),
        false,
        said
      )
    }
  })

  it('does not search long requests, in which it could be anywhere', () => {
    const header = 'MSH|^~\\&|||||||ADT|1|'
    const long = (bytes: number) => readOutgoingMessage(header.padEnd(bytes - 1, '|'), 'auto')
    assert.equal(repeats('x', long(65_536), nothing), false)
    assert.equal(repeats('x', long(65_537), nothing), true)
    assert.equal(
      repeats('x', message, () => ['|'.repeat(65_536)]),
      false
    )
    assert.equal(
      repeats('x', message, () => ['|'.repeat(65_537)]),
      true
    )
  })
})

describe('isOfMessage', () => {
  const sent = {
    controlIds: ['MSG-KIM'],
    type: 'ADT^A01',
    text: 'MSH|^~\\&|A||||||ADT^A01^ADT_A01|MSG-KIM\rPID|1||471100||Lee^Kim^Asleep^Ng||19840217'
  }
  for (const [name, isFound] of [
    ['lee-kim-7f3a', true],
    ['LEE_7', true],
    ['7:lee', true],
    ['asleep', true],
    ['no-471100', true],
    ['xlee7', false],
    ['KIM', false],
    ['sle-7f3a', false],
    ['ng-7', false],
    ['req-adt-7f3a', false],
    ['pid-99', false],
    ['ABC-PID-1', false],
    ['msh', false],
    ['3f9bd1c2-77aa-4e01-9c1d-0242ac120002', false],
    [undefined, false]
  ] as const) {
    it(`says of ${name}: ${isFound}`, () => {
      assert.equal(isOfMessage(name, sent), isFound)
    })
  }
})

describe('withoutNumbers', () => {
  for (const [given, left] of [
    ['expired at 2026-01-02T03:04:05.678Z', 'expired at …'],
    ["at '01/02/2026 12:34:56'", "at '… …'"],
    ['born 2.1.1970, no. 4711', 'born …, no. …'],
    ['oauth2 with RS256 and hl7.write', 'oauth2 with RS256 and hl7.write'],
    ['MRN4711 AADSTS50013', 'MRN… AADSTS…'],
    ['/v2/12/hl7', '/v2/…/hl7'],
    ['6f1bab12-3c4d-5e6f', '…'],
    ['nothing', 'nothing']
  ]) {
    it(`leaves: ${left}`, () => {
      assert.equal(withoutNumbers(given ?? ''), left)
    })
  }
})
