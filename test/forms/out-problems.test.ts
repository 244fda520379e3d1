import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { outProperties } from '../../nodes/settings/hl7-https-out-properties.ts'
import { outDoubt, outProblem, type Circumstances } from '../../nodes/settings/out-problems.ts'
import { english } from '../../src/english.ts'
import { charsetNames } from '../../src/hl7/charset.ts'
import { defaultsOf } from '../support/defaults-of.ts'
import { readSettings } from '../support/read-settings.ts'

type Given = Record<string, string | number>

const url = 'https://hl7.example.org/in'
const names = charsetNames()

/** The last property of each row is judged: what form and deployed node say of it. */
const refused: [given: Given, words: RegExp][] = [
  [{ url: '' }, /Enter the URL/],
  [{ url: 'http://hl7.example.org/in' }, /localhost/],
  [{ url: 'https://${HOST}/in' }, /whole URL/],
  [{ url: 'https://hl7.example.org:99999/' }, /the port.*at most 65535/],
  [{ url, backupUrl: url }, /the first address/],
  [{ backupUrl: 'ftp://hl7.example.org/in' }, /https/],
  [{ contentType: 'application/жlm' }, /cannot carry/],
  [{ charset: 'nonsense' }, /known/],
  [{ charset: 'base64' }, /known/],
  [{ charset: 'koi8/r' }, /known/],
  [{ format: 'text', bodyTemplate: '' }, /needs a template/],
  [{ order: 'key', orderKey: 'PID' }, /looks like PID-3\.1/],
  [{ inactivityAlert: 60, inactivityTimes: 'sometimes' }, /Mon-Fri/],
  [{ searchFields: 'PID-3.1; PID-5' }, /by a comma/],
  [{ searchFields: 'PID-3.1, nonsense' }, /looks like PID-3\.1/],
  [{ searchFields: 'PID-3.1,' }, /looks like PID-3\.1/],
  [{ searchFields: 'PID-1,PID-2,PID-3,PID-4,PID-5' }, /At most four/]
]
/** It works, but not as it is written: the form marks it, the deployed node warns. */
const doubted: [given: Given, words: RegExp][] = [
  [{ url: 'https://hl7.example.org/a b' }, /a space in this URL/],
  [{ backupUrl: 'https://hl7.example.org/a b' }, /a space in this URL/],
  [{ contentType: 'nonsense' }, /looks like text\/plain/],
  [{ format: 'multipart', bodyPartType: 'nonsense' }, /looks like text\/plain/],
  [{ contentDays: 15 }, /no longer than the journal: 14 days/],
  [{ journalDays: 3, contentDays: 7 }, /no longer than the journal: 3 days/],
  [{ retryMaxInterval: 4 }, /less than the first wait.*take 5 seconds/],
  [{ retryInterval: '', retryMaxInterval: 4 }, /less than the first wait.*take 5 seconds/]
]
const taken: Given[] = [
  { url: ' https://hl7.example.org/in ' },
  { charset: '8859/15' },
  { charset: 'windows-1250' },
  { charset: 'SHIFT JIS' },
  { charset: ' Auto ' },
  { charset: '' },
  { contentType: '' },
  { contentDays: 14 },
  { keepContents: 'none', contentDays: 15 },
  { queue: 'memory', contentDays: 15 },
  { journalDays: '', contentDays: 14 },
  { retryMaxInterval: 5 },
  { searchFields: 'PID-3.1, PID-18 ,PV1-19,OBX[2]-5(1).1.2' },
  { searchFields: ' ' }
]

describe('form and deployed node judge alike', () => {
  for (const [given, words] of refused) {
    it(`refuse ${JSON.stringify(given)}`, () => {
      assert.match(byForm(given), words)
      assert.ok(readSettings(given).problems.includes(byForm(given)))
    })
  }
  for (const [given, words] of doubted) {
    it(`doubt ${JSON.stringify(given)}`, () => {
      assert.match(byForm(given), words)
      const { problems, settings } = readSettings(given)
      assert.equal(problems, '')
      assert.ok(settings?.warnings.some((one) => one.endsWith(byForm(given))))
    })
  }
  for (const given of taken) {
    it(`take ${JSON.stringify(given)}`, () => {
      assert.equal(byForm(given), '')
      const { problems, settings } = readSettings(given)
      assert.deepEqual([problems, settings?.warnings], ['', []])
    })
  }
})

/** What the form says of the last property. */
function byForm(given: Given): string {
  const values: Record<string, unknown> = { ...defaultsOf(outProperties), url, ...given }
  const circumstances: Circumstances = {
    read: (name) => values[name],
    usesDpop: false,
    // As the build gives the form their names.
    isCodec: (name) => names.includes(name),
    text: (key, replaced) => english('forms', key, replaced)
  }
  const [name = ''] = Object.keys(given).slice(-1)
  const { when } = outProperties[name as keyof typeof outProperties] as {
    when?: (read: Circumstances['read']) => boolean
  }
  if (when?.(circumstances.read) === false) return ''
  const value = String(values[name])
  return outProblem(name, value, circumstances) || outDoubt(name, value, circumstances)
}
