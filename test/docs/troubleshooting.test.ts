import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { describe, it } from 'node:test'
import codes from '../../locales/en-US/codes.json' with { type: 'json' }
import { QUEUE_EVENT_KINDS } from '../../src/queue/queue-event.ts'
import { page, root } from './markdown.ts'

const { connection, tls, token, queue } = codes.cause

/**
 * Codes that are no causes: they are replaced by others, stand only in the text of one (`ERR_SECRET_FILE`), or are not
 * failures.
 */
const INTERNAL = [
  'ECDSA',
  'EFBIG',
  'EISDIR',
  'ENODATA',
  'ENOENT',
  'ENOTSUP',
  'ERR_ABORTED',
  'ERR_HTTP_CONTENT_LENGTH_MISMATCH',
  'ERR_QUEUE_AGAIN',
  'ERR_THREAD_VERSION',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_SOCKET'
]

/** Codes that the code knows by how they begin, and one that is a word of ours. */
const PATTERNS = [
  'HTTPParserError',
  'UND_ERR_…',
  'HPE_…',
  'ERR_SSL_…_ALERT_…',
  'ERR_OSSL_…',
  'OAUTH_…',
  'CONFIG'
]

/** Codes of the system, of Node.js and of its libraries: they are looked up in the catalogue, and need no name in the code. */
const OF_OTHERS =
  /^(?:E(?!UNKNOWN)[A-Z]+|ERR_(?:SSL|TLS)_\w+|(?:CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HPE|UND_ERR)_\w+)$/

describe('the codes in locales/en-US/codes.json', () => {
  it('are the errors that the code gives', () => {
    // Environment variables begin with the name of the package.
    const named = matches(sources('src/**/*.ts', 'nodes/**/*.ts'), /'(HL7_(?!HTTPS_OUT_)[A-Z_]+)'/g)
    assert.deepEqual(named.sort(), Object.keys(codes.error).sort())
  })

  it('are the causes that the code names', () => {
    const pattern =
      /(?:^ +|')(E[A-Z]{4,}|EAI_AGAIN|(?:ERR|SQLITE|CERT|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|UND_ERR|HPE)_\w+)(?:'|:)/gm
    const named = matches(sources('src/**/*.ts'), pattern).filter(
      (code) => !code.endsWith('_') && !INTERNAL.includes(code)
    )
    const told = [connection, tls, token, queue].flatMap(codesOf)
    const known = [...named, ...PATTERNS]
    assert.deepEqual(
      known.filter((code) => !told.includes(code)),
      []
    )
    const ours = told.filter((code) => !OF_OTHERS.test(code))
    assert.deepEqual(
      ours.filter((code) => !known.includes(code)),
      []
    )
  })

  it('are the events that the code adds', () => {
    assert.deepEqual(Object.keys(codes.event).sort(), [...QUEUE_EVENT_KINDS].sort())
    // Besides where they are listed, and put into words.
    const others = /queue-event|told|^nodes\/editor/
    const adding = globSync(['src/**/*.ts', 'nodes/**/*.ts'], { cwd: root })
      .filter((file) => !others.test(file))
      .map(page)
      .join('\n')
    for (const kind of QUEUE_EVENT_KINDS) assert.ok(adding.includes(`'${kind}'`), kind)
  })
})

/** A key may name several that mean the same. */
function codesOf(part: object): string[] {
  return Object.keys(part).flatMap((key) => key.split(' '))
}

function matches(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, code]) => code ?? ''))]
}

function sources(...globs: string[]): string {
  return globSync(globs, { cwd: root }).map(page).join('\n')
}
