import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attempt } from '../../src/rules/attempt.ts'
import { decide } from '../../src/rules/decide.ts'
import { countingAcknowledgement } from '../../src/rules/holds.ts'
import { parseReplyRules } from '../../src/rules/reply-rules.ts'
import { readAcknowledgement, type Acknowledgement } from '../../src/hl7/acknowledgement.ts'
import { readReplyBody } from '../../src/https/reply-body.ts'
import { bodies, contentTypes, failures, ruleStrings, sent, table } from './replies.table.ts'

interface Row {
  sent: string
  reply: string
  status: string
  contentType: string
  rules: string
  outcome: string
  by: string
  warns: string
  ack: string
}

/** The sections of the table, each a heading and its rows. */
function sections(): { heading: string; rows: Row[] }[] {
  const result: { heading: string; rows: Row[] }[] = []
  for (const block of table.split('\n\n').slice(1)) {
    const [heading = '', ...lines] = block.trim().split('\n')
    result.push({ heading, rows: lines.map(rowOf) })
  }
  return result
}

function rowOf(line: string): Row {
  const cells = line.split(/ +\| +/)
  assert.equal(cells.length, 9, `a row must have nine columns: ${line}`)
  const [sentName, reply, status, contentType, rules, outcome, by, warns, ack] = cells as [
    ...[string, string, string, string, string],
    ...[string, string, string, string]
  ]
  return { sent: sentName, reply, status, contentType, rules, outcome, by, warns, ack }
}

async function attemptOf(row: Row): Promise<Attempt> {
  const [bodyName = '', failureName] = row.reply.split(' + ')
  const body = bodyName === '-' ? '' : named(bodies, bodyName)
  const contentType = row.contentType === '-' ? undefined : named(contentTypes, row.contentType)
  const answered = row.status !== '-'
  const read = await readReplyBody(Buffer.from(body), contentType, { replyEncoding: 'auto' })
  const { text, message } = read
  const ack = message === null ? null : readAcknowledgement(message)
  return {
    sent: named(sent, row.sent),
    ...(answered && { status: Number(row.status) }),
    ...(answered && { reply: { text, empty: body.length === 0, message, ack } }),
    ...(failureName !== undefined && { error: named(failures, failureName) })
  }
}

function named<T>(values: Readonly<Record<string, T>>, name: string): T {
  const value = values[name]
  assert.ok(value !== undefined, `unknown name in the table: ${name}`)
  return value
}

function written(ack: Acknowledgement | null | undefined): string {
  if (ack === null || ack === undefined) return 'null'
  const parts = [ack.code || '(empty)']
  if (ack.controlId !== '') parts.push(ack.controlId)
  if (ack.errors.length > 0) parts.push(ack.severity || '-', String(ack.errors.length))
  return parts.join(' ')
}

const rows = sections().flatMap((section) => section.rows)

for (const section of sections()) {
  describe(section.heading, () => {
    for (const row of section.rows) {
      const name = `${row.sent} → ${row.status} ${row.reply} (${row.contentType}), ${row.rules}: ${row.outcome}`
      it(name, async () => {
        const rules = parseReplyRules(ruleStrings[row.rules] ?? row.rules)
        const attempt = await attemptOf(row)
        const decision = decide(rules, attempt)
        const by = row.by === '-' || row.by === 'no rule' ? '' : row.by
        const action = by.slice(by.lastIndexOf('=') + 1) || (row.by === '-' ? 'F' : '')
        assert.deepEqual(
          {
            outcome: (decision.retry ? 'retry, ' : '') + decision.outcome,
            rule: decision.rule,
            action: decision.action,
            warns: decision.warnings.length,
            ack: written(countingAcknowledgement(attempt))
          },
          { outcome: row.outcome, rule: by, action, warns: Number(row.warns), ack: row.ack }
        )
        // A second call decides the same, and the arguments are unchanged.
        assert.deepEqual(decide(rules, attempt), decision)
        assert.deepEqual(await attemptOf(row), attempt)
      })
    }
  })
}

describe('the table of replies', () => {
  it('has at least 150 rows, all different, and uses every body, failure, sent message and content type', () => {
    const distinct = new Set(rows.map((row) => JSON.stringify(row)))
    assert.equal(distinct.size, rows.length, 'duplicate rows')
    assert.ok(rows.length >= 150, `${rows.length} rows`)
    const used = new Set(
      rows.flatMap((row) => [...row.reply.split(' + '), row.sent, row.contentType])
    )
    for (const names of [bodies, failures, sent, contentTypes]) {
      for (const name of Object.keys(names)) assert.ok(used.has(name), `${name} is not used`)
    }
  })
})
