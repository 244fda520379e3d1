import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { describe, it } from 'node:test'
import { page, root, rows, section } from './markdown.ts'

const text = page('docs/troubleshooting.md')
const sources = new Map(
  globSync('src/**/*.ts', { cwd: root }).map((file) => [file.replaceAll('\\', '/'), page(file)])
)
const source = (file: string): string => sources.get(file) ?? ''

/** The codes in the first column of the tables. */
const named = new Set(
  rows(text).flatMap(([first = '']) => [...first.matchAll(/`([^`]+)`/g)].map(([, code]) => code))
)

/** Codes that users never see: they are replaced by others, or are not failures. */
const INTERNAL = [
  'ERR_ABORTED',
  'ERR_GOT_REQUEST_ERROR',
  'ERR_HTTP_CONTENT_LENGTH_MISMATCH',
  'ERR_READING_RESPONSE_STREAM',
  'ERR_INVALID_STATE'
]

/** The codes that match in a source text, except prefixes such as `ERR_SSL_`. */
function codes(code: string, pattern: RegExp): string[] {
  return [...new Set([...code.matchAll(pattern)].map(([, found]) => found ?? ''))].filter(
    (found) => !found.endsWith('_') && !INTERNAL.includes(found)
  )
}

function assertNamed(wanted: readonly string[]): void {
  assert.ok(wanted.length > 3)
  assert.deepEqual(
    wanted.filter((code) => !named.has(code)),
    []
  )
}

describe('docs/troubleshooting.md', () => {
  it('has every code that a message can leave with', () => {
    const all = source('src/delivery/delivery-error.ts') + source('src/hl7/hl7-error.ts')
    const wanted = codes(all, /'(HL7_\w+)'/g)
    const table = rows(section(text, 'By error code')).map(([code = '']) => code.slice(1, -1))
    assert.deepEqual(table.sort(), wanted.sort())
  })

  it('has every cause code of our own', () => {
    assertNamed(codes([...sources.values()].join('\n'), /'(ERR_\w+)'/g))
  })

  it('has every code of connections and certificates that we explain', () => {
    assertNamed(codes(source('src/http-client/describe-error.ts'), /^ {2}([A-Z][\w]+): /gm))
  })

  it('has every code of the queue', () => {
    const fault = source('src/queue/queue-fault.ts')
    assertNamed(codes(fault, /'(SQLITE_\w+)'/g))
    assertNamed(codes(fault, /^ {2}(E[A-Z]+):/gm))
  })

  it('has every code of a token server and every HTTP status with a hint', () => {
    assertNamed(
      codes(source('src/oauth2/answer-hints.ts'), /^ {2}([a-z]+_[a-z_]+): /gm).filter(
        (code) =>
          !/^(?:client_secret|client_assertion|private_key|tls_client|jwt_bearer|client_credentials)/.test(
            code
          )
      )
    )
    assertNamed(codes(source('src/delivery/explain.ts'), /^ {2}(\d{3}): /gm))
  })
})
