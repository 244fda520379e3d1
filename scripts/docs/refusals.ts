/**
 * The tables of refusals, from `src/oauth2/refusal-hints.ts`: what a token server answers with a code or a status, and
 * what to do. What is known by the server's own words is in the help.
 */
import { english } from '../../src/english.ts'
import {
  TOKEN_REFUSALS,
  type RefusalAnswer,
  type RefusalRow
} from '../../src/oauth2/refusal-hints.ts'
import { textsOf } from '../texts.ts'
import { refusals } from '../refusals.ts'
import { inCode, table } from './table.ts'

/** The lines of each table, by its name. */
export const REFUSAL_TABLES = {
  refusals: () => {
    const others = TOKEN_REFUSALS.filter((row) => byCode(row).length > 0 && !isOfClient(row))
    return refusalTable('the token server answers', others, (row) => {
      return [byCode(row).map(answer).join(', '), ...conditionsOf(row)].join('; ')
    })
  },
  'refused-clients': () => {
    const ofClient = TOKEN_REFUSALS.filter(isOfClient)
    return refusalTable('*Authentication*', ofClient, (row) => conditionsOf(row).join(', '))
  }
}

function byCode({ answers }: RefusalRow): RefusalAnswer[] {
  return answers.filter(({ words }) => words === undefined)
}

/** Whether its answers say no more than that the client is refused. */
function isOfClient({ answers }: RefusalRow): boolean {
  return answers.some(({ error }) => error === 'invalid_client')
}

/** What means the same is one row. */
function refusalTable(
  head: string,
  refused: readonly RefusalRow[],
  named: (row: RefusalRow) => string
): string {
  const texts = textsOf('oauth2-client-credentials')
  const entries = refusals(refused, texts, (label) => `*${label}*`)
  const rows = [...Map.groupBy(entries, ({ hint }) => hint)].map(([hint, those]) => [
    those.map(({ row }) => named(row)).join(', '),
    hint.replaceAll('<', '\\<')
  ])
  return table([head, 'what to do'], rows)
}

function conditionsOf({ methods = [], grants = [], given }: RefusalRow): string[] {
  return [
    ...methods.map((method) => `*${english('tokenForm', `option.clientAuth.${method}`)}*`),
    ...grants.map((grant) => `*${english('tokenForm', `option.grantType.${grant}`)}*`),
    ...(given === undefined ? [] : [GIVEN[given]])
  ]
}

function answer({ error, status, isPage }: RefusalAnswer): string {
  return [
    ...(error === undefined ? [] : [inCode(error)]),
    ...(status === undefined ? [] : [`HTTP ${status}`]),
    ...(isPage === undefined ? [] : ['with a web page'])
  ].join(' ')
}

const GIVEN: Record<NonNullable<RefusalRow['given']>, string> = {
  issuer: 'with *Issuer URL*',
  'no scope': 'without *Scope*',
  'no DPoP': 'without *DPoP*',
  'key ID': 'with *Key ID*'
}
