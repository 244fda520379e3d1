import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { decodeMessage } from '../../src/queue/message-codec.ts'

const HL7 =
  'MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102||ADT^A01|OLD-1|P|2.5.1\rPID|1||1^^^NORTHSIDE^MR||Lindqvist^Astrid\r'
const memory = Uint8Array.from({ length: 24 }, (_, index) => index).buffer

/**
 * What `encodeMessage` of 0.2.0 (commit d08de49) stored, as gzip in base64; that of 0.1.0 (65cffdf)
 * stored the same, except for views other than Buffers, which it did not keep.
 */
const samples: { name: string; message: object; stored: string }[] = [
  {
    name: 'nothing but JSON',
    message: {
      _msgid: 'a1',
      topic: 'ward',
      payload: HL7,
      headers: { list: [1, null, true, { name: 'é' }] }
    },
    stored:
      'H4sIAAAAAAACAz3MwUrDMBwH4Hf5HTxloynMQ25hKa6wuZEUpFgzgika6LqZZIr0X9/H5/DFxIvnD74Jx1N6CR4Cjo' +
      'Mhny/hGQIfLnowXNzncHZ/ujMbsl9dd0MPUivTGrrf62ZjalWRru5q0+iW1nXTrqWuqCzK24IXJZFUjZUFp/1WLTgd' +
      'qFyulryLh1oRJ+LW2v/H7jTRNoz+7T2kbGXKMfguguG1d76PCWLCEFKGeORsvA4Dy/HaswmjO/UQ+PnG/DTPv73aRw' +
      'nUAAAA'
  },
  {
    name: 'a Buffer as the payload',
    message: { _msgid: 'a1', payload: Buffer.from(HL7), topic: 'ward' },
    stored:
      'H4sIAAAAAAACAz2M3UrDMBSA6wPsJc6FV3X0FBTMXViKK2xuJAUpc5FsKTXYdbWJyuipzz56s+vv5y6KojDAqfLe1B' +
      'WwAT5OvnYWGBiEGDpzac7GAmt/miaGcO7cERj8md7COOE+eGC7AToTPoHtbsE+hi/XTp/DJVQeYmiqtp4cxOdxP67V' +
      'kvT/+z29cSlUqeh1I4ulykVGMnvJVSFLWuRFueAyozRJnxJMUiIuCs0TpM1KPCBtKZ0/znG2zQUhEWqtbxu9lkQr19' +
      'rvX+eD5j70zs6uH1kyvPAAAAA='
  },
  {
    name: 'Buffers and Dates in lists, beside properties that look like parts',
    message: {
      payload: HL7,
      list: [1, null, { when: new Date(5) }, Buffer.from([0, 255])],
      parts: [{ path: ['payload'], kind: 'bytes', length: 3 }, Buffer.alloc(0)],
      toJSON: 'x'
    },
    stored:
      'H4sIAAAAAAACA3WPzWqDQBSFzavcRVfT4ExIF7OTKI0licERiqgDFodEakzqTH+C175IHzbFBGwpzfJezvnOOSPLGn' +
      '21sFNa5xsFvIVDfqz2eQEclmKO8jNNb/DRCV0RC1wFYTQXvuth6N37IgpjnPlRPHNCD5nN7mxqM0THjaRjUwwW7i3F' +
      'NbLxdEzTZu27SBGplHLgyGWIuCjr4uWt1EY62jRlkTZAoCq1AZ5QUr9WFWnhfatq4P3RnV8ZgUPeGA086TubLfBk6J' +
      '4ReC7rfsPT0Sjd41S96TWTwW32DyJYAYcP6P5jnQsQRi7JP8QiNwoImHKngE878tcxuR7OfqsviYRel9td1lmnb1RD' +
      'Xm2iAQAA'
  },
  {
    name: 'long texts',
    message: {
      payload: `${HL7}NTE|1||${'é€😀x'.repeat(20_000)}`,
      after: Buffer.from('end'),
      more: { long: 'y'.repeat(70_000) }
    },
    stored:
      'H4sIAAAAAAACA+3OT2oTURzA8XiAXuItXMUyM2KF7EITbKD/mAQk1A5EMsZgmtTMKA19EfEU7lwL3sJ7uPAEHkHSYN' +
      'uN4MLl57v6zPD7vfceNBqNH9fhoqyq0aQMretwOVrNFqNxaM3fzWbNMHpVl8s/HxeL5c3MbDGfbP+t181wOVrWVWid' +
      'bXbr16F1dnvGeTO8mc7HoRXq8qoOzTAr55PNSJYkaba3bt6tbO+5W3i5qsvq3sbj+8M372hun/HXO54mSZKsz9dH/Y' +
      'NYfHjxMD5v553+sB+PT/LBQb/X6ca8+6zXH+TDuN8bDPfbeTdmSbaXpEkWY7szKNpJGk8OO4/SeBqz3Se76c5prxPT' +
      'GNOiKG6PKY7yGA+n8/Hb99OqLtpVvZyOd44H3c3k968/P3379eXzxysiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi' +
      'IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi' +
      'IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi' +
      'IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi' +
      'IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi' +
      'IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi' +
      'IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiL6V5Xz8UqSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJE' +
      'mSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJEmSJP33fgP1' +
      '0/JcFCAEAA=='
  },
  {
    name: 'views and memory',
    message: {
      views: [
        new DataView(memory, 3, 5),
        new Int8Array(memory, 3, 5),
        new Uint8Array(memory, 3, 5),
        new Uint8ClampedArray(memory, 3, 5),
        new Int16Array(memory, 2, 3),
        new Uint16Array(memory, 2, 3),
        new Int32Array(memory, 4, 2),
        new Uint32Array(memory, 4, 2),
        new BigInt64Array(memory, 8, 2),
        new BigUint64Array(memory, 8, 2),
        new Float32Array(memory, 4, 2),
        new Float64Array(memory, 8, 2)
      ],
      memory
    },
    stored:
      'H4sIAAAAAAACA53TTU/DIBgH8M6p8/395f6cOYyuq5Wb05jsA+hl6QEzVhtp11C2pWn6gf0WC3NqUwchHngIBH78nw' +
      'Mtx2l/lpCwPKcRA1LCPGaLHMgonXGO/ldCBAlLpqIAopYVgowKqdASMirfgYzWz6BuiOAjTsdA4K2QLAcEnKWROtNH' +
      'IIuMAYEnKulrzBZQoT8AtgGGqQwehKDFJsG1EV5iE9GzJh45TTI21kqeXvLr7WBfS/RtCBXGYPh6I6jH6Lla4s6GUD' +
      'EMRqA38G8vgzgaptL3tMy9LaPiGBzctenpmU+pqSmMreKsmE1h1l9Lj7jeD7K6PZhNJkxAFVbt7Z3dTqNs1aoae/sH' +
      'h9+zGkfHJ6dn5xeXV9c3t8217pzT+vKa+0sKe9DUbgQAAA=='
  }
]

describe('decodeMessage reads what 0.1.0 and 0.2.0 stored', () => {
  for (const { name, message, stored } of samples) {
    it(name, () => {
      const decoded = decodeMessage(gunzipSync(Buffer.from(stored, 'base64')))
      assert.deepStrictEqual(decoded, message)
    })
  }

  it('shared memory, as memory', () => {
    const text =
      '{"message":{"shared":null},"parts":[{"path":["shared"],"kind":"bytes","length":2,"type":"SharedArrayBuffer"}]}'
    const bytes = Buffer.from(`\u0001\0\0\0${String.fromCharCode(text.length)}${text}\u0001\u0002`)
    assert.deepStrictEqual(decodeMessage(bytes), { shared: Uint8Array.of(1, 2).buffer })
  })
})
