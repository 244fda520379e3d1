import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptReply } from '../../src/rules/attempt.ts'
import { factsOf, holds } from '../../src/rules/holds.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { readReplyMessage } from '../../src/hl7/reply-message.ts'
import type { Segment } from '../../src/hl7/segments.ts'
import fc from '../support/properties.ts'

const sent = { controlIds: ['M1'], type: 'ADT^A01', replyDue: true }

function replyOf(text: string, body = text): AttemptReply {
  return { text: body, empty: body === '', message: readReplyMessage(text), ack: null }
}

/** The tests that hold, as written. */
function held(reply: AttemptReply, ...tests: string[]): string[] {
  const facts = factsOf({ sent, status: 200, reply })
  return tests.filter((text) => {
    const [rule] = parseReplyRules(`${text}=F`).rules
    return rule?.conditions.flat().every((test) => holds(test, facts))
  })
}

const msh = 'MSH|^~\\&|LAB|||||2025|ACK^A01|R1|P|2.5.1\r'

describe('a test of a field of a reply', () => {
  const reply = replyOf(
    `${msh}MSA|AE|M1|a\\T\\B\rERR||PID^1^3~PV1&x^2|207^Application Error|E||||One\r` +
      'ERR|||208^^c1&c2&c3|W||||Two\rMSH:;~\\&:::::::ADT\rERR:::209;Other'
  )
  const table: Record<string, boolean> = {
    '@MSH-1:|': true,
    '@MSH-1.2:|': false,
    '@MSH-1::': true,
    '@MSH-2:"^~\\&"': true,
    '@MSH-2*"~\\"': true,
    '@MSH-3:LAB': true,
    '@MSH-9:ACK': true,
    '@MSH-9.2:A01': true,
    '@MSH[2]-9:ADT': true,
    '@MSH[2]-9:ACK': false,
    '@MSA-3:"a&B"': true,
    '@MSA-3*"&b"': true,
    '@MSA-3:"a&b"': false,
    '@ERR-2:PV1': false,
    '@ERR-2:"PV1&x"': true,
    '@ERR-2(2).1.2:x': true,
    '@ERR-2(1).1.2:x': false,
    '@ERR-2(2).2:2': true,
    '@ERR-2(1).2:2': false,
    '@ERR-2.2:2': true,
    '@ERR-3:207': true,
    '@ERR[1]-3:207': true,
    '@ERR[1]-3:208': false,
    '@ERR-3.1:208': true,
    '@ERR-3.1*09': true,
    '@ERR[2]-3.1:208': true,
    '@ERR[2]-3:207': false,
    '@ERR[2]-3(1):208': true,
    '@ERR[2]-3(2):208': false,
    '@ERR[3]-3:209': true,
    '@ERR[3]-3.2:Other': true,
    '@ERR-3.3:"c1&c2&c3"': true,
    '@ERR-3.3.2:c2': true,
    '@ERR-3.3.4:c2': false,
    '@ERR-3.2*"ation e"': true,
    '@ERR-8*WO': true,
    '@ERR-8:TWO': false,
    '@ERR-8*"e\rt"': false,
    '@ERR-9*o': false
  }
  for (const [test, expected] of Object.entries(table)) {
    it(`${expected ? 'finds' : 'does not find'} ${JSON.stringify(test)}`, () => {
      assert.deepEqual(held(reply, test), expected ? [test] : [])
    })
  }

  it('sees the first 10,000 values of the field', () => {
    const tests = ['@ERR-3:last', '@ERR-3:late', '@ERR-3*LAST']
    for (const text of [
      `${msh}${'ERR|||1\r'.repeat(9_999)}ERR|||last\rERR|||late\r`,
      `${msh}ERR|||1${'~1'.repeat(9_998)}~last~late\r`,
      `${msh}${'ERR|||1~2~3\r'.repeat(3_333)}ERR|||last~late\r`,
      // Without a separator of repetitions.
      `MSH|^|\r${'ERR|||1\r'.repeat(9_999)}ERR|||last\rERR|||late\r`
    ]) {
      assert.deepEqual(held(replyOf(text), ...tests), ['@ERR-3:last', '@ERR-3*LAST'])
    }
  })

  it('sees any value that is named by its place', () => {
    const many = replyOf(
      `${msh}${'ERR|||1\r'.repeat(150_000)}ERR|||2${'~3'.repeat(50_000)}~4${'^5'.repeat(20_000)}^6\r`
    )
    const tests = ['@ERR[150001]-3:2', '@ERR[150001]-3(50002):4', '@ERR[150001]-3(50002).20002:6']
    assert.deepEqual(held(many, ...tests, '@ERR[150001]-3(50003):4'), tests)
  })

  it('finds the same as a plain reading of each field', () => {
    const piece = fc.string({
      unit: fc.constantFrom('a', 'b', '|', '^', '~', '&', '\\', 'T', 'F'),
      maxLength: 12
    })
    const separators = fc.constantFrom('|^~\\&', '|^~', '|^', '|~^\\&', '|^^\\&')
    const numbers = fc.integer({ min: 1, max: 2 })
    const optional = fc.option(numbers, { nil: undefined, freq: 1 })
    const paths = fc.record({
      ...{ occurrence: optional, field: numbers, repetition: optional },
      ...{ component: optional, subcomponent: optional }
    })
    const values = fc.string({
      unit: fc.constantFrom('a', 'b', '&', '|'),
      minLength: 1,
      maxLength: 2
    })
    fc.assert(
      fc.property(
        separators,
        fc.array(piece, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(paths, values, fc.boolean()), { minLength: 1, maxLength: 8 }),
        (signs, lines, wanted) => {
          const reply = replyOf(`MSH${signs}|\r${lines.map((line) => `ERR|${line}\r`).join('')}`)
          const errs: Segment[] = []
          reply.message?.each(['ERR'], (err) => errs.push(err))
          const tests: string[] = []
          const expected: string[] = []
          for (const [parts, value, contains] of wanted) {
            const { occurrence, field, repetition, component, subcomponent } = parts
            const number = component ?? (subcomponent === undefined ? undefined : 1)
            const path =
              `ERR${occurrence === undefined ? '' : `[${occurrence}]`}-${field}` +
              (repetition === undefined ? '' : `(${repetition})`) +
              (number === undefined ? '' : `.${number}`) +
              (subcomponent === undefined ? '' : `.${subcomponent}`)
            const test = `@${path}${contains ? '*' : ':'}"${value}"`
            const of = occurrence === undefined ? errs : errs.slice(occurrence - 1, occurrence)
            const found = of
              .flatMap((err) => err.values({ segment: 'ERR', ...parts, component: number }))
              .some((one) => (contains ? one.toLowerCase().includes(value) : one === value))
            tests.push(test)
            if (found) expected.push(test)
          }
          assert.deepEqual(held(reply, ...tests), expected)
        }
      ),
      { numRuns: 300 }
    )
  })
})

describe('a test of the text of a reply', () => {
  it('sees the body and the HL7 text in it, which may have been base64', () => {
    const reply = replyOf(`${msh}MSA|AA|M1|Late\r`, 'TVNI')
    assert.deepEqual(held(reply, '@*late', '@*tvni', '@*nowhere'), ['@*late', '@*tvni'])
  })

  it('sees it to its end', () => {
    const reply = replyOf(`${msh}${'ERR|||1\r'.repeat(200_000)}NTE|At the END\r`)
    assert.deepEqual(held(reply, '@*"the end"'), ['@*"the end"'])
  })

  it('does not see a text that begins in the body and ends in the HL7 text', () => {
    assert.deepEqual(held(replyOf('MSH|^~\\&|\r', 'body'), '@*bodyMSH', '@*"&|body"'), [])
  })
})
