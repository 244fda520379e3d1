// Makes a queue file with the code of version 0.1.0:
//
//   git archive 65cffdf src/outbox package.json | tar -x -C OLD
//   node test/outbox/old-queue-file.ts OLD NEW
//
// writes NEW/0123456789abcdef.sqlite. Key: 32 bytes of 1. The patient is fictitious.

const [, , old = '', directory = ''] = process.argv

/** What it needs of the interface of that version. */
interface OldOutbox {
  open: () => Promise<unknown>
  lane: (key: string) => string
  add: (facts: object, content: () => Buffer) => Promise<void>
  update: (facts: object) => Promise<void>
  settle: (facts: object, outcome: () => Buffer) => Promise<void>
  remove: (seq: number) => Promise<void>
  setPaused: (paused: boolean) => Promise<void>
  close: () => Promise<void>
}

const { DiskOutbox } = (await import(`${old}/src/outbox/disk-outbox.ts`)) as {
  DiskOutbox: new (options: object) => OldOutbox
}
const { encodeMessage } = (await import(`${old}/src/outbox/message-codec.ts`)) as {
  encodeMessage: (msg: object) => Buffer
}

const outbox = new DiskOutbox({
  directory,
  name: '0123456789abcdef',
  key: () => Promise.resolve(Buffer.alloc(32, 1))
})
await outbox.open()

function hl7(seq: number): string {
  return `MSH|^~\\&|WARDSYS|NORTHSIDE|REGISTRY|CITYCARE|20260102||ADT^A01|OLD-${seq}|P|2.5.1\rPID|1||${seq}^^^NORTHSIDE^MR||Lindqvist^Astrid\r`
}

function facts(seq: number, more: object = {}): object {
  return {
    ...{ seq, lane: `PID-3.1:${outbox.lane(String(seq % 2))}`, controlId: `OLD-${seq}` },
    ...{ type: 'ADT^A01', acceptedAt: 1767312000000 + seq, state: 'waiting' },
    ...{ attempts: 0, spentMs: 0, ...more }
  }
}

function settlement(seq: number): () => Buffer {
  return () => Buffer.from(JSON.stringify({ outcome: 'nak', of: seq }))
}

for (let seq = 1; seq <= 8; seq++) {
  const payload = seq === 3 ? Buffer.from(hl7(seq)) : hl7(seq)
  await outbox.add(facts(seq), () => encodeMessage({ _msgid: `id ${seq}`, payload }))
}
await outbox.update(facts(3, { attempts: 2, spentMs: 1500.5 }))
const aside = { state: 'suspended', suspendedAt: 1767312600000 }
await outbox.settle(facts(2, { ...aside, attempts: 1, reason: ':?E=S' }), settlement(2))
await outbox.settle(facts(7, { ...aside, attempts: 3, reason: '@ERR-3:206=S' }), settlement(7))
await outbox.settle(facts(5, { state: 'settled', attempts: 1 }), settlement(5))
await outbox.settle(facts(4, { state: 'settled', attempts: 4 }), settlement(4))
await outbox.remove(8)
await outbox.setPaused(true)
await outbox.close()
