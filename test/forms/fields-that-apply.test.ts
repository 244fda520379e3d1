import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { outProperties } from '../../nodes/settings/hl7-https-out-properties.ts'
import {
  tokenCredentials,
  tokenProperties
} from '../../nodes/settings/oauth2-client-credentials-properties.ts'
import type { CredentialTable, PropertyTable } from '../../nodes/settings/property-table.ts'
import { defaultsOf } from '../support/defaults-of.ts'

type Row = [given: Record<string, string | number>, changes: string]

const key =
  '+keyId +signingAlg +assertionAudience +assertionClaims +privateKey +privateKeyPassphrase'
const noSecret = '-secretExpires -clientSecret'

/** Of the fields that do not always apply, which come and which go; the first row: those that are there. */
const ofOut: Row[] = [
  [{}, '+keepContents +contentDays +searchFields +failWhileUnreachable'],
  [{ auth: 'auth' }, '+tokenPlacement +authHeader +authScheme'],
  [{ auth: 'auth', tokenPlacement: 'query' }, '+tokenPlacement'],
  [{ backupUrl: 'https://hl7.example.org/' }, '+backupAfter'],
  [{ format: 'mllp' }, ''],
  [{ format: 'form' }, '+bodyField +bodyEncoding +formFields'],
  [{ format: 'multipart' }, '+bodyField +bodyFileName +bodyPartType +bodyEncoding +formFields'],
  [{ format: 'json' }, '+bodyEncoding +bodyTemplate +formFields'],
  [{ format: 'text' }, '+bodyEncoding +bodyTemplate +formFields'],
  [{ replyCodeActions: ':?A=AF' }, '+applicationAckTimeout'],
  [{ replyCodeActions: ':?A=' }, ''],
  [{ order: 'key' }, '+orderKey +maxInFlight'],
  [{ order: 'none' }, '+maxInFlight'],
  [{ queue: 'memory' }, '-keepContents -contentDays -searchFields'],
  [{ keepContents: 'none' }, '-contentDays'],
  [{ failureTimeout: 0 }, '-failWhileUnreachable'],
  [{ failureTimeout: -1 }, '-failWhileUnreachable'],
  [{ inactivityAlert: 60 }, '+inactivityTimes']
]
const ofToken: Row[] = [
  [{}, '+secretExpires +clientSecret'],
  [{ clientAuth: 'private_key_jwt' }, `${noSecret} ${key}`],
  [{ privateKey: 'a key' }, key],
  [{ clientAuth: 'client_secret_basic', privateKey: 'a key' }, ''],
  [{ clientAuth: 'client_secret_jwt' }, '+signingAlg +assertionAudience +assertionClaims'],
  [{ clientAuth: 'tls_client_auth' }, noSecret],
  [{ clientAuth: 'client_assertion_file' }, `${noSecret} +assertionFile`],
  [{ clientAuth: 'none' }, noSecret],
  [{ grantType: 'jwt_bearer', clientAuth: 'none' }, `${noSecret} ${key} +assertionSubject`],
  [{ grantType: 'password' }, '+username +password']
]

for (const [type, fields, defaults, table] of [
  ['hl7-https-out', outProperties, defaultsOf(outProperties), ofOut],
  [
    'oauth2-client-credentials',
    { ...tokenProperties, ...tokenCredentials },
    defaultsOf(tokenProperties),
    ofToken
  ]
] as const) {
  describe(`the fields of ${type} that apply`, () => {
    for (const [at, [given, changes]] of table.entries()) {
      it(`with ${JSON.stringify(given)}: ${changes}`, () => {
        const before = at === 0 ? [] : applying(fields, defaults)
        const now = applying(fields, { ...defaults, ...given })
        const come = now.filter((name) => !before.includes(name)).map((name) => `+${name}`)
        const gone = before.filter((name) => !now.includes(name)).map((name) => `-${name}`)
        assert.deepEqual([...come, ...gone].sort(), changes.split(' ').filter(Boolean).sort())
      })
    }
  })
}

type Fields = Readonly<Record<string, (PropertyTable | CredentialTable)[string]>>

function applying(fields: Fields, values: Record<string, unknown>): string[] {
  return Object.entries(fields)
    .filter(([, { when }]) => when?.((name) => values[name]) === true)
    .map(([name]) => name)
}
