import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { describe, it } from 'node:test'
import codes from '../../locales/en-US/codes.json' with { type: 'json' }
import { page, root } from './markdown.ts'

const source = sources('src/**/*.ts', 'nodes/**/*.ts')
const { connection, tls, http, token, queue } = codes.cause

/** Codes that users never see: they are replaced by others, or are not failures. */
const INTERNAL = ['ECDSA', 'ENOENT', 'ERR_ABORTED', 'ERR_HTTP_CONTENT_LENGTH_MISMATCH']

/** Classes of statuses, which the code knows by their first digit. */
const CLASSES = ['200', '2xx', '301', '302', '307', '308']

describe('the codes in locales/en-US/codes.json', () => {
  it('have every cause that the code names', () => {
    const pattern =
      /(?:^ +|')(E[A-Z]{4,}|EAI_AGAIN|(?:ERR|SQLITE|CERT|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|UND_ERR|HPE|OAUTH)_\w+)(?:'|:)/gm
    const known = [connection, tls, token, queue].flatMap(codesOf)
    const has = (code: string): boolean =>
      known.some((one) => (one.endsWith('…') ? code.startsWith(start(one)) : one === code))
    const named = matches(sources('src/**/*.ts'), pattern).filter(
      (code) => !code.endsWith('_') && !INTERNAL.includes(code)
    )
    assert.ok(named.length > 50)
    assert.deepEqual(
      named.filter((code) => !has(code)),
      []
    )
  })

  it('have every OAuth code that has hints', () => {
    const hints = page('src/oauth2/answer-hints.ts')
    const named = matches(hints, /^ {2}([a-z]+_[a-z_]+): (?:\(|hintsFor)/gm)
    const oauth = codesOf(token).filter((code) => /^[a-z]/.test(code))
    assert.deepEqual(named.sort(), oauth.sort())
  })

  it('have every HTTP status that has a hint', () => {
    const named = matches(page('src/delivery/explain.ts'), /^ {2}(\d{3}): /gm)
    assert.deepEqual([...named, ...CLASSES].sort(), codesOf(http).sort())
  })

  it('are all in the code', () => {
    const all = [codes.error, connection, tls, token, queue].flatMap(codesOf)
    assert.deepEqual(
      all.filter(
        (code) => !new RegExp(`\\b${start(code)}${/…/.test(code) ? '' : '\\b'}`).test(source)
      ),
      []
    )
  })
})

/** A key may name several that mean the same. */
function codesOf(part: object): string[] {
  return Object.keys(part).flatMap((key) => key.split(' '))
}

/** `ERR_OSSL_…` stands for all that start like this. */
function start(code: string): string {
  return code.split('…')[0] ?? ''
}

function matches(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, code]) => code ?? ''))]
}

function sources(...globs: string[]): string {
  return globSync(globs, { cwd: root }).map(page).join('\n')
}
