import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, it } from 'node:test'
import { page, root } from './markdown.ts'

const texts = ['locales/en-US/*.json']
  .flatMap((glob) => globSync(glob, { cwd: root }))
  .flatMap((file) => leaves(JSON.parse(page(file))))

/** The labels in the forms and the tab; also without what a label adds in brackets or after a dash. */
const labels = new Set(texts.flatMap((text) => [text, text.split(/ [(–]/)[0] ?? '']))

const examples = globSync('examples/*.json', { cwd: root })

/** Labels of Node-RED and of other products, and words that are only stressed. */
const others = [
  ...['CA Certificate', 'Server Name', 'Verify server certificate', 'Environment Variables'],
  ...['API Services', 'Certificates & secrets', 'Healthcare HL7v2 Message Ingest'],
  ...['Client authentication', 'Service account roles', 'Credentials'],
  'Require Demonstrating Proof of Possession (DPoP) header in token requests',
  ...['Alert', 'MLLP to HTTPS', 'Use secure (SSL/TLS) connection', 'tcp in', 'in memory'],
  ...['ECONNREFUSED · try 5', 'credential', 'env', 'at least', 'all nodes'],
  ...['accept acknowledgement', 'application acknowledgement', 'access token'],
  ...['Add', 'Deploy', 'Done', 'Import', 'Update', 'Send to the receiver', 'no HL7 reply']
]

const pages = [
  ...[
    'first-message',
    'properties',
    'reply-rules',
    'security-notes',
    'token-servers',
    'troubleshooting'
  ],
  'what-happens-to-a-message'
].map((name) => `docs/${name}.md`)

describe('the labels that the documentation cites', () => {
  for (const file of pages) {
    it(`are those of the forms: ${file}`, () => {
      const cited = [
        ...page(file)
          .replace(/```[^]*?```|`[^`]*`/g, '')
          .matchAll(/(?<![*\w])\*([^*\n]+)\*(?![*\w])/g)
      ].map(([, words = '']) => words)
      const known = (words: string): boolean =>
        labels.has(words) ||
        words.startsWith('Menu → ') ||
        others.includes(words) ||
        examples.some((example) => basename(example, '.json') === words)
      assert.deepEqual(
        cited.filter((words) => !known(words)),
        []
      )
    })
  }
})

function leaves(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : []
}
