/**
 * The table of refusals, from `src/oauth2/refusal-hints.ts`: what a token server answers with a code or a status, and
 * what to do. What is known by the server's own words is in the help; what is about the client alone, *Test* says.
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

/** What means the same is one row. */
export function refusalTable(): string {
  const told = TOKEN_REFUSALS.filter((row) => byCode(row).length > 0 && !isOfClient(row))
  const entries = refusals(told, textsOf('oauth2-client-credentials'), (label) => `*${label}*`)
  const rows = [...Map.groupBy(entries, ({ hint }) => hint)].map(([hint, those]) => [
    those.map(({ row }) => named(row)).join(', '),
    hint.replaceAll('<', '\\<')
  ])
  return table(['the token server answers', 'what to do'], rows)
}

function byCode({ answers }: RefusalRow): RefusalAnswer[] {
  return answers.filter(({ words }) => words === undefined)
}

/** Whether its answers say no more than that the client is refused. */
function isOfClient({ answers }: RefusalRow): boolean {
  return answers.some(({ error }) => error === 'invalid_client')
}

function named(row: RefusalRow): string {
  const { grants = [], given } = row
  const conditions = [
    ...grants.map((grant) => `*${english('tokenForm', `option.grantType.${grant}`)}*`),
    ...(given === undefined ? [] : [GIVEN[given]])
  ]
  return [byCode(row).map(answer).join(', '), ...conditions].join('; ')
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
