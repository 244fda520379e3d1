/** The tables of refusals, from `src/oauth2/refusal-hints.ts`: what a server answers, and what to do. */
import { english } from '../../src/english.ts'
import {
  RECEIVER_REFUSALS,
  TOKEN_REFUSALS,
  type RefusalAnswer,
  type RefusalRow
} from '../../src/oauth2/refusal-hints.ts'
import { textsOf } from '../texts.ts'
import { refusals } from '../refusals.ts'
import { inCode, table } from './table.ts'

/** The lines of each table, by its name. */
export const REFUSAL_TABLES = {
  refusals: () => refusalTable('the token server answers', TOKEN_REFUSALS),
  'refusals-of-receivers': () => refusalTable('the receiver says', RECEIVER_REFUSALS)
}

function refusalTable(head: string, refused: readonly RefusalRow[]): string {
  const texts = textsOf('oauth2-client-credentials')
  const rows = refusals(refused, texts, (label) => `*${label}*`).map(({ row, hint }) => [
    answerOf(row),
    hint.replaceAll('<', '\\<'),
    row.seen
  ])
  return table([head, 'what to do', 'seen with, or described by'], rows)
}

function answerOf({ answers, methods = [], grants = [], given }: RefusalRow): string {
  const conditions = [
    ...methods.map((method) => `*${english('tokenForm', `option.clientAuth.${method}`)}*`),
    ...grants.map((grant) => `*${english('tokenForm', `option.grantType.${grant}`)}*`),
    ...(given === undefined ? [] : [GIVEN[given]])
  ]
  return [answers.map(inWords).join(', '), ...conditions].join('; ')
}

function inWords({ error, status, words, isPage }: RefusalAnswer): string {
  return [
    ...(error === undefined ? [] : [inCode(error)]),
    ...(status === undefined ? [] : [`HTTP ${status}`]),
    ...(isPage === undefined ? [] : ['with a web page']),
    ...(words === undefined ? [] : [`“${words}”`])
  ].join(' ')
}

const GIVEN: Record<NonNullable<RefusalRow['given']>, string> = {
  issuer: 'with *Issuer URL*',
  'no scope': 'without *Scope*',
  'no DPoP': 'without *DPoP*',
  'key ID': 'with *Key ID*'
}
