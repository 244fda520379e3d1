import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { endianness, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { leafRows } from '../../src/outbox/repair/leaf-rows.ts'
import { readLog } from '../../src/outbox/repair/write-ahead-log.ts'

describe('leafRows', () => {
  let directory: string
  let db: DatabaseSync
  let copy: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'leaf-rows-'))
    copy = join(directory, 'copy')
    db = new DatabaseSync(join(directory, 'db'))
    db.exec(`PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON;
      CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)`)
  })
  afterEach(() => {
    db.close()
    rmSync(directory, { recursive: true })
  })

  function insert(id: number, ...values: (number | bigint | string | Uint8Array | null)[]): void {
    db.prepare('INSERT INTO t VALUES (?, ?, ?, ?)').run(id, ...values)
  }

  /** Copies the file and its log as a crash would leave them at this moment. */
  function crash(): void {
    for (const suffix of ['', '-wal']) {
      execFileSync('cp', [`${db.location()}${suffix}`, `${copy}${suffix}`])
    }
  }

  function changeLog(change: (log: Buffer) => void): void {
    const log = readFileSync(`${copy}-wal`)
    change(log)
    writeFileSync(`${copy}-wal`, log)
  }

  function found(): Map<number, unknown[]> {
    const rows = [...leafRows(copy)].filter(({ values }) => values.length === 4)
    return new Map(rows.map(({ id, values }) => [id, values.slice(1)]))
  }

  function selected(): Map<number, unknown[]> {
    const rows = db.prepare('SELECT * FROM t').all()
    return new Map(
      rows.map((row) => {
        const { id, ...values } = row
        return [
          id as number,
          Object.values(values).map((value) =>
            value instanceof Uint8Array ? Buffer.from(value) : value
          )
        ]
      })
    )
  }

  it('reads numbers, text, bytes and null as they were stored', () => {
    insert(1, null, 0n, 1n)
    insert(2, -1n, 127n, -32_769n)
    insert(3, 8_388_608n, 2_147_483_648n, 9_007_199_254_740_991n)
    insert(4, 0.5, -1e300, 1_700_000_000_000)
    insert(2 ** 50, 'é€😀', '', Buffer.alloc(0))
    crash()
    assert.deepEqual(found(), selected())
  })

  it('follows long values across overflow pages', () => {
    // Around the sizes at which SQLite starts another page.
    for (const [i, size] of [4050, 4061, 4062, 8100, 8192, 70_000, 300_000].entries()) {
      for (const more of [-1, 0, 1]) {
        insert(10 * i + more + 5, Buffer.alloc(size + more, 'ab'), 'x', 1)
      }
    }
    crash()
    assert.deepEqual(found(), selected())
  })

  it('reads the newest state in the log, without uncommitted or removed rows', () => {
    for (let id = 1; id <= 500; id++) insert(id, `row ${id}`.padEnd(100), id, null)
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    db.exec("UPDATE t SET a = 'new' WHERE id % 2 = 0; DELETE FROM t WHERE id % 5 = 0")
    const committed = selected()
    crash()
    assert.deepEqual(found(), committed)
    // Cut off within the last transaction, which therefore does not count.
    insert(1000, 'last', 1, 1)
    crash()
    truncateSync(`${copy}-wal`, statSync(`${copy}-wal`).size - 100)
    assert.deepEqual(found(), committed)
  })

  it('returns the older state of a row before the one on a damaged page', () => {
    insert(1, 'one', 1, 1)
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    db.exec("UPDATE t SET a = 'two'")
    crash()
    assert.deepEqual(found().get(1), ['two', 1, 1])
    changeLog((log) => log.writeUInt8(1, log.length - 300))
    const states = [...leafRows(copy)].filter(({ id, values }) => id === 1 && values.length === 4)
    assert.deepEqual(
      states.map(({ values }) => values[1]),
      ['one', 'two']
    )
  })

  it('reads a log in the other byte order, as other processors write it', () => {
    for (let id = 1; id <= 50; id++) insert(id, Buffer.alloc(1000, id), 1, 1)
    crash()
    changeLog((log) => {
      // Recomputes the checksums, reading the words in the byte order of the log.
      log.writeUInt32BE(log.readUInt32BE(0) ^ 1)
      const word = endianness() === 'LE' ? 'readUInt32BE' : 'readUInt32LE'
      let [first, second] = [0, 0]
      const add = (from: number, to: number): void => {
        for (let at = from; at < to; at += 8) {
          first = (first + log[word](at) + second) >>> 0
          second = (second + log[word](at + 4) + first) >>> 0
        }
      }
      const write = (at: number): void => {
        log.writeUInt32BE(second, log.writeUInt32BE(first, at))
      }
      add(0, 24)
      write(24)
      for (let at = 32; at < log.length; at += 24 + 4096) {
        add(at, at + 8)
        add(at + 24, at + 24 + 4096)
        write(at + 16)
      }
    })
    assert.deepEqual(found(), selected())
    const { isDamaged, pages } = readLog(`${copy}-wal`)
    assert.ok(!isDamaged && pages.length > 50 && pages.every(({ isWhole }) => isWhole))
  })

  it('does not follow a row that claims an impossible size', () => {
    const size = 2 ** 29
    const bytes = Buffer.alloc(3 * 4096)
    // Page 2 is a leaf with one cell: the size, the id, and a record with the number 7.
    Buffer.from([0x0d, 0, 0, 0, 1, 0, 100, 0, 0, 100]).copy(bytes, 4096)
    Buffer.from([0x82, 0x80, 0x80, 0x80, 0x00, 1, 2, 1, 7]).copy(bytes, 4096 + 100)
    // It continues on page 3, which points to itself.
    bytes.writeUInt32BE(3, 4096 + 106 + 489 + ((size - 489) % 4092))
    bytes.writeUInt32BE(3, 2 * 4096)
    writeFileSync(copy, bytes)
    assert.deepEqual([...leafRows(copy)], [])
  })
})
